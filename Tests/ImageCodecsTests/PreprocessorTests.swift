import ImageCodecs
import Testing

@Suite struct PreprocessorTests {
  @Test(
    arguments: [
      ((500, 375), (341, 256)), ((375, 500), (256, 341)), ((32, 32), (256, 256)), ((31, 700), (256, 5780)),
      ((1, 1), (256, 256)),
    ] as [((Int, Int), (Int, Int))]
  )
  func `The shorter side becomes 256 and the longer is truncated`(from: (Int, Int), to: (Int, Int)) {
    #expect(Preprocessing.torchvision.resizedSize(width: from.0, height: from.1) == to)
  }

  @Test func `Floats are torchvision's: divided by 255, less the mean, by the deviation`() throws {
    let image = try Image(width: 1, height: 1, rgb: [255, 128, 0])
    var preprocessor = try Preprocessor(Preprocessing(resize: 1, crop: 1))
    #expect(try preprocessor.values(of: image) == [2.2489083, 0.2051822, -1.8044444])
  }

  @Test func `EfficientNet-Lite's floats are (x - 127) / 128`() throws {
    let image = try Image(width: 1, height: 1, rgb: [255, 127, 0])
    var preprocessor = try Preprocessor(Preprocessing(resize: 1, crop: 1, normalization: .centred))
    #expect(try preprocessor.values(of: image) == [1, 0, -0.9921875])
  }

  @Test func `Channels come one after the other, rows from the top`() throws {
    let image = try Image(width: 2, height: 2, rgb: [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12])
    let identity = Normalization(divisor: 1, mean: [0, 0, 0], deviation: [1, 1, 1])
    var preprocessor = try Preprocessor(Preprocessing(resize: 2, crop: 2, normalization: identity))
    #expect(try preprocessor.values(of: image) == [1, 4, 7, 10, 2, 5, 8, 11, 3, 6, 9, 12])
  }

  @Test func `A crop larger than the image is padded with black`() throws {
    let image = try Image(width: 1, height: 1, rgb: [9, 8, 7])
    var preprocessor = try Preprocessor(Preprocessing(resize: 1, crop: 4))
    let pixels = preprocessor.croppedImage(of: image)
    #expect((0..<16).filter { pixels.pixel(x: $0 % 4, y: $0 / 4) != .black } == [5])
    #expect(pixels.pixel(x: 1, y: 1) == RGBColor(hex: 0x090807))
  }

  @Test func `A buffer of another size is refused`() throws {
    var preprocessor = try Preprocessor(.torchvision)
    let image = try Image(width: 1, height: 1, rgb: [0, 0, 0])
    var buffer = [Float](repeating: 0, count: 10)
    let error = #expect(throws: ImageError.self) {
      try buffer.withUnsafeMutableBufferPointer { try preprocessor.write(image, into: $0) }
    }
    #expect(error?.description == "the buffer holds 10 floats; 224x224 RGB needs 150528")
    #expect(throws: ImageError.self) { try Preprocessor(Preprocessing(resize: 0)) }
  }
}

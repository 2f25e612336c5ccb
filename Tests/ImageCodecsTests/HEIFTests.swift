import ImageCodecs
import TestSupport
import Testing

/// HEIC, AVIF and JPEG XL: small files that pillow-heif, Pillow and cjxl wrote, red 4x, green 5y, blue 128.
@Suite struct HEIFTests {
  @Test(arguments: EncodedFixture.gradients.filter(\.isReadable))
  func `HEIC, AVIF and JPEG XL have their size and colours`(fixture: EncodedFixture) throws {
    let header = try ImageHeader(decoding: fixture.bytes)
    #expect(
      header.format == (fixture.name == "JPEG XL" ? .jxl : .heif) && header.width == 64 && header.height == 48
    )
    let image = try Image(decoding: fixture.bytes)
    #expect(image.width == 64 && image.height == 48)
    var difference = 0
    for y in 0..<48 {
      for x in 0..<64 {
        let pixel = try #require(image.pixel(x: x, y: y))
        difference += abs(Int(pixel.red) - 4 * x) + abs(Int(pixel.green) - 5 * y) + abs(Int(pixel.blue) - 128)
      }
    }
    #expect(difference / (64 * 48 * 3) <= 4)
  }

  @Test(arguments: EncodedFixture.gradients.filter(\.isReadable))
  func `They are reduced like other images`(fixture: EncodedFixture) throws {
    let options = Image.DecodingOptions(background: .white, fidelity: .fast, coverage: .init(side: 8))
    let image = try Image(decoding: fixture.bytes, options: options)
    #expect(image.width == 16 && image.height == 12)
    #expect(abs(Int(image.pixel(x: 8, y: 6)?.red ?? 0) - 134) <= 6)
  }

  @Test(arguments: EncodedFixture.gradients.filter(\.isReadable))
  func `The limit of pixels is checked before decoding HEIC, AVIF and JPEG XL`(fixture: EncodedFixture) {
    let error = #expect(throws: ImageError.self) {
      try Image(decoding: fixture.bytes, options: Image.DecodingOptions(maximumPixels: 64 * 48 - 1))
    }
    #expect(error?.code == .tooLarge)
  }

  @Test(arguments: EncodedFixture.gradients.filter(\.isReadable))
  func `Cut or damaged HEIC, AVIF and JPEG XL do no harm`(fixture: EncodedFixture) {
    for count in stride(from: 12, to: fixture.bytes.count * 3 / 4, by: 7) {
      #expect(throws: ImageError.self) { try Image(decoding: Array(fixture.bytes[..<count])) }
    }
    var mutator = Mutator(seed: 1, fixture.bytes)
    for _ in 0..<40 {
      let options = Image.DecodingOptions(maximumPixels: 1 << 16)
      if let image = try? Image(decoding: mutator.next(), options: options) {
        #expect(image.rgb.count == image.width * image.height * 3)
      }
    }
  }
}

extension EncodedFixture: CustomTestStringConvertible {
  var testDescription: String { name }

  /// A machine without a library is told so by the error, which has its test in the shims of other libraries.
  var isReadable: Bool {
    do {
      _ = try ImageHeader(decoding: bytes)
      return true
    } catch { return (error as? ImageError)?.code != .unsupported }
  }
}

import ImageCodecs
import Testing

/// `Resize(256)` and `CenterCrop(224)` of torchvision over Pillow, image by image.
@Suite(.enabled(if: SharedData.isPresent, "needs ../shared/data beside the package"))
struct ReferenceCropTests {
  @Test func `PNG files give Pillow's crop bit for bit`() throws {
    let set = try ReferenceSet()
    var preprocessor = try Preprocessor(.torchvision)
    var compared = 0
    for (row, file) in set.files.enumerated() where file.hasSuffix(".png") {
      let image = try Image(contentsOfFile: SharedData.path("reference/set1/" + file))
      #expect(preprocessor.croppedImage(of: image).rgb == set.crop(row), "\(file)")
      compared += 1
    }
    #expect(compared == 13)
  }

  @Test func `JPEG files give Pillow's crop within the decoder's freedom`() throws {
    let set = try ReferenceSet()
    var preprocessor = try Preprocessor(.torchvision)
    var compared = 0
    for (row, file) in set.files.enumerated() where file.hasSuffix(".jpg") {
      let image = try Image(contentsOfFile: SharedData.path("reference/set1/" + file))
      let crop = preprocessor.croppedImage(of: image).rgb
      #expect(cosine(crop, set.crop(row)) >= 0.9999, "\(file)")
      compared += 1
    }
    #expect(compared == 4)
  }

  private func cosine(_ a: [UInt8], _ b: [UInt8]) -> Double {
    var dot = 0.0
    var aa = 0.0
    var bb = 0.0
    for (x, y) in zip(a, b) {
      dot += Double(x) * Double(y)
      aa += Double(x) * Double(x)
      bb += Double(y) * Double(y)
    }
    return dot / (aa * bb).squareRoot()
  }
}

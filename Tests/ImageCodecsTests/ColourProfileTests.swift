import ImageCodecs
import TestSupport
import Testing

/// Eight colours of eight columns each in files with a profile of Display P3, and what Pillow's ImageCms makes of them.
@Suite(.enabled(if: Image.canConvertColours, "liblcms2 is not installed"))
struct ColourProfileTests {
  private static let stored: [[UInt8]] = [
    [200, 60, 40], [30, 180, 90], [255, 255, 255], [0, 0, 0], [20, 40, 220], [128, 128, 128], [250, 200, 10],
    [5, 250, 5],
  ]
  private static let asSRGB: [[UInt8]] = [
    [217, 42, 23], [0, 183, 78], [255, 255, 255], [0, 0, 0], [12, 41, 229], [128, 128, 128], [255, 198, 0],
    [0, 255, 0],
  ]

  private func largestDifference(_ image: Image, _ expected: [[UInt8]]) -> Int {
    expected.indices.map { index in
      let pixel = image.pixel(x: index * 8 + 4, y: 4)
      let found = [pixel?.red, pixel?.green, pixel?.blue].map { Int($0 ?? 0) }
      return zip(found, expected[index]).map { abs($0 - Int($1)) }.max() ?? 255
    }.max() ?? 255
  }

  @Test(arguments: EncodedFixture.displayP3.filter(\.isReadable))
  func `Colours of Display P3 become those of sRGB that Pillow's ImageCms gives`(fixture: EncodedFixture)
    throws
  {
    // HEIC loses a little of each colour.
    let tolerance = fixture.name == "HEIC" ? 12 : fixture.name == "JPEG" ? 4 : 2
    let converted = try Image(decoding: fixture.bytes, options: Image.DecodingOptions(convertsColours: true))
    #expect(largestDifference(converted, Self.asSRGB) <= tolerance)
    let reduced = Image.DecodingOptions(convertsColours: true, fidelity: .fast, coverage: .init(side: 2))
    #expect(try Image(decoding: fixture.bytes, options: reduced).height < 8)
  }

  @Test func `Colours of Adobe RGB become those of sRGB that Pillow's ImageCms gives`() throws {
    let asSRGB: [[UInt8]] = [
      [231, 57, 34], [0, 181, 83], [255, 255, 255], [0, 0, 0], [0, 35, 225], [129, 129, 129], [255, 201, 0],
      [0, 250, 0],
    ]
    let bytes = EncodedFixture.adobeRGB.bytes
    let converted = try Image(decoding: bytes, options: Image.DecodingOptions(convertsColours: true))
    #expect(largestDifference(converted, asSRGB) <= 2)
    #expect(largestDifference(try Image(decoding: bytes), Self.stored) == 0)
  }

  @Test(arguments: EncodedFixture.displayP3.filter(\.isReadable))
  func `Without the switch colours stay as they are stored`(fixture: EncodedFixture) throws {
    let image = try Image(decoding: fixture.bytes)
    #expect(largestDifference(image, Self.stored) <= (fixture.name == "HEIC" ? 12 : 2))
  }

  @Test func `A damaged profile is as good as none`() throws {
    let fixture = EncodedFixture.displayP3[1]
    let place = try #require(fixture.bytes.firstRange(of: Array("acsp".utf8))?.lowerBound)
    var bytes = fixture.bytes
    bytes[place] = 0
    let options = Image.DecodingOptions(convertsColours: true)
    #expect(try Image(decoding: bytes, options: options) == Image(decoding: fixture.bytes))
    // The first part of two, of which the second is missing.
    bytes = fixture.bytes
    let part = try #require(bytes.firstRange(of: Array("ICC_PROFILE".utf8))?.upperBound)
    bytes[part + 2] = 2
    #expect(try Image(decoding: bytes, options: options) == Image(decoding: fixture.bytes))
  }

  @Test(arguments: EncodedFixture.displayP3.filter(\.isReadable))
  func `Mutated profiles do no harm`(fixture: EncodedFixture) {
    var mutator = Mutator(seed: 3, fixture.bytes)
    for _ in 0..<60 {
      let options = Image.DecodingOptions(maximumPixels: 1 << 16, convertsColours: true)
      if let image = try? Image(decoding: mutator.next(), options: options) {
        #expect(image.rgb.count == image.width * image.height * 3)
      }
    }
  }
}

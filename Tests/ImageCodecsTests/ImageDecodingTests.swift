import Foundation
import TestSupport
import Testing

@testable import ImageCodecs

@Suite struct ImageDecodingTests {
  @Test(arguments: PillowFixture.all)
  func `Animations are told from still images`(fixture: PillowFixture) throws {
    #expect(try Image(decoding: fixture.bytes).isFirstFrame == fixture.name.contains("animated"))
  }

  @Test func `Several frames make an animation`() throws {
    let gif = try #require(PillowFixture.all.first { $0.name == "GIF, 16 colours" }).bytes
    let frames = gif[(13 + (6 << Int(gif[10] & 7)))..<gif.count - 1]
    #expect(try Image(decoding: gif.dropLast() + frames + [0x3B]).isFirstFrame)
    #expect(try Image(decoding: gif.dropLast() + frames.prefix(9)).isFirstFrame, "the second is cut off")
    let png = try #require(PillowFixture.all.first { $0.name.hasPrefix("PNG") }).bytes
    for (count, isAnimation) in [(1, false), (2, true)] as [(UInt8, Bool)] {
      let control = [0, 0, 0, 8] + Array("acTL".utf8) + [0, 0, 0, count, 0, 0, 0, 0] + [0, 0, 0, 0]
      let bytes = Array(png.prefix(33)) + control + png.dropFirst(33)
      #expect(bytes.withUnsafeBytes { ImageFormat.png.isAnimation($0) } == isAnimation)
    }
  }

  @Test(arguments: PillowFixture.all)
  func `Pixels are Pillow's`(fixture: PillowFixture) throws {
    let image = try Image(decoding: fixture.bytes)
    #expect(image.width == fixture.width)
    #expect(image.height == fixture.height)
    #expect(image.rgb == fixture.pixels)
  }

  @Test(arguments: PillowFixture.all)
  func `No prefix of a file crashes, and few are taken for whole`(fixture: PillowFixture) throws {
    let bytes = fixture.bytes
    for count in 0..<bytes.count * 3 / 4 {
      if let image = try? Image(decoding: Array(bytes[..<count])) {
        // A GIF or PNG may have all its pixels before its end.
        #expect(image.rgb == fixture.pixels, "\(count) of \(bytes.count) bytes")
      }
    }
  }

  @Test func `A truncated JPEG fails and names the file`() throws {
    let whole = try fixture("JPEG, 4:2:0").bytes
    let error = #expect(throws: ImageError.self) {
      try Image(decoding: Array(whole.dropLast(6)), name: "cut.jpg")
    }
    #expect(error?.code == .truncated)
    #expect(
      error?.description
        == "cut.jpg: the JPEG file ends before the image does; copy or download it again"
    )
  }

  @Test(arguments: [
    ("hello, world", "not an image; JPEG, PNG, WebP, HEIC, AVIF, JPEG XL, GIF, BMP and TIFF can be read"),
    ("0000ftypqt  ", "a video; JPEG, PNG, WebP, HEIC, AVIF, JPEG XL, GIF, BMP and TIFF can be read"),
    ("<svg>", "SVG or another XML file; JPEG, PNG, WebP, HEIC, AVIF, JPEG XL, GIF, BMP and TIFF can be read"),
    ("", "the file is empty; JPEG, PNG, WebP, HEIC, AVIF, JPEG XL, GIF, BMP and TIFF can be read"),
  ])
  func `A text file named png is not an image`(text: String, reason: String) throws {
    let folder = try TemporaryFolder()
    let path = try folder.file("text.png", text)
    let error = #expect(throws: ImageError.self) { try Image(contentsOfFile: path) }
    #expect(error?.code == .notAImage)
    #expect(error?.description == "\(path): \(reason)")
  }

  @Test func `A missing file and a folder are named`() {
    let missing = #expect(throws: ImageError.self) { try Image(contentsOfFile: "/nowhere/a.png") }
    #expect(missing?.description == "/nowhere/a.png: cannot be read: No such file or directory")
    let folder = #expect(throws: ImageError.self) { try Image(contentsOfFile: "/tmp") }
    #expect(folder?.description == "/tmp: not a regular file")
  }

  @Test(arguments: PillowFixture.all)
  func `The limit of pixels is checked before decoding`(fixture: PillowFixture) throws {
    let limit = fixture.width * fixture.height - 1
    let error = #expect(throws: ImageError.self) {
      try Image(decoding: fixture.bytes, options: .init(maximumPixels: limit))
    }
    #expect(error?.code == .tooLarge)
  }

  @Test func `A bomb's header is refused without its memory`() throws {
    var png = try fixture("PNG, RGB, 8 bits").bytes
    png.replaceSubrange(16..<24, with: [0, 0, 0x20, 0, 0, 0, 0x20, 0])
    let crc: [UInt8] = [0xFD, 0xC8, 0x5D, 0x0E]
    png.replaceSubrange(29..<33, with: crc)
    let error = #expect(throws: ImageError.self) { try Image(decoding: png) }
    #expect(error?.code == .truncated)
    #expect(error?.reason.hasSuffix("bytes of data cannot hold 8192x8192 pixels") == true)
  }

  @Test func `16-bit grey is clipped as by Pillow, or scaled by choice`() throws {
    let sample = try fixture("TIFF, 16-bit grey")
    let scaled = try Image(decoding: sample.bytes, options: .init(grey16: .scaled))
    #expect(scaled.rgb.allSatisfy { $0 <= 2 })
    #expect(sample.pixels.contains(255))
  }

  @Test func `A background shows through where the image is transparent`() throws {
    let red = RGBColor(hex: 0xFF0000)
    let sample = try fixture("GIF, transparent")
    let composed = try Image(decoding: sample.bytes, options: .init(background: red)).rgb
    let changed = (0..<35).filter { composed[$0 * 3..<$0 * 3 + 3] != sample.pixels[$0 * 3..<$0 * 3 + 3] }
    #expect(!changed.isEmpty)
    for pixel in changed { #expect(Array(composed[pixel * 3..<pixel * 3 + 3]) == [255, 0, 0]) }
  }

  private func fixture(_ name: String) throws -> PillowFixture {
    try #require(PillowFixture.all.first { $0.name == name })
  }
}

extension PillowFixture: CustomTestStringConvertible {
  var testDescription: String { name }
}

import ImageCodecs
import Testing

struct ImageHeaderTests {
  @Test func aSequentialFileThatIsReducedTakesLittleMemory() throws {
    // The headers of a JPEG of 10,000 x 10,000 pixels, sequential and progressive.
    for (marker, least, most) in [(UInt8(0xC0), 0, 40 << 20), (0xC2, 600_000_000, 700_000_000)] {
      let frame: [UInt8] = [8, 0x27, 0x10, 0x27, 0x10, 3, 1, 0x22, 0, 2, 0x11, 1, 3, 0x11, 1]
      let header = try ImageHeader(decoding: [0xFF, 0xD8, 0xFF, marker, 0, 17] + frame + [0xFF, 0xD9])
      let fast = Image.DecodingOptions(fidelity: .fast, coverage: .init(side: 256))
      #expect((least...most).contains(header.decodedBytes(with: fast)))
      #expect(header.decodedBytes(with: Image.DecodingOptions()) == header.decodedBytes)
    }
  }

  @Test(arguments: PillowFixture.all)
  func saysTheSizeThatDecodingGives(fixture: PillowFixture) throws {
    let image = try Image(decoding: fixture.bytes)
    let header = try ImageHeader(decoding: fixture.bytes)
    // TIFF is turned upright when it is decoded.
    #expect([image.width, image.height].sorted() == [header.width, header.height].sorted())
    #expect(header.decodedBytes >= image.rgb.count)
  }

  /// 40,000,000 x 1 pixels in a file of a few bytes.
  @Test func aHugeImageIsKnownBeforeItIsDecoded() throws {
    var file: [UInt8] = [0x89, 0x50, 0x4E, 0x47, 0x0D, 0x0A, 0x1A, 0x0A, 0, 0, 0, 13] + Array("IHDR".utf8)
    file += [0x02, 0x62, 0x5A, 0x00, 0, 0, 0, 1, 8, 2, 0, 0, 0]
    let header = try ImageHeader(decoding: file)
    #expect((header.width, header.height) == (40_000_000, 1))
    #expect(header.decodedBytes == 440_000_000)
  }

  @Test(arguments: [[], Array("hello, world, this is text".utf8), [0xFF, 0xD8, 0xFF], Array("GIF89a".utf8)])
  func refusesWhatHasNoHeader(bytes: [UInt8]) {
    #expect(throws: ImageError.self) { try ImageHeader(decoding: bytes) }
  }

  @Test(arguments: PillowFixture.all)
  func damagedHeadersDoNoHarm(fixture: PillowFixture) {
    for length in stride(from: 0, to: min(fixture.bytes.count, 200), by: 7) {
      _ = try? ImageHeader(decoding: Array(fixture.bytes.prefix(length)))
    }
  }
}

import CJPEG
import TestSupport
import Testing

/// JPEG at an eighth of its size, which is read without libjpeg-turbo as long as a file is regular: `block_means.h`.
@Suite struct BlockMeansTests {
  private struct Eighth: Equatable {
    var rows: [UInt8]
    var usesMeans: Bool
  }

  /// nil for what cannot be read, and for what is larger than these files.
  private func eighth(_ file: [UInt8], allowsMeans: Bool, past skipped: Int = 0) -> Eighth? {
    file.withUnsafeBytes { bytes in
      var header = adbvec_jpeg_header()
      guard adbvec_jpeg_problem() == nil, let reader = adbvec_jpeg_open(bytes.baseAddress, bytes.count) else {
        return nil
      }
      defer { adbvec_jpeg_close(reader) }
      guard adbvec_jpeg_start(reader, 8, allowsMeans ? 1 : 0, &header) == 0, header.width < 1000,
        (skipped...1000).contains(Int(header.height)),
        adbvec_jpeg_read_rows(reader, nil, UInt32(skipped)) == 0
      else { return nil }
      let left = header.height - UInt32(skipped)
      var rows = [UInt8](repeating: 0, count: Int(header.width) * Int(header.channels) * Int(left))
      let status = rows.withUnsafeMutableBufferPointer {
        adbvec_jpeg_read_rows(reader, $0.baseAddress, left)
      }
      return status == 0 ? Eighth(rows: rows, usesMeans: adbvec_jpeg_uses_means(reader) != 0) : nil
    }
  }

  private static let regular = EncodedFixture.jpegs.prefix(5)
  private static let others = EncodedFixture.jpegs.dropFirst(5)

  @Test(arguments: regular)
  func `A regular file has libjpeg-turbo's pixels`(fixture: EncodedFixture) throws {
    let expected = try #require(eighth(fixture.bytes, allowsMeans: false))
    #expect(!expected.usesMeans)
    #expect(Set(expected.rows).count > 20)
    for skipped in 0...4 {
      let found = try #require(eighth(fixture.bytes, allowsMeans: true, past: skipped))
      #expect(found.usesMeans)
      #expect(found.rows == Array(expected.rows.dropFirst(skipped * expected.rows.count / 5)))
    }
  }

  @Test(arguments: others)
  func `Other files are left to libjpeg-turbo`(fixture: EncodedFixture) throws {
    let expected = try #require(eighth(fixture.bytes, allowsMeans: false))
    #expect(eighth(fixture.bytes, allowsMeans: true) == expected)
  }

  @Test(arguments: regular)
  func `From the first irregularity on, a file is libjpeg-turbo's`(fixture: EncodedFixture) throws {
    let bytes = fixture.bytes
    for cut in [bytes.count - 40, bytes.count * 3 / 4] {
      let file = bytes[..<cut] + [0xFF, 0xD9]
      let expected = try #require(eighth(Array(file), allowsMeans: false))
      #expect(eighth(Array(file), allowsMeans: true) == expected)
    }
  }

  @Test(arguments: EncodedFixture.jpegs)
  func `Damage is treated as libjpeg-turbo treats it`(fixture: EncodedFixture) {
    var mutator = Mutator(seed: 3, fixture.bytes)
    var (read, asMeans) = (0, 0)
    for _ in 0..<300 {
      let file = mutator.next()
      guard let expected = eighth(file, allowsMeans: false) else { continue }
      let found = eighth(file, allowsMeans: true)
      #expect(found?.rows == expected.rows)
      read += 1
      asMeans += found?.usesMeans == true ? 1 : 0
    }
    #expect(read > 50)
    #expect((asMeans > 10) == Self.regular.contains { $0.name == fixture.name })
  }
}

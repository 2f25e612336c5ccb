internal import Basics

/// A tar archive (POSIX ustar, pax and GNU's long names), compressed or not, read once from front to back.
enum TarArchive {
  private static let block = 512
  private static let largestName = 1 << 16

  /// Unpacks the regular files whose paths are wanted into one file that is gone with the process.
  ///
  /// - Returns: the wanted files in the archive's order, how many files there are in all, and one of those left out.
  /// - Throws: `CollectionError`.
  static func unpack(
    _ path: String,
    where isWanted: (String) -> Bool
  ) throws -> (files: [(name: String, file: BinaryFile)], count: Int, example: String?) {
    let stream = try ByteStream(path: path, decompresses: true)
    let storage = try TemporaryFile()
    var found: [(name: String, range: Range<Int>)] = []
    var (count, example) = (0, String?.none)
    // A name that stands in an entry of its own in front of the file's.
    var longName: String?
    while let header = try Header(stream, damaged: damaged(path)) {
      switch header.type {
      case UInt8(ascii: "L"):
        longName = try text(of: header, stream, path).map { String($0.prefix { $0 != "\0" }) }
      case UInt8(ascii: "x"): longName = try text(of: header, stream, path).flatMap(paxPath) ?? longName
      case UInt8(ascii: "0"), 0, UInt8(ascii: "7"):
        let name = longName ?? header.name
        longName = nil
        count += 1
        if isWanted(name) {
          let start = storage.size
          try pass(header.size, stream, path) { try storage.append($0) }
          found.append((name, start..<storage.size))
        } else {
          example = example ?? name
          try pass(header.size, stream, path) { _ in }
        }
      default:
        longName = nil
        try pass(header.size, stream, path) { _ in }
      }
      let padding = (block - header.size % block) % block
      try pass(padding, stream, path) { _ in }
    }
    // Only its end shows that a compressed file is whole.
    _ = try stream.drain()
    let all = try storage.reader(path: path)
    return (
      found.map { ($0.name, BinaryFile($0.range, of: all, path: "\(path):\($0.name)")) }, count, example
    )
  }

  /// Whether bytes begin with the header of a file in an archive.
  static func isHeader(_ bytes: UnsafeRawBufferPointer) -> Bool {
    bytes.count >= block && Header.isWhole(Array(bytes.prefix(block)))
  }

  private static func damaged(_ path: String) -> CollectionError {
    CollectionError(
      .damaged,
      file: path,
      "as a tar archive, it is damaged or cut short; copy or download it again"
    )
  }

  private static func pass(
    _ count: Int,
    _ stream: ByteStream,
    _ path: String,
    _ body: (UnsafeRawBufferPointer) throws -> Void
  ) throws {
    var rest = count
    while rest > 0 {
      guard try stream.require(1) else { throw damaged(path) }
      let part = min(rest, stream.availableCount)
      try stream.withAvailable { try body(UnsafeRawBufferPointer(rebasing: $0[..<part])) }
      stream.consume(part)
      rest -= part
    }
  }

  private static func text(of header: Header, _ stream: ByteStream, _ path: String) throws -> String? {
    guard header.size <= largestName else { throw damaged(path) }
    var bytes: [UInt8] = []
    try pass(header.size, stream, path) { bytes += $0 }
    return PathText.text(bytes)
  }

  /// The path of a pax header, which is lines `LENGTH KEY=VALUE`.
  private static func paxPath(_ text: String) -> String? {
    text.split(separator: "\n").compactMap { line -> String? in
      guard let blank = line.firstIndex(of: " ") else { return nil }
      let pair = line[line.index(after: blank)...]
      return pair.hasPrefix("path=") ? String(pair.dropFirst("path=".count)) : nil
    }.last
  }

  private struct Header {
    let name: String
    let size: Int
    let type: UInt8

    /// Nil at the archive's end: a block of zeros, or the end of the data.
    init?(_ stream: ByteStream, damaged: CollectionError) throws {
      guard try stream.require(1) else { return nil }
      guard try stream.require(block) else { throw damaged }
      let bytes = stream.withAvailable { Array($0.prefix(block)) }
      stream.consume(block)
      guard bytes.contains(where: { $0 != 0 }) else { return nil }
      guard Self.isWhole(bytes), let size = Self.number(bytes[124..<136]) else { throw damaged }
      self.size = size
      type = bytes[156]
      let prefix = bytes[257..<262].elementsEqual("ustar".utf8) ? bytes[345..<500].prefix { $0 != 0 } : []
      let name = bytes[..<100].prefix { $0 != 0 }
      self.name = PathText.text(prefix.isEmpty ? Array(name) : Array(prefix) + [UInt8(ascii: "/")] + name)
    }

    /// Whether the checksum is right, in which the field that holds it counts as blanks.
    static func isWhole(_ bytes: [UInt8]) -> Bool {
      let sum = bytes.indices.reduce(0) { $0 + ((148..<156).contains($1) ? 0x20 : Int(bytes[$1])) }
      return number(bytes[148..<156]) == sum
    }

    /// Octal digits, or a base-256 number behind a set high bit.
    private static func number(_ field: ArraySlice<UInt8>) -> Int? {
      guard let first = field.first else { return nil }
      if first & 0x80 != 0 {
        guard first == 0x80, field.dropFirst().dropLast(7).allSatisfy({ $0 == 0 }) else { return nil }
        return field.suffix(7).reduce(0) { $0 << 8 | Int($1) }
      }
      let digits = field.filter { $0 != 0x20 && $0 != 0 }
      guard digits.count <= 12, digits.allSatisfy({ (0x30...0x37).contains($0) }) else { return nil }
      return digits.reduce(0) { $0 << 3 | Int($1 - 0x30) }
    }
  }
}

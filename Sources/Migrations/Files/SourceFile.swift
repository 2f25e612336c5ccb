public import SQLLexer

/// A text file, with byte order mark and carriage returns taken off.
public struct SourceFile: Sendable, Hashable {
  /// The name to show in messages: a path, or the name inside the program.
  public let path: String
  /// The text.
  public let text: SourceText

  /// SHA-256 of the text, in hexadecimal.
  var hash: String { SHA256Hex.of(text.utf8) }

  /// The file's name without folders.
  public var name: String { path.split(separator: "/").last.map(String.init) ?? path }

  /// A file from its bytes.
  /// - Throws: `MigrationError` with code `unreadableFile` when they are no UTF-8, or hold NUL.
  public init(path: String, bytes: [UInt8]) throws {
    let normalised = Self.normalise(bytes)
    self.path = path
    text = SourceText(utf8: normalised)
    if let bad = Self.firstInvalidByte(normalised) {
      throw MigrationError(
        .unreadableFile,
        "this is not UTF-8 text (byte 0x\(String(normalised[bad], radix: 16, uppercase: true)))",
        hint: "save the file as UTF-8",
        at: SourceLocation(file: path, text: SourceText(utf8: Array(normalised[..<bad])), offset: bad)
      )
    }
  }

  /// Editors on other systems write a byte order mark and CRLF; neither changes what a migration is.
  private static func normalise(_ bytes: [UInt8]) -> [UInt8] {
    let content = bytes.starts(with: [0xEF, 0xBB, 0xBF]) ? bytes[3...] : bytes[...]
    guard content.contains(0x0D) else { return Array(content) }
    var kept: [UInt8] = []
    kept.reserveCapacity(content.count)
    for index in content.indices {
      let isBeforeNewline = index + 1 < content.endIndex && content[index + 1] == 0x0A
      if content[index] != 0x0D || !isBeforeNewline { kept.append(content[index]) }
    }
    return kept
  }

  private static func firstInvalidByte(_ bytes: [UInt8]) -> Int? {
    if let nul = bytes.firstIndex(of: 0) { return nul }
    if String(validating: bytes, as: UTF8.self) != nil { return nil }
    var decoder = UTF8()
    var iterator = bytes.makeIterator()
    var consumed = 0
    while case .scalarValue(let scalar) = decoder.decode(&iterator) { consumed += UTF8.width(scalar) }
    return min(consumed, bytes.count - 1)
  }
}

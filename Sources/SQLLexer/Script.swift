/// SQL text cut into tokens and statements, as `psql` cuts it (without psql's own backslash commands).
///
/// A semicolon ends a statement unless it stands inside a string, a comment, an identifier, parentheses, or the
/// `BEGIN ATOMIC … END` body of a routine. The lines behind `COPY … FROM STDIN;` are its data, up to `\.`.
public struct Script: Sendable, Hashable {
  /// The text.
  public let source: SourceText
  /// All tokens in their order, white space and comments included; COPY data is not made of tokens.
  public let tokens: [Token]
  /// The statements in their order.
  public let statements: [SQLStatement]
  /// What is wrong with the text, in its order; the statements before it can still be used.
  public let errors: [LexicalError]

  /// Reads a text. A broken text is read to its end, and says so in `errors`.
  public init(_ text: String, standardConformingStrings: Bool = true) {
    self.init(SourceText(text), standardConformingStrings: standardConformingStrings)
  }

  /// Reads a text. A broken text is read to its end, and says so in `errors`.
  public init(_ source: SourceText, standardConformingStrings: Bool = true) {
    var splitter = Splitter(source, standardConformingStrings: standardConformingStrings)
    splitter.run()
    self.source = source
    tokens = splitter.tokens
    statements = splitter.statements
    errors = splitter.errors
  }

  /// All tokens of a text that is not split into statements, such as a routine's body, where COPY has no data.
  public static func tokens(of utf8: [UInt8]) -> [Token] {
    var scanner = Scanner(utf8, standardConformingStrings: true)
    var tokens: [Token] = []
    while let token = scanner.next() { tokens.append(token) }
    return tokens
  }
}

/// One token of SQL text: what it is, and which bytes it takes.
public struct Token: Sendable, Hashable {
  /// What a token is.
  public enum Kind: UInt8, Sendable, Hashable {
    /// Blanks, tabs and line ends.
    case whitespace
    /// `-- …` up to the line's end.
    case lineComment
    /// `/* … */`, nested as PostgreSQL nests them.
    case blockComment
    /// A keyword or an unquoted identifier.
    case word
    /// `"…"` or `U&"…"`.
    case quotedIdentifier
    /// `'…'` with its continuation lines, also `N'…'`.
    case string
    /// `E'…'`, where a backslash escapes.
    case escapeString
    /// `U&'…'`.
    case unicodeString
    /// `B'…'` or `X'…'`.
    case bitString
    /// `$tag$ … $tag$`.
    case dollarString
    /// `1`, `1_000`, `0xFF`, `1.5e-3`, `.5`.
    case number
    /// `$1`.
    case parameter
    /// An operator's name, such as `<->`.
    case `operator`
    /// `( ) [ ] , ; . : :: := ..`
    case punctuation
    /// A byte that no SQL token begins with, such as `{` or a lone backslash.
    case unknown
  }

  // Twelve bytes: a large file has millions of tokens.
  private let start: UInt32
  private let length: UInt32
  /// What it is.
  public let kind: Kind

  /// The bytes it takes in the UTF-8 text, which has at most 4 GiB.
  public var range: Range<Int> { Int(start)..<Int(start) + Int(length) }

  init(kind: Kind, range: Range<Int>) {
    self.kind = kind
    start = UInt32(clamping: range.lowerBound)
    length = UInt32(clamping: range.count)
  }

  /// False for white space and comments, which no statement is made of.
  public var isSignificant: Bool {
    switch kind {
    case .whitespace, .lineComment, .blockComment: false
    default: true
    }
  }
}

/// A text that PostgreSQL's scanner would refuse, or that can be read in two ways.
public struct LexicalError: Error, Sendable, Hashable, CustomStringConvertible {
  /// What is wrong.
  public struct Code: Sendable, Hashable, CustomStringConvertible {
    /// A short stable name.
    public let description: String

    /// `'…` without its end.
    public static let unterminatedString = Code(description: "unterminated string")
    /// `"…` without its end.
    public static let unterminatedIdentifier = Code(description: "unterminated quoted identifier")
    /// `$tag$ …` without its end.
    public static let unterminatedDollarString = Code(description: "unterminated dollar-quoted string")
    /// `/* …` without its end.
    public static let unterminatedComment = Code(description: "unterminated comment")
    /// `""`.
    public static let emptyIdentifier = Code(description: "zero-length quoted identifier")
    /// SQL behind `COPY … FROM STDIN;` on the same line, where the data begins on the next.
    public static let textBesideCopyData = Code(
      description: "text after COPY … FROM STDIN on the same line"
    )
  }

  /// What is wrong.
  public let code: Code
  /// Where it begins.
  public let position: SourcePosition

  /// One line for people.
  public var description: String { "\(position.line):\(position.column): \(code)" }
}

/// A text held as UTF-8, which knows where its lines begin.
public struct SourceText: Sendable, Hashable {
  /// The text's bytes.
  public let utf8: [UInt8]

  /// What stands before each block of bytes but the first, so that a place is found without reading all before it: a
  /// file of many statements is asked for the place of each.
  private let blocks: [Place]

  /// Line and column before a byte, both from 0.
  private struct Place: Sendable {
    var line = 0
    var column = 0

    mutating func pass(_ byte: UInt8) {
      if byte == Byte.newline {
        line += 1
        column = 0
      } else if !Byte.isContinuation(byte) {
        column += 1
      }
    }
  }

  private static let blockSize = 4096

  /// The text of a string.
  public init(_ text: String) {
    self.init(utf8: Array(text.utf8))
  }

  /// The text of bytes that are known to be UTF-8.
  public init(utf8: [UInt8]) {
    self.utf8 = utf8
    var blocks: [Place] = []
    var place = Place()
    if utf8.count > Self.blockSize {
      blocks.reserveCapacity(utf8.count / Self.blockSize)
      utf8.withUnsafeBufferPointer { bytes in
        for start in stride(from: 0, to: bytes.count - Self.blockSize, by: Self.blockSize) {
          for index in start..<start + Self.blockSize { place.pass(bytes[index]) }
          blocks.append(place)
        }
      }
    }
    self.blocks = blocks
  }

  /// Texts of the same bytes are equal.
  public static func == (left: SourceText, right: SourceText) -> Bool { left.utf8 == right.utf8 }

  /// Hashes the bytes.
  public func hash(into hasher: inout Hasher) { hasher.combine(utf8) }

  /// The whole text as a string.
  public var string: String { String(decoding: utf8, as: UTF8.self) }

  /// The text in a range of bytes.
  public subscript(range: Range<Int>) -> String {
    String(decoding: utf8[range.clamped(to: 0..<utf8.count)], as: UTF8.self)
  }

  /// The place of a byte; offsets beyond the end give the place after the last byte.
  public func position(at offset: Int) -> SourcePosition {
    let offset = min(max(offset, 0), utf8.count)
    let block = min(offset / Self.blockSize, blocks.count)
    var place = block > 0 ? blocks[block - 1] : Place()
    for index in block * Self.blockSize..<offset { place.pass(utf8[index]) }
    return SourcePosition(utf8Offset: offset, line: place.line + 1, column: place.column + 1)
  }

  /// The line that holds a byte, without its line end.
  public func line(at offset: Int) -> String {
    let offset = min(max(offset, 0), utf8.count)
    let start = utf8[..<offset].lastIndex(of: Byte.newline).map { $0 + 1 } ?? 0
    let end = utf8[offset...].firstIndex(of: Byte.newline) ?? utf8.count
    return self[start..<(end > start && utf8[end - 1] == Byte.carriageReturn ? end - 1 : end)]
  }

  /// The byte offset of a character counted from 1, as PostgreSQL counts in its error positions.
  public func offset(ofCharacter character: Int, from start: Int = 0) -> Int {
    var remaining = character - 1
    var offset = start
    while offset < utf8.count {
      if !Byte.isContinuation(utf8[offset]) {
        if remaining == 0 { return offset }
        remaining -= 1
      }
      offset += 1
    }
    return offset
  }
}

/// A place in a text, as editors and compilers count it.
public struct SourcePosition: Sendable, Hashable {
  /// Bytes before it in UTF-8, from 0.
  public let utf8Offset: Int
  /// The line, from 1.
  public let line: Int
  /// The column in Unicode scalars, from 1.
  public let column: Int

  /// A place given by all three counts.
  public init(utf8Offset: Int, line: Int, column: Int) {
    self.utf8Offset = utf8Offset
    self.line = line
    self.column = column
  }
}

/// Cuts SQL text into tokens by the rules of PostgreSQL's `scan.l`, one at a time.
struct Scanner {
  let bytes: [UInt8]
  /// False for servers that still read a backslash in `'…'` as an escape.
  let standardConformingStrings: Bool
  var offset = 0
  var failure: (code: LexicalError.Code, offset: Int)?

  init(_ bytes: [UInt8], standardConformingStrings: Bool) {
    self.bytes = bytes
    self.standardConformingStrings = standardConformingStrings
  }

  /// The byte some places ahead; 0 beyond the end (PostgreSQL text holds no NUL).
  func peek(_ ahead: Int = 0) -> UInt8 {
    let index = offset + ahead
    return index < bytes.count ? bytes[index] : 0
  }

  mutating func next() -> Token? {
    guard offset < bytes.count else { return nil }
    let start = offset
    let kind = scan()
    return Token(kind: kind, range: start..<offset)
  }

  private mutating func scan() -> Token.Kind {
    let byte = peek()
    switch byte {
    case _ where Byte.isSpace(byte):
      skip(while: Byte.isSpace)
      return .whitespace
    case Byte.dash where peek(1) == Byte.dash:
      skip { !Byte.isLineEnd($0) }
      return .lineComment
    case Byte.slash where peek(1) == Byte.star:
      return blockComment()
    case Byte.quote:
      return string(.string, escapes: !standardConformingStrings, prefix: 1)
    case Byte.doubleQuote:
      return quotedIdentifier(prefix: 1)
    case Byte.dollar:
      return dollar()
    case _ where Byte.startsIdentifier(byte):
      return prefixedString() ?? word()
    case _ where Byte.isDigit(byte), Byte.dot where Byte.isDigit(peek(1)):
      return number()
    case _ where Byte.isOperator(byte):
      return operatorName()
    default:
      return punctuation(byte)
    }
  }

  mutating func skip(while condition: (UInt8) -> Bool) {
    while offset < bytes.count, condition(bytes[offset]) { offset += 1 }
  }

  mutating func fail(_ code: LexicalError.Code, at start: Int) {
    if failure == nil { failure = (code, start) }
  }

  private mutating func word() -> Token.Kind {
    skip(while: Byte.continuesIdentifier)
    return .word
  }

  private mutating func punctuation(_ byte: UInt8) -> Token.Kind {
    switch byte {
    case Byte.colon where peek(1) == Byte.colon || peek(1) == Byte.equals:
      offset += 2
    case Byte.dot where peek(1) == Byte.dot:
      offset += 2
    case UInt8(ascii: "("), UInt8(ascii: ")"), UInt8(ascii: "["), UInt8(ascii: "]"), UInt8(ascii: ","),
      Byte.semicolon, Byte.dot, Byte.colon:
      offset += 1
    default:
      offset += 1
      return .unknown
    }
    return .punctuation
  }

  /// Longest run of operator characters that begins no comment; a trailing sign is given back unless the name has a
  /// character that only operators use.
  private mutating func operatorName() -> Token.Kind {
    let start = offset
    while Byte.isOperator(peek()), !startsComment() { offset += 1 }
    let operatorOnly = bytes[start..<offset].firstIndex(where: Byte.allowsTrailingSign) ?? offset
    while offset - start > 1, isSign(bytes[offset - 1]), operatorOnly >= offset - 1 { offset -= 1 }
    return .operator
  }

  private func startsComment() -> Bool {
    (peek() == Byte.dash && peek(1) == Byte.dash) || (peek() == Byte.slash && peek(1) == Byte.star)
  }

  private func isSign(_ byte: UInt8) -> Bool { byte == Byte.dash || byte == UInt8(ascii: "+") }
}

/// The classes of bytes that PostgreSQL's scanner knows (`src/backend/parser/scan.l`).
enum Byte {
  static let newline = UInt8(ascii: "\n")
  static let carriageReturn = UInt8(ascii: "\r")
  static let quote = UInt8(ascii: "'")
  static let doubleQuote = UInt8(ascii: "\"")
  static let backslash = UInt8(ascii: "\\")
  static let dollar = UInt8(ascii: "$")
  static let dash = UInt8(ascii: "-")
  static let slash = UInt8(ascii: "/")
  static let star = UInt8(ascii: "*")
  static let dot = UInt8(ascii: ".")
  static let colon = UInt8(ascii: ":")
  static let equals = UInt8(ascii: "=")
  static let underscore = UInt8(ascii: "_")
  static let semicolon = UInt8(ascii: ";")
  static let openParenthesis = UInt8(ascii: "(")
  static let closeParenthesis = UInt8(ascii: ")")

  static func isContinuation(_ byte: UInt8) -> Bool { byte & 0xC0 == 0x80 }

  static func isLineEnd(_ byte: UInt8) -> Bool { byte == newline || byte == carriageReturn }

  static func isSpace(_ byte: UInt8) -> Bool { byte == 0x20 || (0x09...0x0D).contains(byte) }

  static func isDigit(_ byte: UInt8) -> Bool { (0x30...0x39).contains(byte) }

  static func isHexDigit(_ byte: UInt8) -> Bool {
    isDigit(byte) || (0x41...0x46).contains(byte & 0xDF)
  }

  static func isLetter(_ byte: UInt8) -> Bool { (0x41...0x5A).contains(byte & 0xDF) }

  static func startsIdentifier(_ byte: UInt8) -> Bool {
    isLetter(byte) || byte == underscore || byte >= 0x80
  }

  static func continuesIdentifier(_ byte: UInt8) -> Bool {
    startsIdentifier(byte) || isDigit(byte) || byte == dollar
  }

  static func continuesDollarTag(_ byte: UInt8) -> Bool {
    startsIdentifier(byte) || isDigit(byte)
  }

  static func isOperator(_ byte: UInt8) -> Bool {
    switch byte {
    case UInt8(ascii: "~"), UInt8(ascii: "!"), UInt8(ascii: "@"), UInt8(ascii: "#"), UInt8(ascii: "^"),
      UInt8(ascii: "&"), UInt8(ascii: "|"), UInt8(ascii: "`"), UInt8(ascii: "?"), UInt8(ascii: "+"),
      UInt8(ascii: "-"), UInt8(ascii: "*"), UInt8(ascii: "/"), UInt8(ascii: "%"), UInt8(ascii: "<"),
      UInt8(ascii: ">"), UInt8(ascii: "="):
      return true
    default:
      return false
    }
  }

  /// Operators with one of these may end in `+` or `-`; others give the sign back to the next token.
  static func allowsTrailingSign(_ byte: UInt8) -> Bool {
    switch byte {
    case UInt8(ascii: "~"), UInt8(ascii: "!"), UInt8(ascii: "@"), UInt8(ascii: "#"), UInt8(ascii: "^"),
      UInt8(ascii: "&"), UInt8(ascii: "|"), UInt8(ascii: "`"), UInt8(ascii: "?"), UInt8(ascii: "%"):
      return true
    default:
      return false
    }
  }
}

extension Scanner {
  /// `E'…' B'…' X'…' N'…' U&'…' U&"…"`; nil when the letter only begins a word.
  mutating func prefixedString() -> Token.Kind? {
    let second = peek(1)
    switch peek() | 0x20 {
    case UInt8(ascii: "e") where second == Byte.quote:
      return string(.escapeString, escapes: true, prefix: 2)
    case UInt8(ascii: "b") where second == Byte.quote, UInt8(ascii: "x") where second == Byte.quote:
      return string(.bitString, escapes: false, prefix: 2)
    case UInt8(ascii: "n") where second == Byte.quote:
      return string(.string, escapes: !standardConformingStrings, prefix: 2)
    case UInt8(ascii: "u") where second == UInt8(ascii: "&") && peek(2) == Byte.quote:
      return string(.unicodeString, escapes: false, prefix: 3)
    case UInt8(ascii: "u") where second == UInt8(ascii: "&") && peek(2) == Byte.doubleQuote:
      return quotedIdentifier(prefix: 3)
    default:
      return nil
    }
  }

  /// A quoted string with its continuations: `'a'`, a line end, `'b'` is one literal, read by the first part's rules.
  mutating func string(_ kind: Token.Kind, escapes: Bool, prefix: Int) -> Token.Kind {
    let start = offset
    offset += prefix
    while offset < bytes.count {
      let byte = bytes[offset]
      offset += 1
      if byte == Byte.backslash, escapes {
        offset = min(offset + 1, bytes.count)
      } else if byte == Byte.quote {
        if peek() == Byte.quote {
          offset += 1
        } else if let continuation = continuation() {
          offset = continuation
        } else {
          return kind
        }
      }
    }
    fail(.unterminatedString, at: start)
    return kind
  }

  mutating func quotedIdentifier(prefix: Int) -> Token.Kind {
    let start = offset
    offset += prefix
    let content = offset
    while offset < bytes.count {
      let byte = bytes[offset]
      offset += 1
      guard byte == Byte.doubleQuote else { continue }
      if peek() == Byte.doubleQuote {
        offset += 1
      } else {
        if offset - 1 == content { fail(.emptyIdentifier, at: start) }
        return .quotedIdentifier
      }
    }
    fail(.unterminatedIdentifier, at: start)
    return .quotedIdentifier
  }

  /// `$1`, `$tag$ … $tag$`, or a dollar sign that begins nothing.
  mutating func dollar() -> Token.Kind {
    if Byte.isDigit(peek(1)) {
      offset += 1
      skip(while: Byte.isDigit)
      return .parameter
    }
    guard let delimiter = dollarDelimiter() else {
      offset += 1
      return .unknown
    }
    let start = offset
    offset += delimiter.count
    while offset < bytes.count {
      if bytes[offset] == Byte.dollar, bytes[offset...].starts(with: delimiter) {
        offset += delimiter.count
        return .dollarString
      }
      offset += 1
    }
    fail(.unterminatedDollarString, at: start)
    return .dollarString
  }

  mutating func blockComment() -> Token.Kind {
    let start = offset
    var depth = 0
    while offset < bytes.count {
      if peek() == Byte.slash, peek(1) == Byte.star {
        depth += 1
        offset += 2
      } else if peek() == Byte.star, peek(1) == Byte.slash {
        depth -= 1
        offset += 2
        if depth == 0 { return .blockComment }
      } else {
        offset += 1
      }
    }
    fail(.unterminatedComment, at: start)
    return .blockComment
  }

  /// Where the next part's content begins, when white space with a line end (and `--` comments) leads to a quote.
  fileprivate func continuation() -> Int? {
    var index = offset
    var sawLineEnd = false
    while index < bytes.count {
      if Byte.isSpace(bytes[index]) {
        sawLineEnd = sawLineEnd || Byte.isLineEnd(bytes[index])
        index += 1
      } else if bytes[index...].starts(with: [Byte.dash, Byte.dash]) {
        index = bytes[index...].firstIndex(where: Byte.isLineEnd) ?? bytes.count
      } else {
        return sawLineEnd && bytes[index] == Byte.quote ? index + 1 : nil
      }
    }
    return nil
  }

  private func dollarDelimiter() -> ArraySlice<UInt8>? {
    var index = offset + 1
    if index < bytes.count, Byte.startsIdentifier(bytes[index]) {
      while index < bytes.count, Byte.continuesDollarTag(bytes[index]) { index += 1 }
    }
    guard index < bytes.count, bytes[index] == Byte.dollar else { return nil }
    return bytes[offset...index]
  }
}

extension Scanner {
  /// Integers in four bases with `_` between digits, decimals, exponents; `1..2` stops before the two dots.
  mutating func number() -> Token.Kind {
    if peek() == UInt8(ascii: "0"), let isDigit = baseDigits(peek(1)), followsDigit(isDigit) {
      offset += 2
      skip { isDigit($0) || $0 == Byte.underscore }
      return .number
    }
    digits()
    if peek() == Byte.dot, peek(1) != Byte.dot {
      offset += 1
      digits()
    }
    if peek() | 0x20 == UInt8(ascii: "e") { exponent() }
    return .number
  }

  private mutating func digits() {
    skip(while: Byte.isDigit)
    while peek() == Byte.underscore, Byte.isDigit(peek(1)) {
      offset += 1
      skip(while: Byte.isDigit)
    }
  }

  private mutating func exponent() {
    let signed = peek(1) == UInt8(ascii: "+") || peek(1) == Byte.dash
    guard Byte.isDigit(peek(signed ? 2 : 1)) else { return }
    offset += signed ? 2 : 1
    digits()
  }

  private func baseDigits(_ letter: UInt8) -> ((UInt8) -> Bool)? {
    switch letter | 0x20 {
    case UInt8(ascii: "x"): Byte.isHexDigit
    case UInt8(ascii: "o"): { (0x30...0x37).contains($0) }
    case UInt8(ascii: "b"): { $0 == 0x30 || $0 == 0x31 }
    default: nil
    }
  }

  private func followsDigit(_ isDigit: (UInt8) -> Bool) -> Bool {
    isDigit(peek(2) == Byte.underscore ? peek(3) : peek(2))
  }
}

extension Script {
  /// A literal that goes on over several lines as one of the same value: `'a'`, a line end, `'b'` becomes `'ab'`.
  public static func joiningLines(of literal: ArraySlice<UInt8>, _ kind: Token.Kind) -> [UInt8] {
    var scanner = Scanner(Array(literal), standardConformingStrings: true)
    guard let quote = scanner.bytes.firstIndex(of: Byte.quote) else { return scanner.bytes }
    var joined = Array(scanner.bytes[...quote])
    scanner.offset = quote + 1
    while scanner.offset < scanner.bytes.count {
      let byte = scanner.peek()
      scanner.offset += 1
      if byte == Byte.quote, scanner.peek() != Byte.quote, let next = scanner.continuation() {
        scanner.offset = next
        continue
      }
      joined.append(byte)
      let isPair = byte == Byte.quote || byte == Byte.backslash && kind == .escapeString
      if isPair, scanner.offset < scanner.bytes.count {
        joined.append(scanner.peek())
        scanner.offset += 1
      }
    }
    return joined
  }
}

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

import FoundationEssentials
internal import Glibc

/// Reads decimal numbers as floats, rounded as `strtof` and PostgreSQL's `float4in` round, several times faster.
///
/// Up to 19 digits are an integer scaled by a power of ten in double precision, wrong by less than three of a double's
/// steps. Rounding that to a float can only go wrong where the double lies within those steps of the middle between two
/// floats; there, and at the ends of the range, `strtof` decides.
enum FloatScanner {
  /// Reads a number that starts at `index`, and moves `index` behind it; nil when none starts there.
  ///
  /// `nan`, `inf` and `infinity` are read in any case, with or without a sign.
  @inline(__always)
  static func scan(_ bytes: UnsafeRawBufferPointer, _ index: inout Int) -> Float? {
    let start = index
    var cursor = index
    let end = bytes.count
    var negative = false
    if cursor < end, bytes[cursor] == 0x2D || bytes[cursor] == 0x2B {
      negative = bytes[cursor] == 0x2D
      cursor += 1
    }
    var digits = Digits()
    digits.read(bytes, &cursor)
    if cursor < end, bytes[cursor] == 0x2E {
      cursor += 1
      digits.readFraction(bytes, &cursor)
    }
    guard digits.any else { return slowScan(bytes, &index) }
    if cursor < end, bytes[cursor] | 0x20 == 0x65 {
      digits.readExponent(bytes, &cursor)
    }
    index = cursor
    guard let magnitude = digits.float else { return slowValue(bytes, start..<cursor) }
    return negative ? -magnitude : magnitude
  }

  /// The words for what is not a number.
  private static func slowScan(_ bytes: UnsafeRawBufferPointer, _ index: inout Int) -> Float? {
    var cursor = index
    if cursor < bytes.count, bytes[cursor] == 0x2D || bytes[cursor] == 0x2B { cursor += 1 }
    let wordStart = cursor
    while cursor < bytes.count, (0x61...0x7A).contains(bytes[cursor] | 0x20) { cursor += 1 }
    let word = String(decoding: bytes[wordStart..<cursor], as: UTF8.self).lowercased()
    guard ["nan", "inf", "infinity"].contains(word) else { return nil }
    defer { index = cursor }
    return slowValue(bytes, index..<cursor)
  }

  private static func slowValue(_ bytes: UnsafeRawBufferPointer, _ range: Range<Int>) -> Float {
    let text = bytes[range].map { CChar(bitPattern: $0) } + [0]
    return strtof(text, nil)
  }
}

/// A decimal number without its sign: `mantissa · 10^exponent`.
private struct Digits {
  private var mantissa: UInt64 = 0
  /// Significant digits in the mantissa; leading zeros are not.
  private var significant = 0
  private var exponent = 0
  private(set) var any = false

  @inline(__always)
  mutating func read(_ bytes: UnsafeRawBufferPointer, _ cursor: inout Int) {
    while cursor < bytes.count {
      let digit = bytes[cursor] &- 0x30
      guard digit <= 9 else { break }
      if !append(digit) { exponent += 1 }
      cursor += 1
    }
  }

  @inline(__always)
  mutating func readFraction(_ bytes: UnsafeRawBufferPointer, _ cursor: inout Int) {
    while significant <= 11, cursor + 8 <= bytes.count {
      let chunk = UInt64(littleEndian: bytes.loadUnaligned(fromByteOffset: cursor, as: UInt64.self))
      guard Self.isEightDigits(chunk) else { break }
      let value = Self.eightDigits(chunk)
      mantissa = mantissa &* 100_000_000 &+ value
      // Zeros in front are counted as significant here, which only means that fewer digits follow.
      significant += mantissa == 0 ? 0 : 8
      exponent -= 8
      any = true
      cursor += 8
    }
    while cursor < bytes.count {
      let digit = bytes[cursor] &- 0x30
      guard digit <= 9 else { break }
      if append(digit) { exponent -= 1 }
      cursor += 1
    }
  }

  /// Takes a digit over; false when there is no room, so that it only counts.
  @inline(__always)
  private mutating func append(_ digit: UInt8) -> Bool {
    any = true
    guard significant < 19 else { return false }
    mantissa = mantissa &* 10 &+ UInt64(digit)
    if mantissa != 0 { significant += 1 }
    return true
  }

  /// An exponent, unless no digit follows the letter.
  @inline(__always)
  mutating func readExponent(_ bytes: UnsafeRawBufferPointer, _ cursor: inout Int) {
    var ahead = cursor + 1
    var negative = false
    if ahead < bytes.count, bytes[ahead] == 0x2D || bytes[ahead] == 0x2B {
      negative = bytes[ahead] == 0x2D
      ahead += 1
    }
    var value = 0
    let firstDigit = ahead
    while ahead < bytes.count, bytes[ahead] &- 0x30 <= 9 {
      value = min(value * 10 + Int(bytes[ahead] &- 0x30), 100_000)
      ahead += 1
    }
    guard ahead > firstDigit else { return }
    exponent += negative ? -value : value
    cursor = ahead
  }

  /// The nearest float, or nil where only exact arithmetic can tell.
  @inline(__always)
  var float: Float? {
    if mantissa == 0 { return 0 }
    guard exponent >= -Self.range, exponent <= Self.range else { return nil }
    let power = Self.powers[exponent + Self.range]
    let value = Double(mantissa) * power
    guard value > Self.smallestNormal, value < Self.largest else { return nil }
    let low = Int64(value.bitPattern & 0x1FFF_FFFF)
    guard abs(low - 0x1000_0000) > 8 else { return nil }
    return Float(value)
  }

  private static let range = 64
  // Computed, which the compiler does once; a stored one is asked for with each number.
  private static var smallestNormal: Double { Double(Float.leastNormalMagnitude) * 1.000_001 }
  private static var largest: Double { Double(Float.greatestFiniteMagnitude) * 0.999_999 }
  /// 10^-64 … 10^64, each the nearest double.
  private static let powers: [Double] = (-range...range).map { strtod("1e\($0)", nil) }

  @inline(__always)
  private static func isEightDigits(_ chunk: UInt64) -> Bool {
    let high = chunk & 0xF0F0_F0F0_F0F0_F0F0
    let carried = ((chunk &+ 0x0606_0606_0606_0606) & 0xF0F0_F0F0_F0F0_F0F0) >> 4
    return high | carried == 0x3333_3333_3333_3333
  }

  /// Eight ASCII digits, the first in the lowest byte, as a number: pairs, then fours, then all eight.
  @inline(__always)
  private static func eightDigits(_ chunk: UInt64) -> UInt64 {
    let digits = chunk &- 0x3030_3030_3030_3030
    let pairs = digits &* 10 &+ (digits >> 8)
    let mask: UInt64 = 0x0000_00FF_0000_00FF
    let upper = (pairs & mask) &* 0x000F_4240_0000_0064
    let lower = ((pairs >> 16) & mask) &* 0x0000_2710_0000_0001
    return (upper &+ lower) >> 32
  }
}

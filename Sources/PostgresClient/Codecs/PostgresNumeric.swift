public import FoundationEssentials
public import VectorSQL

/// An exact decimal number, `NaN` or an infinity: the text that PostgreSQL shows for a `numeric`.
public struct PostgresNumeric: Sendable, Hashable, PostgresDecodable, CustomStringConvertible {
  /// Such as `-12.50`, `NaN`, `Infinity`.
  public let description: String

  /// A number from its text.
  public init(_ text: String) {
    description = text
  }

  /// Reads `numeric`.
  public init(cell: BinaryCell) throws {
    try cell.require([TypeOID.numeric], "a numeric")
    description = try NumericFormat.text(cell.requireBytes())
  }
}

extension PostgresNumeric: SQLArrayElement {
  /// Sent as `numeric`.
  public var sqlValue: SQLValue { .numeric(description) }

  /// Sent as `numeric[]`.
  public static func sqlArray(_ elements: [PostgresNumeric]) -> SQLValue {
    .array(elements.map(\.sqlValue), of: .numeric)
  }
}

extension Decimal: SQLArrayElement {
  /// Sent as `numeric`.
  public var sqlValue: SQLValue { .numeric(description) }

  /// Sent as `numeric[]`.
  public static func sqlArray(_ elements: [Decimal]) -> SQLValue {
    .array(elements.map(\.sqlValue), of: .numeric)
  }
}

extension Decimal: PostgresDecodable {
  /// Reads `numeric`.
  /// - Throws: `CellError` for infinities, and for numbers with more digits than `Decimal` keeps.
  public init(cell: BinaryCell) throws {
    let text = try PostgresNumeric(cell: cell).description
    let plain = text.filter(\.isNumber).drop { $0 == "0" }
    guard text == "NaN" || plain.count <= 38,
      let value = text == "NaN"
        ? Decimal.nan : Decimal(string: text, locale: Locale(identifier: "en_US_POSIX"))
    else { throw CellError(reason: "it does not fit a Decimal; read it as PostgresNumeric") }
    self = value
  }
}

extension NumericFormat {
  /// The text of a binary value: groups of four digits around the decimal point, cut at the display scale.
  static func text(_ bytes: UnsafeRawBufferPointer) throws -> String {
    var reader = WireReader(bytes)
    let count = Int(try reader.read(Int16.self))
    let weight = Int(try reader.read(Int16.self))
    let sign = try reader.read(UInt16.self)
    let scale = Int(try reader.read(UInt16.self))
    switch sign {
    case notANumber: return "NaN"
    case positiveInfinity: return "Infinity"
    case negativeInfinity: return "-Infinity"
    default: break
    }
    guard count >= 0 else { throw CellError(reason: "its numeric has a negative length") }
    let groups = try (0..<count).map { _ in Int(try reader.read(Int16.self)) }
    guard groups.allSatisfy((0...9999).contains) else {
      throw CellError(reason: "its numeric has a group that is not four digits")
    }
    try reader.expectEnd()
    let group = { (power: Int) in
      let index = weight - power
      let digits = String(groups.indices.contains(index) ? groups[index] : 0)
      return String(repeating: "0", count: max(0, 4 - digits.count)) + digits
    }
    let whole = weight < 0 ? "" : (0...weight).reversed().map(group).joined()
    let integer = String(whole.drop { $0 == "0" })
    let fraction = stride(from: 0, to: scale, by: 4).map { group(-1 - $0 / 4) }.joined().prefix(scale)
    let magnitude = (integer.isEmpty ? "0" : integer) + (scale > 0 ? "." + fraction : "")
    return (sign == negative ? "-" : "") + magnitude
  }
}

/// The binary format of `numeric` (PostgreSQL source, `numeric_send`): the number of base-10000 digits, the weight of the
/// first, sign, digits behind the decimal point to show, then the digits.
enum NumericFormat {
  static let negative: UInt16 = 0x4000
  static let notANumber: UInt16 = 0xC000
  static let positiveInfinity: UInt16 = 0xD000
  static let negativeInfinity: UInt16 = 0xF000

  /// Appends decimal text such as `-12.50`, `1e-3`, `NaN` or `-Infinity`; text that is not a number becomes NaN.
  static func append(_ text: String, to buffer: inout WireBuffer) {
    switch text.lowercased() {
    case "infinity", "inf": append([], weight: 0, sign: positiveInfinity, scale: 0, to: &buffer)
    case "-infinity", "-inf": append([], weight: 0, sign: negativeInfinity, scale: 0, to: &buffer)
    default:
      guard let number = Decimal(text) else {
        append([], weight: 0, sign: notANumber, scale: 0, to: &buffer)
        return
      }
      let (digits, weight) = number.groups
      append(digits, weight: weight, sign: number.isNegative ? negative : 0, scale: number.scale, to: &buffer)
    }
  }

  private static func append(
    _ digits: [Int16],
    weight: Int,
    sign: UInt16,
    scale: Int,
    to buffer: inout WireBuffer
  ) {
    buffer.append(UInt16(truncatingIfNeeded: digits.count))
    buffer.append(Int16(truncatingIfNeeded: weight))
    buffer.append(sign)
    buffer.append(UInt16(truncatingIfNeeded: scale))
    for digit in digits { buffer.append(digit) }
  }

  /// A decimal number taken apart.
  private struct Decimal {
    var isNegative = false
    var integer: [UInt8] = []
    var fraction: [UInt8] = []
    var scale: Int { fraction.count }

    init?(_ text: String) {
      var rest = text[...]
      if let sign = rest.first, sign == "-" || sign == "+" {
        isNegative = sign == "-"
        rest = rest.dropFirst()
      }
      let parts = rest.split(separator: "e", maxSplits: 1, omittingEmptySubsequences: false)
      let mantissa = parts[0].split(separator: ".", maxSplits: 1, omittingEmptySubsequences: false)
      guard let digits = Self.digits(mantissa[0]),
        let behind = mantissa.count > 1 ? Self.digits(mantissa[1]) : [],
        let exponent = parts.count > 1 ? Int(parts[1]) : 0,
        !(digits.isEmpty && behind.isEmpty), (-20_000...20_000).contains(exponent)
      else { return nil }
      let all = digits + behind
      let point = digits.count + exponent
      integer = point <= 0 ? [] : Array(all.prefix(point)) + zeros(point - all.count)
      fraction = point >= all.count ? [] : zeros(-point) + all.suffix(all.count - max(point, 0))
    }

    private static func digits(_ text: Substring) -> [UInt8]? {
      let values = text.utf8.map { $0 &- 48 }
      return values.allSatisfy { $0 < 10 } ? values : nil
    }

    /// Base-10000 digits without leading and trailing zeros, and the power of 10000 of the first.
    var groups: (digits: [Int16], weight: Int) {
      let padded =
        zeros((4 - integer.count % 4) % 4) + integer + fraction + zeros((4 - fraction.count % 4) % 4)
      var digits = stride(from: 0, to: padded.count, by: 4).map { start in
        padded[start..<start + 4].reduce(Int16(0)) { $0 * 10 + Int16($1) }
      }
      var weight = (integer.count + 3) / 4 - 1
      let leading = digits.prefix { $0 == 0 }.count
      digits.removeFirst(leading)
      weight -= leading
      while digits.last == 0 { digits.removeLast() }
      return (digits, digits.isEmpty ? 0 : weight)
    }
  }
}

private func zeros(_ count: Int) -> [UInt8] {
  Array(repeating: 0, count: max(0, count))
}

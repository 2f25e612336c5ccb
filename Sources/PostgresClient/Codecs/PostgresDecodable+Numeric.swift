public import FoundationEssentials

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
    try reader.expectEnd()
    let group = { (power: Int) in
      let index = weight - power
      let digits = String(groups.indices.contains(index) ? groups[index] : 0)
      return String(repeating: "0", count: 4 - digits.count) + digits
    }
    let whole = weight < 0 ? "" : (0...weight).reversed().map(group).joined()
    let integer = String(whole.drop { $0 == "0" })
    let fraction = stride(from: 0, to: scale, by: 4).map { group(-1 - $0 / 4) }.joined().prefix(scale)
    let magnitude = (integer.isEmpty ? "0" : integer) + (scale > 0 ? "." + fraction : "")
    return (sign == negative ? "-" : "") + magnitude
  }
}

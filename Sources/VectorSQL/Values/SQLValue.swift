/// A value sent beside the text of a statement, never inside it.
///
/// Each case names the PostgreSQL type that it is sent as; `PostgresClient` encodes it in that type's binary format.
/// Extension types (`vector`, `halfvec`, `sparsevec`) have no fixed OID, so a statement that binds one writes a cast
/// (`$1::vector`).
public enum SQLValue: Sendable, Hashable {
  /// SQL NULL, of the type that the statement asks for.
  case null
  /// `boolean`.
  case bool(Bool)
  /// `smallint`.
  case int2(Int16)
  /// `integer`.
  case int4(Int32)
  /// `bigint`.
  case int8(Int64)
  /// `real`.
  case float4(Float)
  /// `double precision`.
  case float8(Double)
  /// `numeric`, as decimal text such as `-12.50`.
  case numeric(String)
  /// `text`; the server refuses U+0000 inside it.
  case text(String)
  /// `bytea`.
  case bytea([UInt8])
  /// `json`, as JSON text; kept by the server as it is written.
  case json(String)
  /// `jsonb`, as JSON text.
  case jsonb(String)
  /// `uuid`, its 128 bits from the left.
  case uuid(high: UInt64, low: UInt64)
  /// `date`, in days since 2000-01-01 as PostgreSQL stores it.
  case date(daysSince2000: Int32)
  /// `timestamp`, in microseconds since 2000-01-01 00:00.
  case timestamp(microsecondsSince2000: Int64)
  /// `timestamptz`, in microseconds since 2000-01-01 00:00 UTC.
  case timestamptz(microsecondsSince2000: Int64)
  /// `boolean[]`, one dimension.
  case boolArray([Bool])
  /// `smallint[]`, one dimension.
  case int2Array([Int16])
  /// `integer[]`, one dimension.
  case int4Array([Int32])
  /// `bigint[]`, one dimension.
  case int8Array([Int64])
  /// `double precision[]`, one dimension.
  case float8Array([Double])
  /// `text[]`, one dimension.
  case textArray([String])
  /// `real[]`, one dimension: AnalyticDB's vector.
  case float4Array([Float])
  /// pgvector's `vector`.
  case vector([Float])
  /// pgvector's `halfvec`; rounded to half precision when it is encoded.
  case halfvec([Float])
  /// pgvector's `sparsevec`; sent in full, encoded as its non-zero elements.
  case sparsevec([Float])
  /// `bit(n)`, the first bit first.
  case bit([Bool])
  /// An array of a type that has no case of its own, one dimension; each element is a value of that type or NULL.
  case array([SQLValue], of: ArrayElement)

  /// The types of elements in ``array(_:of:)``, by their names in SQL.
  public enum ArrayElement: String, Sendable, Hashable, CaseIterable {
    case numeric, bytea, json, jsonb, uuid, date, timestamp, timestamptz
  }
}

extension SQLValue {
  /// Refuses what no server can store, before anything is sent.
  /// - Throws: `RenderingError` with code `invalidValue` for U+0000 in a text.
  func check() throws(RenderingError) {
    if case .array(let elements, _) = self {
      for element in elements { try element.check() }
    }
    let holdsNUL =
      switch self {
      case .text(let text), .json(let text), .jsonb(let text), .numeric(let text): text.utf8.contains(0)
      case .textArray(let texts): texts.contains { $0.utf8.contains(0) }
      default: false
      }
    guard holdsNUL else { return }
    throw RenderingError(
      .invalidValue,
      "a text holds the character U+0000, which PostgreSQL cannot store; remove it"
    )
  }

  /// The PostgreSQL type that the value is sent as; nil for NULL.
  public var typeName: String? {
    switch self {
    case .null: nil
    case .bool: "boolean"
    case .int2: "smallint"
    case .int4: "integer"
    case .int8: "bigint"
    case .float4: "real"
    case .float8: "double precision"
    case .numeric: "numeric"
    case .text: "text"
    case .bytea: "bytea"
    case .json: "json"
    case .jsonb: "jsonb"
    case .uuid: "uuid"
    case .date: "date"
    case .timestamp: "timestamp"
    case .timestamptz: "timestamptz"
    case .boolArray: "boolean[]"
    case .int2Array: "smallint[]"
    case .int4Array: "integer[]"
    case .int8Array: "bigint[]"
    case .float8Array: "double precision[]"
    case .textArray: "text[]"
    case .float4Array: "real[]"
    case .vector: "vector"
    case .halfvec: "halfvec"
    case .sparsevec: "sparsevec"
    case .bit: "bit"
    case .array(_, let element): element.rawValue + "[]"
    }
  }
}

extension SQLValue {
  /// The value in PostgreSQL's text format, as `COPY` text and string literals carry it; nil for NULL.
  ///
  /// Floats are written in their shortest form that reads back exactly.
  public var textFormat: String? {
    switch self {
    case .null: nil
    case .bool(let value): value ? "t" : "f"
    case .int2(let value): String(value)
    case .int4(let value): String(value)
    case .int8(let value): String(value)
    case .float4(let value): Self.text(of: value)
    case .float8(let value): Self.text(of: value)
    case .numeric(let text), .text(let text), .json(let text), .jsonb(let text): text
    case .bytea(let bytes): "\\x" + bytes.map { Self.hex(UInt64($0), digits: 2) }.joined()
    case .uuid(let high, let low): Self.uuidText(high: high, low: low)
    case .date(let days): CalendarDate(daysSince2000: Int(days)).description
    case .timestamp(let microseconds): CalendarDate.text(microsecondsSince2000: microseconds)
    case .timestamptz(let microseconds): CalendarDate.text(microsecondsSince2000: microseconds) + "+00"
    case .boolArray(let values): Self.array(values.map { $0 ? "t" : "f" })
    case .int2Array(let values): Self.array(values.map(String.init))
    case .int4Array(let values): Self.array(values.map(String.init))
    case .int8Array(let values): Self.array(values.map(String.init))
    case .float8Array(let values): Self.array(values.map(Self.text(of:)))
    case .textArray(let values): Self.array(values.map(Self.quotedArrayElement))
    case .float4Array(let values): Self.array(values.map(Self.text(of:)))
    case .vector(let values), .halfvec(let values):
      "[" + values.map(Self.text(of:)).joined(separator: ",") + "]"
    case .sparsevec(let values): Self.sparseText(values)
    case .array(let values, _):
      Self.array(values.map { $0.textFormat.map(Self.quotedArrayElement) ?? "NULL" })
    case .bit(let bits): bits.map { $0 ? "1" : "0" }.joined()
    }
  }

  static func text<Number: BinaryFloatingPoint & LosslessStringConvertible>(of value: Number) -> String {
    if value.isNaN { return "NaN" }
    if value.isInfinite { return value < 0 ? "-Infinity" : "Infinity" }
    let text = String(value)
    return text.hasSuffix(".0") ? String(text.dropLast(2)) : text
  }

  static func hex(_ value: UInt64, digits: Int) -> String {
    let text = String(value, radix: 16)
    return String(repeating: "0", count: max(0, digits - text.count)) + text
  }

  private static func array(_ elements: [String]) -> String {
    "{" + elements.joined(separator: ",") + "}"
  }

  static func quotedArrayElement(_ text: String) -> String {
    // Few texts hold what must be escaped, and there are many in an array.
    let (quote, backslash) = (UInt8(ascii: "\""), UInt8(ascii: "\\"))
    guard text.utf8.contains(where: { $0 == quote || $0 == backslash }) else { return "\"" + text + "\"" }
    var result = "\""
    for scalar in text.unicodeScalars {
      if scalar == "\"" || scalar == "\\" { result += "\\" }
      result.unicodeScalars.append(scalar)
    }
    return result + "\""
  }

  private static func sparseText(_ values: [Float]) -> String {
    let entries = values.enumerated().lazy.filter { $0.element != 0 }
      .map { "\($0.offset + 1):\(text(of: $0.element))" }
    return "{" + entries.joined(separator: ",") + "}/\(values.count)"
  }

  private static func uuidText(high: UInt64, low: UInt64) -> String {
    let digits = Array(hex(high, digits: 16) + hex(low, digits: 16))
    return [0..<8, 8..<12, 12..<16, 16..<20, 20..<32].map { String(digits[$0]) }.joined(separator: "-")
  }
}

extension SQLValue {
  /// The value as a typed constant for SQL text that people read or pipe to psql, and for messages of several
  /// statements, which carry no parameters.
  ///
  /// A constant carries its type, so that `'{1,2}'::integer[]` means the same as the bound value would.
  public var literal: String {
    switch self {
    case .null: "NULL"
    case .bool(let value): value ? "TRUE" : "FALSE"
    case .int2(let value): Self.parenthesizedIfNegative(String(value))
    case .int4(let value): Self.parenthesizedIfNegative(String(value))
    case .int8(let value): Self.parenthesizedIfNegative(String(value))
    case .text(let text): Self.quotedLiteral(text)
    case .bit(let bits): "B'" + bits.map { $0 ? "1" : "0" }.joined() + "'"
    default: Self.quotedLiteral(textFormat ?? "") + "::" + (typeName ?? "text")
    }
  }

  /// The text as a string constant; `E''` where it holds a backslash, so that no server setting changes its meaning.
  package static func quotedLiteral(_ text: String) -> String {
    let (quote, backslash) = (UInt8(ascii: "'"), UInt8(ascii: "\\"))
    guard text.utf8.contains(where: { $0 == quote || $0 == backslash }) else { return "'" + text + "'" }
    var result = "'"
    var hasBackslash = false
    for scalar in text.unicodeScalars {
      switch scalar {
      case "'": result += "''"
      case "\\":
        hasBackslash = true
        result += "\\\\"
      default: result.unicodeScalars.append(scalar)
      }
    }
    return (hasBackslash ? "E" : "") + result + "'"
  }

  private static func parenthesizedIfNegative(_ number: String) -> String {
    number.hasPrefix("-") ? "(\(number))" : number
  }
}

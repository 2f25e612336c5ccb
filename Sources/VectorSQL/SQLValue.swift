/// A value sent beside the text of a statement, never inside it.
///
/// Each case names the PostgreSQL type that it is sent as; `PostgresClient` encodes it in that type's binary format.
/// Extension types (`vector`, `halfvec`, `sparsevec`) have no fixed OID, so a statement that binds one writes a cast
/// (`$1::vector`).
public enum SQLValue: Sendable, Hashable {
  /// SQL NULL, of whatever type the statement asks for.
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

/// A value sent beside the text of a statement, never inside it.
///
/// Each case names the PostgreSQL type that it is sent as; `PostgresClient` encodes it in that type's binary format.
/// Extension types (`vector`, `halfvec` …) have no fixed OID, so a statement that binds one writes a cast (`$1::vector`).
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
  /// `text`; the server refuses U+0000 inside it.
  case text(String)
  /// `bytea`.
  case bytea([UInt8])
  /// `jsonb`, as JSON text.
  case jsonb(String)
  /// `integer[]`, one dimension.
  case int4Array([Int32])
  /// `bigint[]`, one dimension.
  case int8Array([Int64])
  /// `text[]`, one dimension.
  case textArray([String])
  /// `real[]`, one dimension: AnalyticDB's vector.
  case float4Array([Float])
  /// pgvector's `vector`.
  case vector([Float])
  /// pgvector's `halfvec`; rounded to half precision when it is encoded.
  case halfvec([Float])
}

/// A Swift type whose values can be bound in a statement.
public protocol SQLEncodable: Sendable {
  /// What a column of this type is compared with: the type itself, or the wrapped type of an optional.
  associatedtype Comparand: SQLEncodable = Self

  /// The value as it is sent.
  var sqlValue: SQLValue { get }
}

extension Bool: SQLEncodable {
  /// Sent as `boolean`.
  public var sqlValue: SQLValue { .bool(self) }
}

extension Int16: SQLEncodable {
  /// Sent as `smallint`.
  public var sqlValue: SQLValue { .int2(self) }
}

extension Int32: SQLEncodable {
  /// Sent as `integer`.
  public var sqlValue: SQLValue { .int4(self) }
}

extension Int64: SQLEncodable {
  /// Sent as `bigint`.
  public var sqlValue: SQLValue { .int8(self) }
}

extension Int: SQLEncodable {
  /// Sent as `bigint`.
  public var sqlValue: SQLValue { .int8(Int64(self)) }
}

extension Float: SQLEncodable {
  /// Sent as `real`.
  public var sqlValue: SQLValue { .float4(self) }
}

extension Double: SQLEncodable {
  /// Sent as `double precision`.
  public var sqlValue: SQLValue { .float8(self) }
}

extension String: SQLEncodable {
  /// Sent as `text`.
  public var sqlValue: SQLValue { .text(self) }
}

extension Optional: SQLEncodable where Wrapped: SQLEncodable {
  /// A nullable column is compared with values that are there; null has ``SQLExpression/isNull``.
  public typealias Comparand = Wrapped

  /// The wrapped value, or NULL.
  public var sqlValue: SQLValue { self?.sqlValue ?? .null }
}

/// A type whose arrays PostgreSQL knows: `[Int32]` is sent as `integer[]`.
public protocol SQLArrayElement: SQLEncodable {
  /// The array as it is sent.
  static func sqlArray(_ elements: [Self]) -> SQLValue
}

extension UInt8: SQLArrayElement {
  /// One byte, sent as `smallint`.
  public var sqlValue: SQLValue { .int2(Int16(self)) }

  /// Bytes, sent as `bytea`.
  public static func sqlArray(_ elements: [UInt8]) -> SQLValue { .bytea(elements) }
}

extension Float: SQLArrayElement {
  /// Sent as `real[]`.
  public static func sqlArray(_ elements: [Float]) -> SQLValue { .float4Array(elements) }
}

extension Bool: SQLArrayElement {
  /// Sent as `boolean[]`.
  public static func sqlArray(_ elements: [Bool]) -> SQLValue { .boolArray(elements) }
}

extension Int16: SQLArrayElement {
  /// Sent as `smallint[]`.
  public static func sqlArray(_ elements: [Int16]) -> SQLValue { .int2Array(elements) }
}

extension Int32: SQLArrayElement {
  /// Sent as `integer[]`.
  public static func sqlArray(_ elements: [Int32]) -> SQLValue { .int4Array(elements) }
}

extension Int64: SQLArrayElement {
  /// Sent as `bigint[]`.
  public static func sqlArray(_ elements: [Int64]) -> SQLValue { .int8Array(elements) }
}

extension Int: SQLArrayElement {
  /// Sent as `bigint[]`.
  public static func sqlArray(_ elements: [Int]) -> SQLValue { .int8Array(elements.map(Int64.init)) }
}

extension Double: SQLArrayElement {
  /// Sent as `double precision[]`.
  public static func sqlArray(_ elements: [Double]) -> SQLValue { .float8Array(elements) }
}

extension String: SQLArrayElement {
  /// Sent as `text[]`.
  public static func sqlArray(_ elements: [String]) -> SQLValue { .textArray(elements) }
}

extension Array: SQLEncodable where Element: SQLArrayElement {
  /// One array parameter.
  public var sqlValue: SQLValue { Element.sqlArray(self) }
}

public import FoundationEssentials
public import VectorSQL

/// A Swift type that a column's binary value can be read as.
public protocol PostgresDecodable: Sendable {
  /// Reads a value.
  /// - Throws: `CellError` when the bytes, or NULL, do not fit.
  init(cell: BinaryCell) throws
}

/// One value of a result: its bytes in the type's binary format, nil for NULL.
public struct BinaryCell {
  /// The bytes; valid while the row is.
  public let bytes: UnsafeRawBufferPointer?
  /// The type's object id.
  public let typeOID: UInt32

  /// The bytes of a value that must not be NULL.
  /// - Throws: `CellError` for NULL.
  public func requireBytes() throws -> UnsafeRawBufferPointer {
    guard let bytes else { throw CellError(reason: "it is NULL") }
    return bytes
  }

  /// Refuses every type but some.
  /// - Throws: `CellError`.
  func require(_ types: [UInt32], _ name: String) throws {
    guard types.contains(typeOID) else { throw CellError(reason: "it is not \(name)") }
  }

  /// An integer that fills the whole value.
  /// - Throws: `CellError` when the length differs.
  func integer<Value: FixedWidthInteger>(_ type: Value.Type = Value.self) throws -> Value {
    var reader = WireReader(try requireBytes())
    let value = try reader.read(Value.self)
    try reader.expectEnd()
    return value
  }
}

/// Why a value cannot be read; `Row` adds the column.
public struct CellError: Error, Sendable, Hashable {
  /// The rest of the sentence “… cannot be read as Int32:”.
  public let reason: String

  /// An error with its reason.
  public init(reason: String) {
    self.reason = reason
  }
}

extension Optional: PostgresDecodable where Wrapped: PostgresDecodable {
  /// NULL is nil.
  public init(cell: BinaryCell) throws {
    self = cell.bytes == nil ? nil : try Wrapped(cell: cell)
  }
}

extension Bool: PostgresDecodable {
  /// Reads `boolean`.
  public init(cell: BinaryCell) throws {
    self = try cell.integer(UInt8.self) != 0
  }
}

extension Int16: PostgresDecodable {
  /// Reads `smallint`.
  public init(cell: BinaryCell) throws {
    self = try cell.integer()
  }
}

extension Int32: PostgresDecodable {
  /// Reads `integer`.
  public init(cell: BinaryCell) throws {
    self = try cell.integer()
  }
}

extension Int64: PostgresDecodable {
  /// Reads `bigint`.
  public init(cell: BinaryCell) throws {
    self = try cell.integer()
  }
}

extension Int: PostgresDecodable {
  /// Reads `smallint`, `integer`, `bigint` or `oid`, whichever the column is.
  public init(cell: BinaryCell) throws {
    switch cell.typeOID {
    case TypeOID.int2: self = Int(try cell.integer(Int16.self))
    case TypeOID.int4: self = Int(try cell.integer(Int32.self))
    case TypeOID.int8: self = Int(try cell.integer(Int64.self))
    case TypeOID.oid: self = Int(try cell.integer(UInt32.self))
    default: throw CellError(reason: "it is not an integer")
    }
  }
}

extension UInt32: PostgresDecodable {
  /// Reads `oid`.
  public init(cell: BinaryCell) throws {
    self = try cell.integer()
  }
}

extension Float: PostgresDecodable {
  /// Reads `real`.
  public init(cell: BinaryCell) throws {
    self = Float(bitPattern: try cell.integer())
  }
}

extension Double: PostgresDecodable {
  /// Reads `double precision`, or `real` widened.
  public init(cell: BinaryCell) throws {
    if cell.typeOID == TypeOID.float4 {
      self = Double(try Float(cell: cell))
    } else {
      self = Double(bitPattern: try cell.integer())
    }
  }
}

extension String: PostgresDecodable {
  private static let textTypes: Set<UInt32> = [
    TypeOID.text, TypeOID.varchar, TypeOID.bpchar, TypeOID.name, TypeOID.char, TypeOID.unknown, TypeOID.json,
    TypeOID.jsonb,
  ]

  /// Reads `text`, `varchar`, `char`, `name`, `json` or `jsonb`.
  public init(cell: BinaryCell) throws {
    let bytes = try cell.requireBytes()
    guard Self.textTypes.contains(cell.typeOID) else { throw CellError(reason: "it is not text") }
    // jsonb_send writes a format version before the text.
    let text = cell.typeOID == TypeOID.jsonb ? UnsafeRawBufferPointer(rebasing: bytes.dropFirst()) : bytes
    self = String(decoding: text, as: UTF8.self)
  }
}

/// A calendar day as PostgreSQL's `date` stores it.
public struct PostgresDate: Sendable, Hashable, PostgresDecodable {
  /// Days since 2000-01-01; the extremes of `Int32` are `-infinity` and `infinity`.
  public var daysSince2000: Int32

  /// A day.
  public init(daysSince2000: Int32) {
    self.daysSince2000 = daysSince2000
  }

  /// Reads `date`.
  public init(cell: BinaryCell) throws {
    try cell.require([TypeOID.date], "a date")
    daysSince2000 = try cell.integer()
  }
}

/// A moment as PostgreSQL's `timestamp` and `timestamptz` store it.
public struct PostgresTimestamp: Sendable, Hashable, PostgresDecodable {
  /// Microseconds since 2000-01-01 00:00 (UTC for `timestamptz`); the extremes of `Int64` are `-infinity` and `infinity`.
  public var microsecondsSince2000: Int64

  /// A moment.
  public init(microsecondsSince2000: Int64) {
    self.microsecondsSince2000 = microsecondsSince2000
  }

  /// Reads `timestamp` or `timestamptz`.
  public init(cell: BinaryCell) throws {
    try cell.require([TypeOID.timestamp, TypeOID.timestamptz], "a timestamp")
    microsecondsSince2000 = try cell.integer()
  }
}

extension Date: SQLArrayElement {
  /// Sent as `timestamptz`, to the microsecond; a moment outside its range as `infinity` or `-infinity`.
  public var sqlValue: SQLValue {
    let microseconds = (timeIntervalSince1970 - Self.postgresEpoch) * 1_000_000
    guard microseconds.magnitude < 9e18 else {
      return .timestamptz(microsecondsSince2000: microseconds < 0 ? .min : .max)
    }
    return .timestamptz(microsecondsSince2000: Int64(microseconds.rounded()))
  }

  /// Sent as `timestamptz[]`.
  public static func sqlArray(_ elements: [Date]) -> SQLValue {
    .array(elements.map(\.sqlValue), of: .timestamptz)
  }
}

extension Date: PostgresDecodable {
  /// 2000-01-01 00:00 UTC in seconds since 1970.
  private static let postgresEpoch: TimeInterval = 946_684_800

  /// Reads `timestamptz`, `timestamp` (taken as UTC) or `date` (midnight UTC); precise to about a microsecond.
  public init(cell: BinaryCell) throws {
    if cell.typeOID == TypeOID.date {
      let days = try PostgresDate(cell: cell).daysSince2000
      guard days != .max, days != .min else { throw CellError(reason: "it is infinite") }
      self.init(timeIntervalSince1970: Self.postgresEpoch + Double(days) * 86_400)
    } else {
      let microseconds = try PostgresTimestamp(cell: cell).microsecondsSince2000
      guard microseconds != .max, microseconds != .min else { throw CellError(reason: "it is infinite") }
      self.init(timeIntervalSince1970: Self.postgresEpoch + Double(microseconds) / 1_000_000)
    }
  }
}

extension CalendarDate: PostgresDecodable {
  /// Reads `date`.
  public init(cell: BinaryCell) throws {
    let days = try PostgresDate(cell: cell).daysSince2000
    guard days != .max, days != .min else { throw CellError(reason: "it is infinite") }
    self.init(daysSince2000: Int(days))
  }
}

extension Timestamp: PostgresDecodable {
  /// Reads `timestamp` or `timestamptz`; the extremes stand for `-infinity` and `infinity`.
  public init(cell: BinaryCell) throws {
    self.init(microsecondsSince2000: try PostgresTimestamp(cell: cell).microsecondsSince2000)
  }
}

extension JSONDocument: PostgresDecodable {
  /// Reads `json` or `jsonb`.
  public init(cell: BinaryCell) throws {
    try cell.require([TypeOID.json, TypeOID.jsonb], "a JSON document")
    self.init(try String(cell: cell))
  }
}

extension UUID: SQLArrayElement {
  /// Sent as `uuid[]`.
  public static func sqlArray(_ elements: [UUID]) -> SQLValue { .array(elements.map(\.sqlValue), of: .uuid) }

  /// Sent as `uuid`.
  public var sqlValue: SQLValue {
    let bytes = withUnsafeBytes(of: uuid) { Array($0) }
    func number(_ part: ArraySlice<UInt8>) -> UInt64 { part.reduce(0) { $0 << 8 | UInt64($1) } }
    return .uuid(high: number(bytes[..<8]), low: number(bytes[8...]))
  }
}

extension UUID: PostgresDecodable {
  /// Reads `uuid`.
  public init(cell: BinaryCell) throws {
    try cell.require([TypeOID.uuid], "a uuid")
    let bytes = try cell.requireBytes()
    guard bytes.count == 16 else { throw CellError(reason: "its value is \(bytes.count) bytes long, not 16") }
    self.init(uuid: bytes.loadUnaligned(as: uuid_t.self))
  }
}

extension Array: PostgresDecodable where Element: PostgresDecodable {
  /// Reads a one-dimensional array, `bytea` as bytes, and pgvector's `vector` or `halfvec` as floats.
  public init(cell: BinaryCell) throws {
    let bytes = try cell.requireBytes()
    if Element.self == Float.self,
      let vector = try FloatVectorFormat.read(bytes, typeOID: cell.typeOID) as? [Element]
    {
      self = vector
    } else if Element.self == UInt8.self, let raw = [UInt8](bytes) as? [Element] {
      self = raw
    } else {
      self = try Self.readArray(bytes)
    }
  }

  /// `array_send`'s format: dimensions, NULL flag, element type, then per dimension length and lower bound.
  private static func readArray(_ bytes: UnsafeRawBufferPointer) throws -> [Element] {
    var reader = WireReader(bytes)
    let dimensions = try reader.read(Int32.self)
    guard (0...6).contains(dimensions), (0...1).contains(try reader.read(Int32.self)) else {
      throw CellError(reason: "its bytes are not an array")
    }
    let elementType = try reader.read(UInt32.self)
    guard dimensions > 0 else { return [] }
    guard dimensions == 1 else { throw CellError(reason: "it is an array of \(dimensions) dimensions") }
    let count = try reader.read(Int32.self)
    _ = try reader.read(Int32.self)
    guard count >= 0, reader.remaining / 4 >= Int(count) else {
      throw CellError(reason: "its array says \(count) elements and is shorter")
    }
    var elements: [Element] = []
    elements.reserveCapacity(Int(count))
    for _ in 0..<count {
      let length = try reader.read(Int32.self)
      let value = length < 0 ? nil : try reader.read(count: Int(length))
      elements.append(try Element(cell: BinaryCell(bytes: value, typeOID: elementType)))
    }
    return elements
  }
}

extension UInt8: PostgresDecodable {
  /// One byte of a `bytea`, or an internal `"char"`.
  public init(cell: BinaryCell) throws {
    self = try cell.integer()
  }
}

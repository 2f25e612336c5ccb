public import FoundationEssentials

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

extension UUID: PostgresDecodable {
  /// Reads `uuid`.
  public init(cell: BinaryCell) throws {
    try cell.require([TypeOID.uuid], "a uuid")
    let bytes = try cell.requireBytes()
    guard bytes.count == 16 else { throw CellError(reason: "its value is \(bytes.count) bytes long, not 16") }
    self.init(uuid: bytes.loadUnaligned(as: uuid_t.self))
  }
}

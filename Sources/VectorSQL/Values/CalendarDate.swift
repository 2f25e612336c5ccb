/// A day of the Gregorian calendar, bound as `date`.
public struct CalendarDate: Sendable, Hashable, Comparable, CustomStringConvertible {
  /// The year; PostgreSQL's dates end in 5874897, this type is meant for four digits.
  public let year: Int
  /// 1…12.
  public let month: Int
  /// 1…31.
  public let day: Int

  /// A date that exists.
  /// - Returns: nil when the month has no such day, or the year is outside 1…9999.
  public init?(year: Int, month: Int, day: Int) {
    guard (1...9999).contains(year), (1...12).contains(month), day >= 1,
      day <= Self.daysInMonth(month, year: year)
    else { return nil }
    (self.year, self.month, self.day) = (year, month, day)
  }

  /// The day a number of days after 2000-01-01.
  ///
  /// Computed by counting in 400-year eras from 1 March 0000 (Howard Hinnant, "chrono-compatible date algorithms").
  public init(daysSince2000: Int) {
    let sinceEpoch = daysSince2000 + Self.daysFromMarchZeroTo2000
    let era = (sinceEpoch >= 0 ? sinceEpoch : sinceEpoch - 146_096) / 146_097
    let dayOfEra = sinceEpoch - era * 146_097
    let yearOfEra = (dayOfEra - dayOfEra / 1460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365
    let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
    let shifted = (5 * dayOfYear + 2) / 153
    day = dayOfYear - (153 * shifted + 2) / 5 + 1
    month = shifted < 10 ? shifted + 3 : shifted - 9
    year = yearOfEra + era * 400 + (month <= 2 ? 1 : 0)
  }

  /// Days since 2000-01-01, as PostgreSQL stores a `date`.
  public var daysSince2000: Int {
    let shiftedYear = month <= 2 ? year - 1 : year
    let era = (shiftedYear >= 0 ? shiftedYear : shiftedYear - 399) / 400
    let yearOfEra = shiftedYear - era * 400
    let dayOfYear = (153 * (month > 2 ? month - 3 : month + 9) + 2) / 5 + day - 1
    let dayOfEra = yearOfEra * 365 + yearOfEra / 4 - yearOfEra / 100 + dayOfYear
    return era * 146_097 + dayOfEra - Self.daysFromMarchZeroTo2000
  }

  /// ISO 8601: `2026-11-23`.
  public var description: String {
    "\(Self.padded(year, 4))-\(Self.padded(month, 2))-\(Self.padded(day, 2))"
  }

  /// Earlier before later.
  public static func < (left: CalendarDate, right: CalendarDate) -> Bool {
    (left.year, left.month, left.day) < (right.year, right.month, right.day)
  }

  private static let daysFromMarchZeroTo2000 = 730_425

  private static func daysInMonth(_ month: Int, year: Int) -> Int {
    switch month {
    case 2: (year.isMultiple(of: 4) && !year.isMultiple(of: 100)) || year.isMultiple(of: 400) ? 29 : 28
    case 4, 6, 9, 11: 30
    default: 31
    }
  }

  private static func padded(_ number: Int, _ width: Int) -> String {
    let digits = String(number)
    return String(repeating: "0", count: max(0, width - digits.count)) + digits
  }

  static func text(microsecondsSince2000 microseconds: Int64) -> String {
    let perDay: Int64 = 86_400_000_000
    let days = microseconds >= 0 ? microseconds / perDay : -((-microseconds + perDay - 1) / perDay)
    let rest = Int(microseconds - days * perDay)
    let (seconds, fraction) = rest.quotientAndRemainder(dividingBy: 1_000_000)
    let clock = [seconds / 3600, seconds / 60 % 60, seconds % 60].map { padded($0, 2) }.joined(separator: ":")
    let day = CalendarDate(daysSince2000: Int(days)).description
    return "\(day) \(clock)" + (fraction == 0 ? "" : "." + padded(fraction, 6))
  }
}

extension CalendarDate: SQLArrayElement {
  /// Sent as `date`.
  public var sqlValue: SQLValue { .date(daysSince2000: Int32(clamping: daysSince2000)) }

  /// Sent as `date[]`.
  public static func sqlArray(_ elements: [CalendarDate]) -> SQLValue {
    .array(elements.map(\.sqlValue), of: .date)
  }
}

/// A moment in time, bound as `timestamptz`.
public struct Timestamp: Sendable, Hashable, SQLArrayElement {
  /// Microseconds since 2000-01-01 00:00 UTC, as PostgreSQL stores it.
  public let microsecondsSince2000: Int64

  /// The moment a number of microseconds after 2000-01-01 00:00 UTC.
  public init(microsecondsSince2000: Int64) {
    self.microsecondsSince2000 = microsecondsSince2000
  }

  /// The moment a number of seconds after 1970-01-01 00:00 UTC, to the microsecond.
  /// - Returns: nil when it lies outside the range of `timestamptz`.
  public init?(unixSeconds: Double) {
    let microseconds = unixSeconds * 1_000_000
    guard microseconds.magnitude < 9e18 else { return nil }
    let sinceUnix = Int64(microseconds + (microseconds < 0 ? -0.5 : 0.5))
    let (value, overflow) = sinceUnix.subtractingReportingOverflow(946_684_800_000_000)
    guard !overflow else { return nil }
    microsecondsSince2000 = value
  }

  /// Sent as `timestamptz`.
  public var sqlValue: SQLValue { .timestamptz(microsecondsSince2000: microsecondsSince2000) }

  /// Sent as `timestamptz[]`.
  public static func sqlArray(_ elements: [Timestamp]) -> SQLValue {
    .array(elements.map(\.sqlValue), of: .timestamptz)
  }
}

/// A JSON document, bound as `jsonb`.
public struct JSONDocument: Sendable, Hashable, SQLArrayElement {
  /// The JSON text; the server checks it.
  public let text: String

  /// A document from JSON text.
  public init(_ text: String) {
    self.text = text
  }

  /// Sent as `jsonb`.
  public var sqlValue: SQLValue { .jsonb(text) }

  /// Sent as `jsonb[]`.
  public static func sqlArray(_ elements: [JSONDocument]) -> SQLValue {
    .array(elements.map(\.sqlValue), of: .jsonb)
  }
}

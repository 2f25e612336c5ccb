import Testing
import VectorSQL

@Suite("Values as text")
struct ValueTests {
  @Test(
    "PostgreSQL's text format and typed constants",
    arguments: [
      (SQLValue.null, nil, "NULL"),
      (.bool(true), "t", "TRUE"),
      (.int4(-5), "-5", "(-5)"),
      (.float4(0.1), "0.1", "'0.1'::real"),
      (.float8(1e-7), "1e-07", "'1e-07'::double precision"),
      (.float8(-.infinity), "-Infinity", "'-Infinity'::double precision"),
      (.text("it's"), "it's", "'it''s'"),
      (.text(#"a\b"#), #"a\b"#, #"E'a\\b'"#),
      (.bytea([0, 255]), #"\x00ff"#, #"E'\\x00ff'::bytea"#),
      (
        .uuid(high: 1, low: .max), "00000000-0000-0001-ffff-ffffffffffff",
        "'00000000-0000-0001-ffff-ffffffffffff'::uuid"
      ),
      (.date(daysSince2000: -1), "1999-12-31", "'1999-12-31'::date"),
      (
        .timestamp(microsecondsSince2000: -1), "1999-12-31 23:59:59.999999",
        "'1999-12-31 23:59:59.999999'::timestamp"
      ),
      (
        .timestamptz(microsecondsSince2000: 0), "2000-01-01 00:00:00+00",
        "'2000-01-01 00:00:00+00'::timestamptz"
      ),
      (.int4Array([1, -2]), "{1,-2}", "'{1,-2}'::integer[]"),
      (.textArray(["a", #"q"\"#, ""]), #"{"a","q\"\\",""}"#, #"E'{"a","q\\"\\\\",""}'::text[]"#),
      (.vector([0.5, -1, 1e20]), "[0.5,-1,1e+20]", "'[0.5,-1,1e+20]'::vector"),
      (.float4Array([0.5]), "{0.5}", "'{0.5}'::real[]"),
      (.sparsevec([0, 2, 0]), "{2:2}/3", "'{2:2}/3'::sparsevec"),
      (.bit([true, false]), "10", "B'10'"),
      (.numeric("-12.50"), "-12.50", "'-12.50'::numeric"),
    ] as [(SQLValue, String?, String)]
  )
  func text(_ value: SQLValue, _ text: String?, _ literal: String) {
    #expect(value.textFormat == text)
    #expect(value.literal == literal)
  }

  @Test("floats read back as they were")
  func roundTrip() {
    var bits: UInt32 = 1
    for _ in 0..<20_000 {
      bits = bits &* 1_664_525 &+ 1_013_904_223
      let value = Float(bitPattern: bits)
      guard value.isFinite else { continue }
      let text = SQLValue.float4(value).textFormat ?? ""
      #expect(Float(text)?.bitPattern == value.bitPattern)
    }
  }
}

@Suite("Dates")
struct CalendarDateTests {
  @Test(
    "days since 2000",
    arguments: [
      (2000, 1, 1, 0), (1999, 12, 31, -1), (2000, 2, 29, 59), (2026, 11, 23, 9823), (1970, 1, 1, -10_957),
      (1, 1, 1, -730_119), (9999, 12, 31, 2_921_939),
    ]
  )
  func known(_ year: Int, _ month: Int, _ day: Int, _ days: Int) throws {
    let date = try #require(CalendarDate(year: year, month: month, day: day))
    #expect(date.daysSince2000 == days)
    #expect(CalendarDate(daysSince2000: days) == date)
  }

  @Test("every day follows the one before")
  func consecutive() {
    var previous = CalendarDate(daysSince2000: -200_000)
    for days in -199_999...200_000 {
      let date = CalendarDate(daysSince2000: days)
      #expect(previous < date && date.daysSince2000 == days)
      previous = date
    }
  }

  @Test(
    "days that do not exist",
    arguments: [(2023, 2, 29), (1900, 2, 29), (2024, 13, 1), (2024, 4, 31), (0, 1, 1)]
  )
  func missing(_ year: Int, _ month: Int, _ day: Int) {
    #expect(CalendarDate(year: year, month: month, day: day) == nil)
  }

  @Test("moments from Unix time")
  func unix() {
    #expect(Timestamp(unixSeconds: 946_684_800.5)?.microsecondsSince2000 == 500_000)
    #expect(Timestamp(unixSeconds: 0)?.microsecondsSince2000 == -946_684_800_000_000)
    #expect(Timestamp(unixSeconds: .infinity) == nil)
    #expect(Timestamp(unixSeconds: .nan) == nil)
  }
}

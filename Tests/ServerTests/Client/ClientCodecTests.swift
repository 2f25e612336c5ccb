import Foundation
import PostgresClient
import Testing
import VectorSQL

/// Every type goes to the server and comes back the same: in binary both ways, and through the server's own text.
@Suite(.serialized)
struct ClientCodecTests {
  /// Random values of a type, and how they are read back.
  struct Codec: Sendable, CustomTestStringConvertible {
    let type: String
    let make: @Sendable (inout SystemRandomNumberGenerator) -> SQLValue
    let read: @Sendable (Row) throws -> SQLValue
    var testDescription: String { type }
  }

  static let codecs: [Codec] = [
    Codec(type: "boolean", make: { .bool(.random(using: &$0)) }, read: { .bool(try $0.value(at: 0)) }),
    Codec(
      type: "int2",
      make: { .int2(.random(in: .min ... .max, using: &$0)) },
      read: { .int2(try $0.value(at: 0)) }
    ),
    Codec(
      type: "int4",
      make: { .int4(.random(in: .min ... .max, using: &$0)) },
      read: { .int4(try $0.value(at: 0)) }
    ),
    Codec(
      type: "int8",
      make: { .int8(.random(in: .min ... .max, using: &$0)) },
      read: { .int8(try $0.value(at: 0)) }
    ),
    Codec(type: "float4", make: { .float4(float(&$0)) }, read: { .float4(try $0.value(at: 0)) }),
    Codec(type: "float8", make: { .float8(double(&$0)) }, read: { .float8(try $0.value(at: 0)) }),
    Codec(
      type: "numeric",
      make: { .numeric(decimal(&$0)) },
      read: { .numeric(try $0.value(at: 0, as: PostgresNumeric.self).description) }
    ),
    Codec(type: "text", make: { .text(text(&$0)) }, read: { .text(try $0.value(at: 0)) }),
    Codec(type: "bytea", make: { .bytea(bytes(&$0)) }, read: { .bytea(try $0.value(at: 0)) }),
    Codec(
      type: "uuid",
      make: { .uuid(high: $0.next(), low: $0.next()) },
      read: { uuid(try $0.value(at: 0)) }
    ),
    Codec(
      type: "date",
      make: { .date(daysSince2000: .random(in: -730_000...2_000_000, using: &$0)) },
      read: { .date(daysSince2000: try $0.value(at: 0, as: PostgresDate.self).daysSince2000) }
    ),
    Codec(
      type: "timestamp",
      make: {
        .timestamp(microsecondsSince2000: microseconds(&$0))
      },
      read: {
        .timestamp(
          microsecondsSince2000: try $0.value(at: 0, as: PostgresTimestamp.self).microsecondsSince2000
        )
      }
    ),
    Codec(
      type: "timestamptz",
      make: {
        .timestamptz(microsecondsSince2000: microseconds(&$0))
      },
      read: {
        .timestamptz(
          microsecondsSince2000: try $0.value(at: 0, as: PostgresTimestamp.self).microsecondsSince2000
        )
      }
    ),
    Codec(
      type: "boolean[]",
      make: { .boolArray(array(&$0) { .random(using: &$0) }) },
      read: { .boolArray(try $0.value(at: 0)) }
    ),
    Codec(
      type: "int2[]",
      make: { .int2Array(array(&$0) { .random(in: .min ... .max, using: &$0) }) },
      read: { .int2Array(try $0.value(at: 0)) }
    ),
    Codec(
      type: "int4[]",
      make: { .int4Array(array(&$0) { .random(in: .min ... .max, using: &$0) }) },
      read: { .int4Array(try $0.value(at: 0)) }
    ),
    Codec(
      type: "int8[]",
      make: { .int8Array(array(&$0) { .random(in: .min ... .max, using: &$0) }) },
      read: { .int8Array(try $0.value(at: 0)) }
    ),
    Codec(
      type: "float8[]",
      make: { .float8Array(array(&$0, double)) },
      read: { .float8Array(try $0.value(at: 0)) }
    ),
    Codec(type: "text[]", make: { .textArray(array(&$0, text)) }, read: { .textArray(try $0.value(at: 0)) }),
    Codec(
      type: "real[]",
      make: { .float4Array(array(&$0, float)) },
      read: { .float4Array(try $0.value(at: 0)) }
    ),
    Codec(type: "vector", make: { .vector(array(&$0, float) + [1]) }, read: { .vector(try $0.value(at: 0)) }),
    Codec(
      type: "halfvec",
      make: {
        .halfvec(array(&$0) { Float(Float16(bitPattern: UInt16.random(in: 0...0x7BFF, using: &$0))) } + [1])
      },
      read: { .halfvec(try $0.value(at: 0)) }
    ),
    Codec(
      type: "sparsevec",
      make: { .sparsevec(array(&$0) { Bool.random(using: &$0) ? 0 : float(&$0) } + [1]) },
      read: { .sparsevec(try $0.value(at: 0, as: SparseVector.self).dense) }
    ),
    Codec(type: "json", make: { .json(json(&$0)) }, read: { .json(try $0.value(at: 0)) }),
    Codec(type: "jsonb", make: { .jsonb(json(&$0)) }, read: { .jsonb(try $0.value(at: 0)) }),
    Codec(
      type: "numeric[]",
      make: { .array(array(&$0) { .numeric(decimal(&$0)) }, of: .numeric) },
      read: { row in
        .array(
          try row.value(at: 0, as: [PostgresNumeric].self).map { .numeric($0.description) },
          of: .numeric
        )
      }
    ),
    Codec(
      type: "bytea[]",
      make: { .array(array(&$0) { .bytea(bytes(&$0)) }, of: .bytea) },
      read: { .array(try $0.value(at: 0, as: [[UInt8]].self).map { .bytea($0) }, of: .bytea) }
    ),
    Codec(
      type: "json[]",
      make: { .array(array(&$0) { .json(json(&$0)) }, of: .json) },
      read: { .array(try $0.value(at: 0, as: [String].self).map { .json($0) }, of: .json) }
    ),
    Codec(
      type: "jsonb[]",
      make: { .array(array(&$0) { .jsonb(json(&$0)) }, of: .jsonb) },
      read: { .array(try $0.value(at: 0, as: [String].self).map { .jsonb($0) }, of: .jsonb) }
    ),
    Codec(
      type: "uuid[]",
      make: { .array(array(&$0) { .uuid(high: $0.next(), low: $0.next()) }, of: .uuid) },
      read: { .array(try $0.value(at: 0, as: [UUID].self).map(uuid), of: .uuid) }
    ),
    Codec(
      type: "date[]",
      make: {
        .array(array(&$0) { .date(daysSince2000: .random(in: -730_000...2_000_000, using: &$0)) }, of: .date)
      },
      read: {
        .array(
          try $0.value(at: 0, as: [PostgresDate].self).map { .date(daysSince2000: $0.daysSince2000) },
          of: .date
        )
      }
    ),
    Codec(
      type: "timestamp[]",
      make: {
        .array(array(&$0) { .timestamp(microsecondsSince2000: microseconds(&$0)) }, of: .timestamp)
      },
      read: { row in
        .array(
          try row.value(at: 0, as: [PostgresTimestamp].self).map {
            .timestamp(microsecondsSince2000: $0.microsecondsSince2000)
          },
          of: .timestamp
        )
      }
    ),
    Codec(
      type: "timestamptz[]",
      make: {
        .array(array(&$0) { .timestamptz(microsecondsSince2000: microseconds(&$0)) }, of: .timestamptz)
      },
      read: { row in
        .array(
          try row.value(at: 0, as: [PostgresTimestamp].self).map {
            .timestamptz(microsecondsSince2000: $0.microsecondsSince2000)
          },
          of: .timestamptz
        )
      }
    ),
    Codec(
      type: "varbit",
      make: { .bit(array(&$0) { .random(using: &$0) }) },
      read: { .bit(try $0.value(at: 0, as: PostgresBits.self).bits) }
    ),
  ]

  @Test(arguments: codecs)
  func valuesComeBackEqual(codec: Codec) async throws {
    let connection = try await ScratchSchema.connect()
    // Back in binary; through the server's own text; and from the text that this client writes.
    let text = """
      SELECT v, v::text::\(codec.type)::text IS NOT DISTINCT FROM v::text, $2::text::\(codec.type)::text = v::text
      FROM (SELECT $1::\(codec.type) AS v) s
      """
    var random = SystemRandomNumberGenerator()
    for _ in 0..<100 {
      let value = codec.make(&random)
      let rows = try await connection.query(
        Statement(trusted: text, binds: [value, .text(value.textFormat ?? "")]),
        prepared: true
      )
      #expect(try codec.read(rows[0]) == value)
      #expect(try rows[0].value(at: 1, as: Bool.self), "the server's text form is the same value")
      #expect(try rows[0].value(at: 2, as: Bool.self), "the client's text form is the same value")
    }
    let null = try await connection.query(Statement(trusted: "SELECT $1::\(codec.type)", binds: [.null]))
    #expect(throws: PostgresError.self) { try codec.read(null[0]) }
    await connection.close()
  }

  /// What the server shows for a value is what was meant.
  @Test func theServerSeesTheValues() async throws {
    let connection = try await ScratchSchema.connect()
    let forms: [(SQLValue, String, String)] = [
      (.numeric("-12.50"), "numeric", "-12.50"), (.numeric("1e-7"), "numeric", "0.0000001"),
      (.numeric("123456789012345678901234567890"), "numeric", "123456789012345678901234567890"),
      (.numeric("NaN"), "numeric", "NaN"), (.date(daysSince2000: -1), "date", "1999-12-31"),
      (.timestamp(microsecondsSince2000: 1), "timestamp", "2000-01-01 00:00:00.000001"),
      (.jsonb("{\"a\": [1, \"é\"]}"), "jsonb", "{\"a\": [1, \"é\"]}"),
      (.uuid(high: 1, low: 2), "uuid", "00000000-0000-0001-0000-000000000002"),
      (.bit([true, false, true]), "varbit", "101"), (.sparsevec([0, 2.5, 0]), "sparsevec", "{2:2.5}/3"),
      (.halfvec([1, 65504]), "halfvec", "[1,65504]"),
      (.float4Array([1, .nan, -.infinity]), "real[]", "{1,NaN,-Infinity}"),
      (.textArray(["a,\"b\"", "", "NULL"]), "text[]", "{\"a,\\\"b\\\"\",\"\",\"NULL\"}"),
    ]
    for (value, type, shown) in forms {
      let rows = try await connection.query(Statement(trusted: "SELECT $1::\(type)::text", binds: [value]))
      #expect(try rows[0].value(at: 0, as: String.self) == shown)
    }
    await connection.close()
  }

  @Test func arraysWithNullsAndOtherShapesAreReadOrRefused() async throws {
    let connection = try await ScratchSchema.connect()
    let rows = try await connection.query(
      Statement(
        "SELECT '{1,NULL,3}'::int4[], '{{1,2},{3,4}}'::int4[], '{1,NULL}'::real[], 'x'::text, '{}'::real[]"
      )
    )
    #expect(try rows[0].value(at: 0, as: [Int32?].self) == [1, nil, 3])
    #expect(throws: PostgresError.self) { try rows[0].value(at: 0, as: [Int32].self) }
    #expect(throws: PostgresError.self) { try rows[0].value(at: 1, as: [Int32].self) }
    #expect(try rows[0].value(at: 2, as: [Float?].self) == [1, nil])
    #expect(throws: PostgresError.self) { try rows[0].value(at: 3, as: [String].self) }
    #expect(try rows[0].value(at: 4, as: [Float].self) == [])
    await connection.close()
  }

  private static func float(_ random: inout SystemRandomNumberGenerator) -> Float {
    while true {
      let value = Float(bitPattern: random.next())
      if value.isFinite { return value }
    }
  }

  private static func double(_ random: inout SystemRandomNumberGenerator) -> Double {
    while true {
      let value = Double(bitPattern: random.next())
      if value.isFinite { return value }
    }
  }

  /// Decimal text as the server writes it: no superfluous zeros in front.
  private static func decimal(_ random: inout SystemRandomNumberGenerator) -> String {
    let digits = { (count: Int, random: inout SystemRandomNumberGenerator) in
      (0..<count).map { _ in String(Int.random(in: 0...9, using: &random)) }.joined()
    }
    let whole = String(digits(.random(in: 0...40, using: &random), &random).drop { $0 == "0" })
    let fraction = digits(.random(in: 0...30, using: &random), &random)
    let magnitude = (whole.isEmpty ? "0" : whole) + (fraction.isEmpty ? "" : "." + fraction)
    let isZero = magnitude.allSatisfy { "0.".contains($0) }
    return (isZero || Bool.random(using: &random) ? "" : "-") + magnitude
  }

  /// Any scalar of any plane but NUL.
  private static func text(_ random: inout SystemRandomNumberGenerator) -> String {
    var text = ""
    for _ in 0..<Int.random(in: 0...20, using: &random) {
      if let scalar = Unicode.Scalar(UInt32.random(in: 1...0x10FFFF, using: &random)) {
        text.unicodeScalars.append(scalar)
      }
    }
    return text
  }

  private static func uuid(_ value: UUID) -> SQLValue {
    let words = withUnsafeBytes(of: value.uuid) {
      ($0.loadUnaligned(as: UInt64.self), $0.loadUnaligned(fromByteOffset: 8, as: UInt64.self))
    }
    return .uuid(high: UInt64(bigEndian: words.0), low: UInt64(bigEndian: words.1))
  }

  private static func microseconds(_ random: inout SystemRandomNumberGenerator) -> Int64 {
    .random(in: -60_000_000_000_000_000...90_000_000_000_000_000, using: &random)
  }

  /// JSON as `jsonb` writes it: blanks behind colon and comma, one key.
  private static func json(_ random: inout SystemRandomNumberGenerator) -> String {
    let letters = text(&random).unicodeScalars.filter {
      $0.value >= 0x20 && !"\"\\\u{7F}".unicodeScalars.contains($0)
    }
    let string = "\"\(String(String.UnicodeScalarView(letters)))\""
    return "{\"a\": [\(Int.random(in: -9...9, using: &random)), \(string), null, true]}"
  }

  private static func bytes(_ random: inout SystemRandomNumberGenerator) -> [UInt8] {
    array(&random) { .random(in: 0...255, using: &$0) }
  }

  private static func array<Element>(
    _ random: inout SystemRandomNumberGenerator,
    _ element: (inout SystemRandomNumberGenerator) -> Element
  ) -> [Element] {
    (0..<Int.random(in: 0...30, using: &random)).map { _ in element(&random) }
  }
}

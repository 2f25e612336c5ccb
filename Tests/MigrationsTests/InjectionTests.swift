import Basics
import Migrations
import SQLLexer
import TestSupport
import Testing

/// 500 values in every place where a parameter can stand: in none does the value change what the file says.
@Suite struct InjectionTests {
  /// `{{v}}` in each kind of place.
  static let places = [
    "SELECT {{v}};", "SELECT ({{v}}), 2 FROM t;", "CREATE TABLE x ({{v}} int);",
    "COMMENT ON TABLE t IS {{v}};",
    "SELECT a[1:2], {{v}} FROM t;", "SELECT {{v}}\n'b';", "SELECT 'a'\n{{v}};", "SELECT 1 -{{v}};",
    "SELECT -- {{v}}\n1;",
    "-- {{v}}", "/* {{v}} */ SELECT 1; /* b */",
    "/* a /* {{v}} */ b */ SELECT 1; /* {{v}} */ SELECT 2; /* c */",
    "/* /{{v}}/ */ SELECT 1;", "SELECT '{{v}}';", "SELECT E'{{v}}\\n';", "SELECT U&'{{v}}';",
    "SELECT \"{{v}}\" FROM t;",
    "SELECT \"a_{{v}}_b\" FROM t;", "SELECT t_{{v}} FROM t;", "SELECT {{v}}_t FROM t;", "SELECT $${{v}}$$;",
    "SELECT $a$ it's {{v}} $a$;", "SELECT ${{v}}$ a ${{v}}$;", "DO $$ BEGIN PERFORM {{v}}; END $$;",
    "DO $a$ BEGIN EXECUTE $b$ SELECT {{v}} $b$; END $a$;",
    "DO $$ BEGIN /* {{v}} */ PERFORM 1; -- {{v}}\nEND $$;",
    "CREATE FUNCTION f() RETURNS int LANGUAGE plpython3u AS $$\n# {{v}}\nreturn {{v}}\n$$;",
    "COPY t FROM stdin;\n{{v}}\n\\.\nSELECT 1;",
    "COPY t (a, b) FROM stdin WITH (FORMAT csv);\nx,{{v}}\n\"{{v}}\",y\n\\.\n",
    "COPY t FROM stdout DELIMITER '1';\n\\{{v}}\n\\.\n", "SELECT {{v}}{{v}};", "SELECT {{v}} {{v}};",
    "SELECT 'a{{v}}', '{{v}}b';", "SELECT $1{{v}};", "SELECT E{{v}};", "SELECT U&{{v}};",
    "SELECT t.{{v}}.{{v}};",
    "SELECT '\\{{v}}';", "SELECT {{v}} /* {{v}} */, {{v}} -- {{v}}\n;",
  ]

  static let kinds = ["identifier", "literal"]

  private func render(_ place: String, _ kind: String, _ value: String) throws -> String {
    try rendered(place + "\n", manifest: "v:\n  type: \(kind)\n", parameters: ["v": value])
  }

  @Test(arguments: places, kinds)
  func `No value changes the tokens around it`(place: String, kind: String) throws {
    #expect(HostileValues.all.count == 500)
    var accepted = 0
    let plain = try? render(place, kind, "zq")
    for value in HostileValues.all {
      guard let text = try? render(place, kind, value) else { continue }
      accepted += 1
      guard let reference = plain else {
        let words = Script(text).tokens.filter { $0.kind == .word }.map {
          Script(text).source[$0.range].lowercased()
        }
        #expect(!words.contains("drop"), "\(value.debugDescription) in \(place)")
        continue
      }
      let (found, expected) = (Script(text), Script(reference))
      #expect(found.errors == [], "\(value.debugDescription) in \(place)")
      #expect(found.statements.count == expected.statements.count, "\(value.debugDescription) in \(place)")
      #expect(found.tokens.count == expected.tokens.count, "\(value.debugDescription) in \(place)")
      for (token, other) in zip(found.tokens, expected.tokens) {
        let (one, two) = (found.source[token.range], expected.source[other.range])
        #expect(one == two || two.contains("zq"), "\(value.debugDescription) in \(place): \(one) for \(two)")
      }
      for (one, two) in zip(found.statements, expected.statements) {
        let lines = [(one, found), (two, expected)].map { statement, script in
          statement.copyData.map { script.source[$0].utf8.filter { $0 == 0x0A || $0 == 0x09 }.count }
        }
        #expect(lines[0] == lines[1], "\(value.debugDescription) in \(place)")
      }
    }
    // Where a value may stand as itself, most of them are taken: the guard does not work by refusing everything.
    if place == "SELECT {{v}};", kind == "literal" { #expect(accepted == 500) }
  }

  @Test func `A field of CSV is read back as it was`() {
    for value in HostileValues.all {
      let line = "a," + Quoting.csvField(value) + ",b\r\n"
      #expect(Self.readCSV(Array(line.utf8)) == [["a", value, "b"]].map { $0.map { Array($0.utf8) } })
    }
  }

  /// RFC 4180 by bytes, as other programs read it.
  private static func readCSV(_ bytes: [UInt8]) -> [[[UInt8]]] {
    var (rows, row, field) = ([[[UInt8]]](), [[UInt8]](), [UInt8]())
    var (quoted, index) = (false, 0)
    while index < bytes.count {
      let byte = bytes[index]
      index += 1
      switch byte {
      case UInt8(ascii: "\"") where quoted && index < bytes.count && bytes[index] == byte:
        field.append(byte)
        index += 1
      case UInt8(ascii: "\""): quoted.toggle()
      case UInt8(ascii: ",") where !quoted:
        row.append(field)
        field = []
      case UInt8(ascii: "\r") where !quoted: break
      case UInt8(ascii: "\n") where !quoted:
        rows.append(row + [field])
        (row, field) = ([], [])
      default: field.append(byte)
      }
    }
    return rows
  }

  @Test func `A file's name with line ends stays in its comment of the plan`() throws {
    let name = "1_a\n; DROP TABLE canary; --\u{2028}\r.sql"
    let plan = try migrator([name: "-- migrate:up\nSELECT 1;\n"]).planFromNothing()
    let script = Script(try plan.psql.split(separator: "\n").dropFirst().joined(separator: "\n"))
    #expect(script.errors == [])
    #expect(script.statements.allSatisfy { !$0.hasWords("drop") })
    #expect(
      script.tokens.contains { $0.kind == .lineComment && script.source[$0.range].contains("\\u{a}; DROP") }
    )
  }

  @Test(arguments: [
    ("SELECT a[n:PORT] FROM t", "SELECT a[n: PORT] FROM t"),
    ("SELECT a[1:2], b::int", "SELECT a[1: 2], b::int"),
    ("SELECT a[:'x']", "SELECT a[: 'x']"), ("SELECT ':PORT' -- :PORT", "SELECT ':PORT'"),
    ("SELECT f(a := :\"b\")", "SELECT f(a := : \"b\")"), ("SELECT a[1:$1]", "SELECT a[1:$1]"),
    ("SELECT E'a'\n  'b\\'; c'", "SELECT E'ab\\'; c'"), ("SELECT 'a''b'\n'c' -- x\n'd'", "SELECT 'a''bcd'"),
    ("SELECT $$ :PORT $$, \":PORT\"", "SELECT $$ :PORT $$, \":PORT\""),
  ])
  func `psql puts nothing into a plan's statements`(sql: String, expected: String) throws {
    let plan = try migrator(["1_a.sql": "-- migrate:up\n\(sql);\n"]).planFromNothing()
    let script = try plan.psql
    #expect(script.contains("\n\(expected);\n"), "\(script)")
  }
}

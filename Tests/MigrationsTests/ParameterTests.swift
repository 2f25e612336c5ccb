import Migrations
import Testing

/// Parameters: declared once, checked before anything is sent.
@Suite struct ParameterTests {
  let manifest = """
    [dim]
    type = "int"
    range = [1, 8192]
    [dim.pgvector]
    range = [1, 2000]
    [m]
    type = "int"
    default = 16
    [ef]
    type = "int"
    default = 64
    at_least = "2 * m"
    [table]
    type = "identifier"
    default = "items"
    [index]
    type = "identifier"
    default = "{table}_idx"
    [note]
    type = "literal"
    optional = true
    [metric]
    type = "choice"
    choices = ["l2", "cosine"]
    default = "l2"
    [fast]
    type = "bool"
    default = false
    renders = ["0", "1"]
    dialects = ["analyticdb"]
    """

  private func error(_ parameters: [String: String], _ dialect: MigrationDialect = .pgvector) -> String? {
    problem {
      _ = try migrator(
        ["1_a.sql": "-- migrate:up\n"],
        manifest: manifest,
        parameters: parameters,
        dialect: dialect
      )
    }?.description
  }

  private func value(_ tag: String, _ parameters: [String: String], _ dialect: MigrationDialect = .pgvector)
    throws
    -> String
  {
    try rendered(
      tag,
      manifest: manifest,
      parameters: ["dim": "3"].merging(parameters) { $1 },
      dialect: dialect
    )
  }

  @Test(arguments: [
    ("{{dim}}", ["dim": "42"], "42"), ("{{m}}", ["m": "-5", "ef": "64"], "(-5)"), ("{{table}}", [:], "items"),
    ("{{table}}", ["table": "My \"Table\""], "\"My \"\"Table\"\"\""),
    ("{{table}}", ["table": "select"], "\"select\""),
    ("{{index}}", ["table": "docs"], "docs_idx"), ("{{index}}", ["table": "Docs"], "\"Docs_idx\""),
    ("{{note}}", ["note": "it's"], "'it''s'"), ("{{note}}", ["note": "a\\b"], "E'a\\\\b'"),
    ("vector_{{metric}}_ops", ["metric": "cosine"], "vector_cosine_ops"), ("'{{metric}}'", [:], "'l2'"),
  ])
  func `A type decides how a value is written`(tag: String, parameters: [String: String], expected: String)
    throws
  {
    #expect(try value(tag, parameters) == expected)
  }

  @Test func `A bool may have words of its own`() throws {
    #expect(try value("{{fast}}", ["fast": "true"], .analyticDB) == "1")
  }

  @Test(arguments: [
    ([:], "parameters.toml:1:1: the parameter dim has no value and no default (pgvector)"),
    (["dim": "2001"], "parameters.toml:1:1: the parameter dim is 2001, which is not 1…2000 (pgvector)"),
    (["dim": "many"], "parameters.toml:1:1: the parameter dim is many, which is not 1…2000 (pgvector)"),
    (["dim": "3", "m": "40"], "parameters.toml:9:1: the parameter ef is 64, below 2 * m = 80 (pgvector)"),
    (
      ["dim": "3", "metric": "l1"],
      "parameters.toml:22:1: the parameter metric is l1, which is not l2 | cosine (pgvector)"
    ),
    (
      ["dim": "3", "fast": "1"],
      "parameters.toml:26:1: the parameter fast has no meaning for the dialect pgvector"
    ),
    (["dim": "3", "tabel": "x"], "parameters.toml declares no parameter tabel; did you mean table?"),
  ])
  func `A wrong value is refused`(parameters: [String: String], expected: String) {
    #expect(error(parameters)?.hasPrefix(expected) == true, "\(error(parameters) ?? "no error")")
  }

  @Test func `Ranges differ by dialect`() {
    #expect(error(["dim": "8192"], .analyticDB) == nil)
    #expect(error(["dim": "8192"]) != nil)
  }

  @Test func `A name of more than 63 bytes is refused`() {
    #expect(error(["dim": "3", "table": String(repeating: "x", count: 64)])?.contains("64 bytes") == true)
    #expect(
      error(["dim": "3", "table": String(repeating: "x", count: 62)])?.contains("index is not a name") == true
    )
  }

  @Test(arguments: [
    ("SELECT '{{note}}'", ["note": "x"]), ("SELECT '{{note}}'", ["note": "'); DROP TABLE t; --"]),
    ("SELECT $${{note}}$$", ["note": "$$; DROP TABLE t; $$"]),
    ("-- {{note}}\nSELECT 1", ["note": "x\n; DROP TABLE t"]),
    ("/* {{note}} */ SELECT 1", ["note": "*/ DROP TABLE t; /*"]), ("SELECT {{table}}_old", ["table": "t"]),
    ("SELECT \"{{table}}\"", ["table": "t"]), ("SELECT '{{table}}'", ["table": "x'y"]),
    ("SELECT a{{note}}", ["note": "b"]),
    ("SELECT $${{table}}x$$", ["table": "A"]),
    ("SELECT ${{table}}$ a ${{table}}$", ["table": "t"]), ("SELECT 'a'\n{{note}}", ["note": "b"]),
    ("COPY t FROM stdin;\n{{table}}\n\\.\n", ["table": "x\n\\.\nDROP TABLE t;COPY t FROM stdin;--"]),
    ("COPY t FROM stdin;\n{{note}}\n\\.\n", ["note": "x"]),
    ("COPY t FROM stdin;\n\\{{table}}\n\\.\n", ["table": "n"]),
    ("COPY t FROM stdin (DELIMITER 'x');\n{{table}}\n\\.\n", ["table": "axb"]),
    ("COPY t FROM stdout (NULL 'none');\n{{table}}\n\\.\n", ["table": "none"]),
    ("/* {{note}} */ SELECT 1; /* x */", ["note": "/*"]), ("/* /{{note}} */ SELECT 1", ["note": "*/"]),
    ("CREATE FUNCTION f() RETURNS int LANGUAGE plpython3u AS $$\n# {{note}}\n$$", ["note": "x\nimport os"]),
    (
      "DO $a$ BEGIN EXECUTE $b$ CREATE FUNCTION f() RETURNS int AS $c$ x = {{note}} $c$ LANGUAGE plperlu $b$; END $a$",
      ["note": "x"]
    ),
  ])
  func `No value can leave its place in the SQL`(text: String, parameters: [String: String]) {
    let error = problem { _ = try value(text, parameters) }
    #expect(error?.code == .invalidParameter)
    #expect(error?.location?.file == "1_a.sql")
  }

  @Test func `A plain word may stand in the data of a COPY`() throws {
    let text = "COPY t FROM stdin;\nowner\t{{table}}\t{{m}}\n\\.\n"
    #expect(try value(text, ["table": "acme"]) == "COPY t FROM stdin;\nowner\tacme\t16\n\\.\n")
  }

  @Test func `A multiple beyond any number is an error`() {
    let error = error(["dim": "3", "m": "9223372036854775807", "ef": "5"])
    #expect(error?.contains("beyond any number") == true, "\(error ?? "no error")")
  }

  @Test func `Values are SQL inside a dollar-quoted body too`() throws {
    let text = "DO $$ BEGIN PERFORM {{note}} FROM {{table}}; END $$"
    #expect(
      try value(text, ["note": "it's", "table": "Odd"]) == "DO $$ BEGIN PERFORM 'it''s' FROM \"Odd\"; END $$"
    )
  }

  @Test(arguments: [
    ("[a]\ntype = \"integer\"", "parameters.toml:1:1: [a] needs type = one of int, bool"),
    ("[a]\ntype = \"int\"\nrnage = [1, 2]", "parameters.toml:3:9: unknown key rnage; did you mean range?"),
    ("[a]\ntype = int", "parameters.toml:2:8: expected a string in quotes"),
    ("[a]\ntype = \"int\"\n[a]\ntype = \"int\"", "parameters.toml:3:1: the parameter a is declared twice"),
    ("[a]\ntype = \"choice\"", "parameters.toml:1:1: a choice needs choices"),
    ("[a.pgvector]\nrange = [1, 2]", "parameters.toml:1:1: there is no table [a]"),
    ("type = \"int\"", "parameters.toml:1:8: a key stands before the first [table]"),
    ("[a]\ntype = \"int", "parameters.toml:2:8: the string has no end"),
    ("[a]\ntype = \"int\"\nrange = [2, 1]", "parameters.toml:3:9: range is [least, most]"),
    ("[a]\ntype = \"int\"\nrange = [1, 99999999999999999999]", "parameters.toml:3:13: expected a string"),
    (
      "[a]\ntype = \"int\"\n[a.pgvectr]\nrange = [1, 2]",
      "parameters.toml:3:1: unknown dialect in [a.pgvectr]; did"
    ),
    ("[a]\ntype = \"int\"\n[a.analyticdb]\nrange = [3, 2]", "parameters.toml:4:9: range is [least, most]"),
    ("[a]\ntype = \"int\"\n[a.b.c]\nrange = [1, 2]", "parameters.toml:3:1: unknown dialect in [a.b.c]"),
    ("[a]\ntype = \"int\"\ndialects = [\"mysql\"]", "parameters.toml:3:12: unknown dialect mysql"),
    (
      "[a]\ntype = \"int\"\nat_least = \"2 * b\"",
      "parameters.toml:1:1: at_least of a names b, which is not declared"
    ),
    (
      "[a]\ntype = \"int\"\nat_least = \"2 * a\"",
      "parameters.toml:1:1: at_least of a needs another parameter"
    ),
    ("[a]\ntype = \"int\"\nat_least = \"2 *\"", "parameters.toml:3:12: at_least is \"number * parameter\""),
    ("[a]\ntype = \"int\"\nat_least = \"99999999999999999999 * a\"", "parameters.toml:3:12: at_least is"),
    ("[a]\ntype = \"identifier\"\ndefault = \"{b}_idx\"", "parameters.toml:1:1: the default of a names {b}"),
    ("[a]\ntype = \"identifier\"\ndefault = \"{a}_idx\"", "parameters.toml:1:1: the default of a names {a}"),
    ("[else]\ntype = \"int\"", "parameters.toml:1:1: the name else is a word of the template language"),
    ("[a-b]\ntype = \"int\"", "parameters.toml:1:1: the name a-b cannot stand in {{…}}"),
    (
      "[a]\ntype = \"literal\"\nrange = [1, 2]",
      "parameters.toml:3:9: range has no meaning for type = \"literal\""
    ),
    (
      "[a]\ntype = \"bool\"\nrenders = [\"x\", \"1; DROP TABLE t\"]",
      "parameters.toml:3:11: renders holds a text that is not closed SQL"
    ),
    ("[a]\ntype = \"choice\"\nchoices = [\"x\", \"--\"]", "parameters.toml:3:11: choices holds a text"),
    (
      "[a]\ntype = \"int\"\nrange = " + String(repeating: "[", count: 100_000),
      "parameters.toml:3:17: lists are nested too deep"
    ),
  ])
  func `A wrong declaration is refused with its place`(text: String, expected: String) {
    let error = problem { _ = try migrator(["1_a.sql": "-- migrate:up\n"], manifest: text) }
    #expect(error?.description.hasPrefix(expected) == true, "\(error?.description ?? "no error")")
  }
}

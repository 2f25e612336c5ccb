import Migrations
import Testing

/// Parameters: declared once, checked before anything is sent.
@Suite struct ParameterTests {
  let manifest = """
    dim:
      type: int
      range: [1, 8192]
      pgvector:
        range: [1, 2000]
    m:
      type: int
      default: 16
    ef:
      type: int
      default: 64
      at_least: 2 * m
    table:
      type: identifier
      default: items
    index:
      type: identifier
      default: "{table}_idx"
    note:
      type: literal
      optional: true
    metric:
      type: choice
      choices: [l2, cosine]
      default: l2
    fast:
      type: bool
      default: false
      renders: ["0", "1"]
      dialects: [analyticdb]
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
    ([:], "parameters.yaml:1:1: the parameter dim has no value and no default (pgvector)"),
    (["dim": "2001"], "parameters.yaml:1:1: the parameter dim is 2001, which is not 1…2000 (pgvector)"),
    (["dim": "many"], "parameters.yaml:1:1: the parameter dim is many, which is not 1…2000 (pgvector)"),
    (["dim": "3", "m": "40"], "parameters.yaml:9:1: the parameter ef is 64, below 2 * m = 80 (pgvector)"),
    (
      ["dim": "3", "metric": "l1"],
      "parameters.yaml:22:1: the parameter metric is l1, which is not l2 | cosine (pgvector)"
    ),
    (
      ["dim": "3", "fast": "1"],
      "parameters.yaml:26:1: the parameter fast has no meaning for the dialect pgvector"
    ),
    (["dim": "3", "tabel": "x"], "parameters.yaml declares no parameter tabel; did you mean table?"),
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
    ("a:\n  type: integer", "1:1: a needs type: one of int, bool"),
    ("a:", "1:1: a needs type: one of int, bool"),
    ("a:\n  type: int\n  rnage: [1, 2]", "3:3: unknown key rnage; did you mean range?"),
    ("a:\n  type: int\na:\n  type: int", "3:1: a stands here a second time"),
    ("a:\n  type: int\n  type: int", "3:3: type stands here a second time"),
    ("a:\n  type: choice", "1:1: a choice needs choices: [a, b]"),
    ("a:\n  type: choice\n  choices: x", "3:12: choices is a list: [a, b]"),
    ("a:\n  type: choice\n  choices: [x, [y]]", "3:12: choices is a list: [a, b]"),
    ("type: int", "1:7: type takes lines key: value"),
    ("- a", "1:1: parameters are declared as name: with lines key: value below it"),
    ("a:\n  - type", "2:3: a takes lines key: value"),
    (
      "a:\n  type: \"int",
      "2:13: cannot be read as YAML: found unexpected end of stream while scanning a quoted"
    ),
    ("a:\n  type: int\n---\nb:\n  type: int", "3:1: cannot be read as YAML: a second document begins here"),
    ("é: &x\n  type: *x", "1:1: the name é cannot stand in {{…}}"),
    ("a:\n  help: é\n  default: *x", "1:1: a needs type"),
    ("a:\n  type: int\n  help: *x", "3:9: help is one value"),
    ("a:\n  type: int\n  range: [2, 1]", "3:10: range is [least, most]"),
    ("a:\n  type: int\n  range: [1, 99999999999999999999]", "3:10: range is [least, most]"),
    ("a:\n  type: int\n  range: 1..2", "3:10: range is a list: [a, b]"),
    ("a:\n  type: int\n  optional: 1", "3:13: optional is true or false"),
    ("a:\n  type: int\n  pgvectr:\n    range: [1, 2]", "3:3: unknown dialect pgvectr of a; did"),
    ("a:\n  type: int\n  pgvector: 3", "3:13: pgvector takes lines key: value"),
    ("a:\n  type: int\n  analyticdb:\n    range: [3, 2]", "4:12: range is [least, most]"),
    ("a:\n  type: int\n  pgvector:\n    b:\n      range: [1, 2]", "4:5: unknown key b"),
    ("a.pgvector:\n  type: int", "1:1: the name a.pgvector cannot stand in {{…}}"),
    ("a:\n  type: int\n  dialects: [mysql]", "3:13: unknown dialect mysql"),
    ("a:\n  type: int\n  at_least: 2 * b", "1:1: at_least of a names b, which is not declared"),
    ("a:\n  type: int\n  at_least: 2 * a", "1:1: at_least of a needs another parameter"),
    ("a:\n  type: int\n  at_least: 2 *", "3:13: at_least is number * parameter"),
    ("a:\n  type: int\n  at_least: 99999999999999999999 * a", "3:13: at_least is"),
    ("a:\n  type: identifier\n  default: \"{b}_idx\"", "1:1: the default of a names {b}"),
    ("a:\n  type: identifier\n  default: \"{a}_idx\"", "1:1: the default of a names {a}"),
    ("a:\n  type: identifier\n  default: {b: 1}", "3:12: default is one value"),
    ("else:\n  type: int", "1:1: the name else is a word of the template language"),
    ("a-b:\n  type: int", "1:1: the name a-b cannot stand in {{…}}"),
    ("\"a\\n\\eb\":\n  type: int", "1:1: the name a\\n\\x1Bb cannot stand in {{…}}"),
    ("a:\n  type: literal\n  range: [1, 2]", "3:3: range has no meaning for type: literal"),
    (
      "a:\n  type: bool\n  renders: [x, 1; DROP TABLE t]",
      "3:12: renders holds a text that is not closed SQL"
    ),
    ("a:\n  type: choice\n  choices: [x, --]", "3:12: choices holds a text"),
    (
      "a:\n  type: int\n  range: " + String(repeating: "[", count: 100_000),
      "3:40: cannot be read as YAML: nested too"
    ),
  ])
  func `A wrong declaration is refused with its place`(text: String, expected: String) {
    let error = problem { _ = try migrator(["1_a.sql": "-- migrate:up\n"], manifest: text) }
    let isFound = error?.description.hasPrefix("parameters.yaml:" + expected) == true
    #expect(isFound, "\(error?.description ?? "no error")")
  }

  private func definitions(_ name: String, _ text: String) throws -> [ParameterDefinition] {
    let file = try SourceFile(path: name, bytes: Array(text.utf8))
    return try ParameterManifest(file, dialect: .pgvector).definitions
  }

  @Test func `Version 1's parameters.toml says the same`() throws {
    let old = """
      # Parameters.
      [dim.pgvector]
      range = [1, 2_000]   # the widest

      [dim]   # of a vector
      type = "int"
      range = [1, 8192]
      default = 1_000
      help = "Dimensions: \\"many\\" of them, # 1"
        [ef]
        type='int'
        at_least = "2 * dim"
      \toptional = true
      [metric]
      type = "choice"
      choices = [
        "l2",
      \t"cosine", # two
      ]
      default = 'l2'
      [fast]
      type = "bool"
      renders = ["0", "1"]
      default = false# off
      dialects = ["analyticdb"]
      """
    let new = """
      dim:
        type: int
        range: [1, 8192]
        default: 1_000
        help: 'Dimensions: "many" of them, # 1'
        pgvector:
          range:
            - 1
            - 2000
      ef:
        type: int
        at_least: 2 * dim
        optional: true
      metric:
        type: choice
        choices: [l2, cosine]
        default: l2
      fast:
        type: bool
        renders: ["0", "1"]
        default: false
        dialects: [analyticdb]
      """
    func unplaced(_ definitions: [ParameterDefinition]) throws -> [ParameterDefinition] {
      let place = try #require(definitions.first?.location)
      return definitions.map { definition in
        var definition = definition
        definition.location = place
        return definition
      }
    }
    let read = try unplaced(definitions("parameters.yaml", new))
    var same = try unplaced(definitions("parameters.toml", old))
    for index in same.indices { same[index].location = read[0].location }
    #expect(same == read)
    #expect(read[0].range == 1...2000 && read[0].defaultValue == "1000" && read[0].help.contains("# 1"))
    #expect(read[2].choices == ["l2", "cosine"])
  }

  @Test(arguments: [
    ("[a]\ntype = \"integer\"", "1:1: a needs type: one of int, bool"),
    ("[a]\ntype = \"int\"\nrnage = [1, 2]", "3:2: unknown key rnage; did you mean range?"),
    ("[a]\ntype = \"int\"\n[a]\ntype = \"int\"", "3:1: a stands here a second time"),
    ("[a.pgvector]\nrange = [1, 2]", "1:1: a is not declared"),
    ("type = \"int\"", "1:8: type takes lines key: value"),
    ("[a]\ntype = \"int\"\nrange = [2, 1]", "3:9: range is [least, most]"),
    (
      "[a]    # one\ntype=\"choice\"\nchoices = [\n  \"x\",\n]\n  range = [2, 1]", "6:2: range has no meaning"
    ),
    ("[a]\ntype = \"int\"\n[a.pgvectr]\nrange = [1, 2]", "3:1: unknown dialect pgvectr of a; did"),
    ("[a]\ntype = \"int\"\n[a.analyticdb]\nrange = [3, 2]", "4:9: range is [least, most]"),
    ("[a]\ntype = \"int\"\n[a.b.c]\nrange = [1, 2]", "3:1: unknown dialect b.c of a"),
    ("[a-b]\ntype = \"int\"", "1:1: the name a-b cannot stand in {{…}}"),
    ("[a]\ntype = \"int", "2:12: cannot be read as TOML"),
    ("[a]\ntype: \"int\"\n[[b]]\n", "4:1: cannot be read as TOML"),
  ])
  func `A wrong line of parameters.toml is refused with its place`(text: String, expected: String) {
    let error = problem { _ = try definitions("parameters.toml", text) }
    let isFound = error?.description.hasPrefix("parameters.toml:" + expected) == true
    #expect(isFound, "\(error?.description ?? "no error")")
  }
}

import Migrations
import Testing

/// `{{…}}` in SQL.
@Suite struct TemplateTests {
  let manifest = """
    dim:
      type: int
      default: 1000
    pq:
      type: bool
      default: false
    metric:
      type: choice
      choices: [l2, ip]
      default: l2
    note:
      type: literal
      optional: true
    """

  private func sql(_ text: String, _ parameters: [String: String] = [:]) throws -> String {
    try rendered(text, manifest: manifest, parameters: parameters)
  }

  @Test(arguments: [
    ("{{#if pq}}on{{/if}}", ["pq": "true"], "on"), ("{{#if pq}}on{{/if}}", [:], ""),
    ("{{#if pq}}on{{else}}off{{/if}}", [:], "off"), ("{{^if pq}}off{{/if}}", [:], "off"),
    ("{{#if metric = ip}}ip{{else}}l2{{/if}}", ["metric": "ip"], "ip"),
    ("{{#if metric!=l2}}x{{/if}}", [:], ""),
    ("{{#if dim > 2000}}halfvec{{else if dim >= 1000}}vector{{else}}small{{/if}}", [:], "vector"),
    (
      "{{#if dim > 2000}}halfvec{{else if dim >= 1000}}vector{{else}}small{{/if}}", ["dim": "3000"], "halfvec"
    ),
    ("{{#if dim > 2000}}halfvec{{else if dim >= 1000}}vector{{else}}small{{/if}}", ["dim": "3"], "small"),
    ("{{#if note}}has{{else}}none{{/if}}", [:], "none"),
    ("{{#if note}}has {{note}}{{/if}}", ["note": "x"], "has 'x'"),
    ("{{ dim }}", [:], "1000"), ("{{#dialect pgvector}}pg{{else}}adb{{/dialect}}", [:], "pg"),
    ("{{#if pq}}{{#if metric = l2}}a{{/if}}{{else}}b{{/if}}c", [:], "bc"),
  ])
  func `Sections are chosen by their conditions`(text: String, parameters: [String: String], expected: String)
    throws
  {
    #expect(try sql(text, parameters) == expected)
  }

  @Test func `A section's tag on a line of its own leaves no line behind`() throws {
    #expect(try sql("a\n  {{#if pq}}\nb\n  {{else}}\nc\n  {{/if}}\nd\n") == "a\nc\nd\n")
  }

  @Test func `Capability sections depend on the server`() throws {
    let text = "CREATE TABLE t (id int){{#capability distribution}} DISTRIBUTED BY (id){{/capability}};"
    #expect(try rendered(text, manifest: manifest) == "CREATE TABLE t (id int);")
    #expect(
      try rendered(text, manifest: manifest, dialect: .analyticDB)
        == "CREATE TABLE t (id int) DISTRIBUTED BY (id);"
    )
    let without = try rendered(text, manifest: manifest, dialect: .analyticDB) {
      $0.capabilities = [.distribution: false]
    }
    #expect(without == "CREATE TABLE t (id int);")
  }

  @Test(arguments: [
    "SELECT '{{1,2},{3,4}}'::int[]", "SELECT '{{a,b},{c,d}}'", "SELECT '{ {{ x y }} }'", "SELECT '{{}}'",
  ])
  func `Braces that are SQL stay`(text: String) throws {
    #expect(try sql(text) == text)
  }

  @Test func `Without a manifest nothing is a parameter`() throws {
    let text = "-- migrate:up\nSELECT '{{dim}}';\n"
    #expect(try migrator(["1_a.sql": text]).render()[0].up == "SELECT '{{dim}}';\n")
    let error = problem { _ = try migrator(["1_a.sql": "-- migrate:up\nSELECT {{dim}};\n"]) }
    #expect(error?.location?.description == "1_a.sql:2:8")
  }

  @Test func `template:false takes a section as it is`() throws {
    let text = "-- migrate:up template:false\nSELECT '{{dim}}';\n"
    #expect(try migrator(["1_a.sql": text], manifest: manifest).render()[0].up == "SELECT '{{dim}}';\n")
  }

  @Test(arguments: [
    ("SELECT\n  {{dmi}}", "1_a.sql:3:3: unknown parameter dmi; did you mean dim?"),
    ("{{#if dim}}", "1_a.sql:2:1: this section is not closed with {{/if}}"),
    ("{{/if}}", "1_a.sql:2:1: {{/if}} closes nothing"),
    ("{{else}}", "1_a.sql:2:1: {{else}} stands outside any section"),
    ("{{#if dim}}{{/capability}}", "1_a.sql:2:12: {{/capability}} stands where {{/if}} is due"),
    ("{{#capability flying}}{{/capability}}", "1_a.sql:2:1: unknown capability \"flying\""),
    ("{{#unless dim}}{{/unless}}", "1_a.sql:2:1: unknown tag {{#unless dim}}"),
    ("{{#if metric = cosine}}{{/if}}", "1_a.sql:2:1: metric is never cosine"),
    ("{{#if dim = big}}{{/if}}", "1_a.sql:2:1: dim is a number and \"big\" is not"),
    ("{{note}}", "1_a.sql:2:1: the parameter note has no value here"),
    ("{{#if nope}}{{/if}}", "1_a.sql:2:1: unknown parameter nope"),
    ("{{#if dim}}a{{else}}b{{else}}c{{/if}}", "1_a.sql:2:22: {{else}} stands behind the section's {{else}}"),
    ("{{#if dim}}a{{else}}b{{else if pq}}c{{/if}}", "1_a.sql:2:22: {{else if pq}} stands behind"),
    ("{{#dialect mysql}}a{{/dialect}}", "1_a.sql:2:1: unknown dialect mysql"),
    ("{{#dialect pgvectr}}a{{/dialect}}", "1_a.sql:2:1: unknown dialect pgvectr; did you mean pgvector?"),
    ("{{#if pq = yes}}a{{/if}}", "1_a.sql:2:1: pq is never yes"),
    (
      String(repeating: "{{#if pq}}", count: 50_000), "1_a.sql:2:321: sections are nested deeper than 32"
    ),
  ])
  func `A wrong tag is refused with its place`(text: String, expected: String) {
    let error = problem { _ = try sql(text) }
    #expect(error?.description.hasPrefix(expected) == true, "\(error?.description ?? "no error")")
  }

  @Test func `A caret points at the column`() {
    let error = problem { _ = try sql("SELECT\n\t'ä', {{dmi}};") }
    #expect(error?.location?.excerpt == " 3 | \t'ä', {{dmi}};\n   | \t     ^")
  }
}

import Basics
import Testing

@testable import SearchServer

/// What the page's templates are written in.
@Suite struct PageTemplateTests {
  struct Part {
    let name: String
    let isChosen: Bool
  }

  struct View {
    var title = "Cats"
    var count: Int? = 3
    var missing: String?
    var part: Part? = Part(name: "inner", isChosen: true)
    var parts = [Part(name: "a", isChosen: false), Part(name: "b", isChosen: true)]
    var words = ["x", "y"]
    var nothing: [Part] = []
  }

  private func filled(_ text: String, partials: [String: String] = [:]) throws -> String {
    try PageTemplate(text).render(View(), partials: partials.mapValues { try PageTemplate($0) })
  }

  @Test(
    arguments: [
      ("{{title}}: {{ count }}", "Cats: 3"),
      ("[{{missing}}{{unknown}}{{part.unknown}}]", "[]"),
      ("{{part.name}}", "inner"),
      ("{{#parts}}{{name}}{{#isChosen}}*{{/isChosen}} {{/parts}}", "a b* "),
      ("{{#part}}{{name}} of {{title}}{{/part}}", "inner of Cats"),
      ("{{#words}}<{{.}}>{{/words}}", "<x><y>"),
      ("{{#missing}}a{{/missing}}{{^missing}}b{{/missing}}", "b"),
      ("{{#nothing}}a{{/nothing}}{{^nothing}}b{{/nothing}}", "b"),
      ("{{^title}}a{{/title}}{{! said to nobody }}c", "c"),
      ("", ""), ("{ {title} }", "{ {title} }"),
    ]
  )
  func fills(text: String, expected: String) throws {
    #expect(try filled(text) == expected)
  }

  @Test func tagsAloneOnALineTakeTheLine() throws {
    let text = "a\n  {{#parts}}\n- {{name}}\n  {{/parts}}\n{{! comment }}\nz {{#part}}\n{{name}}\n{{/part}}"
    #expect(try filled(text) == "a\n- a\n- b\nz \ninner\n")
  }

  @Test func partialsSeeTheView() throws {
    let partials = ["list": "{{#parts}}{{> one}}{{/parts}}", "one": "[{{name}}]"]
    #expect(try filled("{{> list}}{{> unknown}}", partials: partials) == "[a][b]")
  }

  @Test func partialWithinItselfEnds() throws {
    #expect(try filled("{{> loop}}", partials: ["loop": "x{{> loop}}"]).count == 16)
  }

  @Test func escapesByScalars() throws {
    struct Hostile { let text = "<&>'\"\u{301}" }
    let page = try PageTemplate("{{text}}").render(Hostile(), partials: [:])
    #expect(page == "&lt;&amp;&gt;&#39;&quot;\u{301}")
  }

  @Test(
    arguments: [
      ("a\n{{title", "line 2: a tag is not closed"),
      ("{{#parts}}", "line 1: the section parts is not closed"),
      ("{{#a}}\n{{/b}}", "line 2: {{/b}} closes no open section"),
      ("{{{title}}}", "line 1: {{{title}} is not a tag this page knows"),
      ("{{}}", "line 1: {{}} is not a tag this page knows"),
    ]
  )
  func refuses(text: String, message: String) {
    #expect { try PageTemplate(text) } throws: { "\($0)" == message }
  }

  @Test(
    arguments: [
      ("a%20b", "a b"), ("%C3%BC", "ü"), ("%2b", "+"), ("", ""), ("%", nil), ("%4", nil), ("%zz", nil),
      ("%ff", nil),
    ] as [(String, String?)]
  )
  func decodesPercentEncoding(text: String, expected: String?) {
    #expect(QueryParameters.percentDecoded(text) == expected)
  }

  @Test func everyTextSurvivesALink() {
    for text in ["a b+c", "ü/ä?&=#%", "\u{0}\n\u{7f}", "🐈-._~"] {
      #expect(QueryParameters.percentDecoded(PercentEncoding.text(text)) == text)
    }
    #expect(PercentEncoding.text("a b/\u{1}é~") == "a%20b%2F%01%C3%A9~")
  }
}

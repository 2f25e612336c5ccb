import Testing
import VectorSQL
import VectorSQLExamples

@Suite("Every feature on every dialect")
struct GoldenTests {
  @Test("the text and the values are as written", arguments: Example.all, Dialect.all.map(\.name))
  func golden(_ example: Example, _ dialectName: String) throws {
    let dialect = try #require(Dialect(name: dialectName))
    let golden = try #require(example.goldens[dialectName])
    switch golden {
    case .text(let expected):
      let statements = try example.statements(dialect, .pretty)
      #expect(statements.map(\.text).joined(separator: ";\n") == expected)
      #expect(statements.flatMap(\.binds) == example.expectedBinds(dialect))
    case .refused(let code):
      let error = #expect(throws: RenderingError.self) { try example.statements(dialect) }
      #expect(error?.code == code)
    }
  }

  @Test("the wire's text is the text for people on one line", arguments: Example.all, Dialect.all.map(\.name))
  func compact(_ example: Example, _ dialectName: String) throws {
    let dialect = try #require(Dialect(name: dialectName))
    guard case .text = example.goldens[dialectName] else { return }
    let pretty = try example.statements(dialect, .pretty)
    let compact = try example.statements(dialect, .compact)
    for (long, short) in zip(pretty, compact) {
      #expect(!short.text.contains("\n"))
      #expect(short.binds == long.binds)
      #expect(short.text.filter { !$0.isWhitespace } == long.text.filter { !$0.isWhitespace })
    }
  }
}

import SQLLexer
import Testing

@testable import Migrations

/// Steps in files: how they are read, and where they may stand.
struct StepTests {
  private func section(_ text: String) throws -> RenderedSection {
    let file = try SourceFile(path: "1_x.sql", bytes: Array("-- migrate:up\n\(text)\n-- migrate:down\n".utf8))
    let migration = try MigrationParser(file: file).parse(.version("1"), name: "x")
    let renderer = MigrationRenderer(
      parameters: try ParameterSet(manifest: nil, given: [:], dialect: .pgvector),
      dialect: .pgvector,
      capabilities: []
    )
    return try renderer.render(migration).upSection
  }

  private func steps(_ text: String) throws -> [MigrationStep] {
    try section(text).steps(of: .version("1"), .up)
  }

  @Test func aStepAndTheLinesThatGoOnWithIt() throws {
    let found = try steps(
      "-- a comment\n-- adbvec:backfill table=t column=c\n--   a=1 \"b=two words\" \"d=\"\"X\"\".y\"\n-- another\n--   c=3\n"
    )
    #expect(found.map(\.name) == ["backfill"])
    #expect(found.first?.values == ["table": "t", "column": "c", "a": "1", "b": "two words", "d": "\"X\".y"])
    #expect(found.first?.location.lineNumber == 3)
    #expect(found.first?.isAlone == true)
  }

  @Test func stepsStandBeforeStatements() throws {
    #expect(try steps("-- adbvec:gate\n-- adbvec:backfill\nSELECT 1;").map(\.name) == ["gate", "backfill"])
    #expect(throws: MigrationError.self) { try steps("SELECT 1;\n-- adbvec:gate\nSELECT 2;") }
    let problems = try SectionCheck(section: section("SELECT 1;\n-- adbvec:gate\n")).errors()
    #expect(problems.first?.message == "a step stands before the statements")
  }

  @Test func textInStringsIsNoStep() throws {
    #expect(try steps("SELECT '\n-- adbvec:gate\n', $a$\n-- adbvec:gate\n$a$, \"\n-- adbvec:gate\n\";") == [])
  }

  @Test func aValueWithoutANameIsRefused() {
    #expect(throws: MigrationError.self) { try steps("-- adbvec:gate table") }
    #expect(throws: MigrationError.self) { try steps("-- adbvec:") }
  }

  @Test func quoteWithCombiningMarkIsDoubledInNames() throws {
    let statements = try section(#"DROP INDEX CONCURRENTLY U&"a\0022\0301b";"#).script.statements
    guard case .condition(let condition)? = statements.first?.outcome else {
      Issue.record("the catalogue tells")
      return
    }
    #expect(condition.unicodeScalars.elementsEqual("to_regclass('\"a\"\"\u{301}b\"') IS NULL".unicodeScalars))
  }
}

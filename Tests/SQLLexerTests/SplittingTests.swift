import Basics
import SQLLexer
import Testing

/// Statements found in text.
@Suite struct SplittingTests {
  private func split(_ text: String) -> [String] { Script(text).statements.map(\.text) }

  @Test func `There are at least 300 statements to try`() {
    #expect(Corpus.entries.count >= 300)
  }

  @Test func `The corpus splits where its marks say`() {
    let statements = Script(Corpus.text).statements
    #expect(statements.count == Corpus.entries.count)
    for (statement, entry) in zip(statements, Corpus.entries) {
      #expect(entry.contains(statement.text))
    }
  }

  @Test(arguments: 0..<40)
  func `Any concatenation of statements splits back into them`(seed: UInt64) {
    var random = SeededGenerator(seed: seed)
    let pieces = Corpus.entries.map { entry in Script(entry).statements[0] }
    let chosen = (0..<60).map { _ in pieces[Int.random(in: pieces.indices, using: &random)] }
    let joints = ["", " ", "\n", "\n\n", "\t", "\r\n", "/* ; */", "-- ; '\n", " /* $$ /* ' */ */ \n"]
    var text = ""
    for statement in chosen {
      text += (joints.randomElement(using: &random) ?? "") + statement.text + ";"
      guard let data = statement.copyData else { continue }
      text += "\n" + statement.source[data] + "\\.\n"
    }
    let found = Script(text)
    #expect(found.errors == [])
    #expect(found.statements.map(\.text) == chosen.map(\.text))
    #expect(
      found.statements.map { $0.copyData.map { range in found.source[range] } }
        == chosen.map { piece in piece.copyData.map { piece.source[$0] } }
    )
  }

  @Test func `Every byte of a text belongs to exactly one token`() {
    for entry in Corpus.entries where !entry.lowercased().hasPrefix("copy") {
      let script = Script(entry)
      #expect(script.tokens.map { script.source[$0.range] }.joined() == entry)
    }
  }

  @Test func `Positions are counted in bytes, lines and characters`() {
    let script = Script("SELECT 'ä';\n  SELECT 2;\n")
    #expect(script.statements[1].position == SourcePosition(utf8Offset: 15, line: 2, column: 3))
  }

  @Test func `A semicolon inside a routine's body ends nothing`() {
    #expect(
      split(
        "CREATE FUNCTION f() RETURNS int BEGIN ATOMIC SELECT CASE 1 WHEN 1 THEN 2 END; SELECT 1 AS end; END; SELECT 2"
      )
      .count == 2
    )
  }

  @Test func `BEGIN and COMMIT are statements of their own`() {
    #expect(split("BEGIN; SELECT 1; COMMIT;") == ["BEGIN", "SELECT 1", "COMMIT"])
  }

  @Test func `The lines behind COPY FROM STDIN are its data`() {
    let script = Script("COPY t FROM STDIN; -- rows\n1\t';\n2\t$$\n\\.\nSELECT 1;")
    #expect(script.statements.map(\.text) == ["COPY t FROM STDIN", "SELECT 1"])
    #expect(script.statements[0].copyData.map { script.source[$0] } == "1\t';\n2\t$$\n")
  }

  @Test func `SQL beside COPY's semicolon is refused, for psql would read it as data's neighbour`() {
    let script = Script("COPY t FROM STDIN; SELECT 1;\n1\n\\.\n")
    #expect(script.errors.map(\.code) == [.textBesideCopyData])
    #expect(script.errors[0].position.column == 20)
  }

  @Test(arguments: [
    ("SELECT 'abc", LexicalError.Code.unterminatedString, 8), ("SELECT \"abc", .unterminatedIdentifier, 8),
    ("SELECT $a$ b", .unterminatedDollarString, 8), ("SELECT 1 /* a /* b */", .unterminatedComment, 10),
    ("SELECT \"\"", .emptyIdentifier, 8), ("SELECT E'a\\'", .unterminatedString, 8),
  ])
  func `What has no end is reported where it begins`(text: String, code: LexicalError.Code, column: Int) {
    #expect(Script(text).errors.map(\.code) == [code])
    #expect(Script(text).errors.first?.position.column == column)
  }

  @Test func `A backslash escapes in plain strings when the server still reads them so`() {
    #expect(Script("SELECT 'a\\'; b'; SELECT 1", standardConformingStrings: false).statements.count == 2)
    #expect(Script("SELECT 'a\\'; SELECT 1").statements.count == 2)
  }
}

/// Where the lexer follows the server and not psql, which reads a script line by line.
@Suite struct ContinuationTests {
  @Test func `The next line of an escape string escapes too`() {
    let script = Script("SELECT E'a'\n'b\\'; c'; SELECT 1")
    #expect(script.statements.map(\.text) == ["SELECT E'a'\n'b\\'; c'", "SELECT 1"])
  }
}

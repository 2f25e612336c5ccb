import Basics
import SQLLexer
import Testing

@testable import Sandbox

/// The clauses found in a stream are those that the lexer finds in the whole text.
@Suite struct LexerAgreementTests {
  @Test func agreesOnRandomScripts() {
    var generator = SeededGenerator(seed: 7)
    for _ in 0..<400 {
      let sql = (0..<Int.random(in: 1...12, using: &generator))
        .map { _ in Self.parts.randomElement(using: &generator) ?? "" }
        .joined(separator: " ")
      let expected = Script(sql).statements.compactMap(\.distributionClause)
      #expect(found(sql, &generator) == expected, "\(sql)")
    }
  }

  private func found(_ sql: String, _ generator: inout SeededGenerator) -> [Range<Int>] {
    var finder = ClauseFinder()
    var rest = Array(sql.utf8)[...]
    var clauses: [DistributionClause] = []
    while !rest.isEmpty {
      let piece = rest.prefix(Int.random(in: 1...30, using: &generator))
      rest = rest.dropFirst(piece.count)
      clauses += finder.read(piece, isLast: rest.isEmpty)
    }
    return clauses.map(\.range)
  }

  private static let parts = [
    "CREATE TABLE t (a int, b text) DISTRIBUTED BY (a);", "CREATE TABLE u AS SELECT 1 DISTRIBUTED RANDOMLY;",
    "CREATE TEMP TABLE v (LIKE t) DISTRIBUTED REPLICATED;", "'DISTRIBUTED BY (a)'", "E'\\''", "$q$ ; $q$",
    "\"d;\"",
    "/* ; /* ' */ */", "-- ;'\n", ";", "(", ")", "distributed", "by", "randomly", "SELECT", "CREATE", "TABLE",
    "MATERIALIZED VIEW", "INSERT INTO t VALUES (1, 'x''y');", "a-1", "1.5e3", "$1",
  ]
}

import Foundation
import PostgresClient
import SQLLexer
import TestSupport
import Testing
import VectorSQL

/// The lexer beside psql: one file, run by both.
@Suite(
  .enabled(
    if: MigrationsDatabase.isThere && Psql.path != nil,
    "ADBVEC_TEST_URL names no server, or psql is missing"
  )
)
struct MigrationsLexerTests {
  static let corpus = Environment.package + "/Tests/Fixtures/statements.sql"

  @Test func `Split and sent one by one, the statements answer what psql prints`() async throws {
    let text = try String(contentsOfFile: Self.corpus, encoding: .utf8)
    var expected = ""
    try await MigrationsDatabase.with { database in
      expected = try Psql.run(["-f", Self.corpus], on: database, quietly: true)
    }
    var found = ""
    try await MigrationsDatabase.with { database in
      let connection = try await database.connect()
      try await connection.run("SET client_min_messages = error")
      for statement in Script(text).statements { found += await answer(statement, connection) }
    }
    let (left, right) = (found.split(separator: "\n"), expected.split(separator: "\n"))
    #expect(left.count > 300)
    for (index, (one, other)) in zip(left, right).enumerated() where one != other {
      Issue.record("line \(index + 1): found \(one), psql printed \(other)")
      break
    }
    #expect(left.count == right.count)
  }

  /// What psql prints for it, unaligned and without headings; an error by its SQLSTATE alone.
  private func answer(_ statement: SQLStatement, _ connection: PostgresConnection) async -> String {
    do {
      if let data = statement.copyData {
        try await connection.copyIn(Statement(trusted: statement.text), data: statement.source[data])
        return ""
      }
      let results = try await connection.run(trusted: statement.text)
      return results.flatMap(\.rows).map { row in
        row.map { $0 ?? "" }.joined(separator: "|") + "\n"
      }.joined()
    } catch let error as PostgresError {
      return "ERROR:  \(error.sqlState ?? "?")\n"
    } catch {
      return "\(error)\n"
    }
  }
}

/// psql, run as people run it.
enum Psql {
  static let path: String? = {
    let folders = (ProcessInfo.processInfo.environment["PATH"] ?? "").split(separator: ":").map(String.init)
    let bins = [ProcessInfo.processInfo.environment["ADBVEC_PG_BIN"]].compactMap { $0 } + folders
    return bins.map { $0 + "/psql" }.first { FileManager.default.isExecutableFile(atPath: $0) }
  }()

  /// Runs it and returns both its outputs in their order; `quietly` leaves place and text out of errors.
  static func run(
    _ arguments: [String],
    on database: MigrationsDatabase,
    quietly: Bool = false,
    input: String? = nil
  ) throws -> String {
    let process = Process()
    process.executableURL = URL(filePath: path ?? "psql")
    let url = try #require(MigrationsDatabase.url)
    process.arguments = ["-X", "-q", "-A", "-t", "-d", try database.address(url)]
    if quietly { process.arguments? += ["-v", "VERBOSITY=sqlstate"] }
    process.arguments? += arguments
    process.environment = ProcessInfo.processInfo.environment.merging(
      quietly ? ["PGOPTIONS": "-c client_min_messages=error"] : [:]
    ) { $1 }
    let (output, standardInput) = (Pipe(), Pipe())
    process.standardOutput = output
    process.standardError = output
    process.standardInput = standardInput
    try process.run()
    if let input { standardInput.fileHandleForWriting.write(Data(input.utf8)) }
    try standardInput.fileHandleForWriting.close()
    let data = output.fileHandleForReading.readDataToEndOfFile()
    process.waitUntilExit()
    let text = String(decoding: data, as: UTF8.self)
    return quietly
      ? text.replacingOccurrences(of: "psql:[^ ]*:[0-9]+: ", with: "", options: .regularExpression) : text
  }
}

import Foundation
import PostgresClient
import TestSupport
import Testing

/// The real command, loading 3,000 rows slowly into a table of a server that may be broken.
struct CommandLoad: Sendable {
  static let rows = 3000
  let server: OwnServer
  let method: String
  private let file: TemporaryFile
  private let errors: TemporaryFile

  /// Lends a load on a server of its own, then lets it go on to its end and compares every row.
  ///
  /// - Parameter placement: what follows the table's columns.
  static func with(
    method: String,
    placement: String = "",
    on server: OwnServer,
    _ body: (CommandLoad) async throws -> Void
  ) async throws {
    let connection = try await server.connect()
    try await connection.run(
      trusted: """
        DROP TABLE IF EXISTS image_search;
        CREATE TABLE image_search (id int PRIMARY KEY, class text, image_vector real[]) \(placement);
        ALTER TABLE image_search ALTER image_vector SET STORAGE PLAIN
        """
    )
    await connection.close()
    let lines = (0..<rows).map { "\($0)|class \($0 % 7)|{\($0),\(Double($0) / 4),-1}\n" }
    let load = CommandLoad(
      server: server,
      method: method,
      file: try TemporaryFile(lines.joined()),
      errors: try TemporaryFile("")
    )
    try await body(load)
    try await load.expectEveryRow()
  }

  /// Starts the command.
  /// - Parameter rate: rows a second; slow enough for a test on a busy machine to break it in the middle.
  func start(rate: Int = 1000, _ more: String...) throws -> Process {
    try errors.write("")
    let process = Process()
    process.executableURL = URL(filePath: Program.adbvec)
    process.arguments =
      ["load", file.path, "--database-url", server.url, "--method", method, "--batch", "50"]
      + ["--rate-limit", "\(rate)"] + more
    process.standardError = FileHandle(forWritingAtPath: errors.path)
    process.standardOutput = FileHandle.nullDevice
    try process.run()
    return process
  }

  /// What the last run said on standard error.
  var said: String {
    get throws { try String(contentsOfFile: errors.path, encoding: .utf8) }
  }

  /// Waits until the table holds more rows than before, or the command has ended.
  func waitForRows(beyond count: Int, _ process: Process) async throws {
    while process.isRunning, try await committed() <= count {
      try await Task.sleep(for: .milliseconds(10))
    }
  }

  /// The rows that others see now.
  func committed() async throws -> Int {
    let connection = try await server.connect()
    let rows = try await connection.run("SELECT count(*) FROM image_search")[0].rows
    await connection.close()
    return try #require(rows[0][0].flatMap(Int.init))
  }

  private func expectEveryRow() async throws {
    let connection = try await server.connect()
    let answers = try await connection.run(
      trusted: """
        SELECT count(*), count(DISTINCT id) FROM image_search;
        SELECT count(*) FROM (
          TABLE image_search EXCEPT
          SELECT i, 'class ' || i % 7, ARRAY[i, i / 4.0, -1]::real[] FROM generate_series(0, \(Self.rows - 1)) i) s
        """
    )
    await connection.close()
    #expect(answers[0].rows == [["\(Self.rows)", "\(Self.rows)"]])
    #expect(answers[1].rows == [["0"]], "rows that the file does not hold")
  }
}

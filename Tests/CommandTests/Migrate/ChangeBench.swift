import Foundation
import PostgresClient
import TestSupport
import Testing
import VectorSQL

/// A table of images with a folder of migrations beside it, worked on by the real command.
struct ChangeBench: Sendable {
  let database: TestDatabase
  let folder: String
  var settings: [String: String] = [:]
  /// The folder of the files.
  var dialect = "pgvector"

  /// An empty table of the program's own migrations.
  static func with(
    dimension: Int,
    dialect: String = "pgvector",
    _ body: @Sendable (ChangeBench) async throws -> Void
  ) async throws {
    // Catalogues are compared, which on a cluster each node has its own of.
    try await TestServer.withDatabase(
      extensions: dialect == "pgvector" ? ["vector"] : ["fastann"],
      isOnOneNode: true
    ) { database in
      try await withTemporaryFolder { folder in
        let bench = ChangeBench(
          database: database,
          folder: folder,
          settings: [
            "ADBVEC_PARAM_DIM": String(dimension), "DATABASE_URL": database.url, "ADBVEC_DIALECT": dialect,
            // Some tests give several rows one image.
            "ADBVEC_PARAM_UNIQUE_SOURCE": "false",
          ],
          dialect: dialect
        )
        try await bench.succeed("migrate", "init")
        try await bench.succeed("migrate", "up")
        try await body(bench)
      }
    }
  }

  func run(_ words: [String], program: String = Program.adbvec) async throws -> Finished {
    try await Program.run(program, words, environment: settings, folder: folder)
  }

  @discardableResult
  func succeed(_ words: String...) async throws -> Finished {
    let finished = try await run(words)
    try #require(finished.exitCode == 0, "\(words): \(finished.error)")
    return finished
  }

  /// Fits a projection to fewer numbers, in `short.safetensors`.
  func fitShortProjection(to dimensions: Int = 4) async throws {
    try await succeed(
      "projection",
      "fit",
      "--from-table",
      "--method",
      "pca",
      "--dimensions",
      String(dimensions),
      "-o",
      "short.safetensors"
    )
  }

  /// Starts the command and leaves it to itself.
  func start(_ words: [String]) throws -> Process {
    let process = Process()
    process.executableURL = URL(filePath: Program.adbvec)
    process.arguments = words
    process.environment = ["PATH": "/usr/bin:/bin", "ADBVEC_HOME": "/nonexistent"].merging(settings) { $1 }
    process.currentDirectoryURL = URL(filePath: folder)
    process.standardOutput = FileHandle.nullDevice
    process.standardError = FileHandle.nullDevice
    try process.run()
    return process
  }

  /// The rows of a query, as text.
  func rows(_ sql: String) async throws -> [[String?]] {
    let connection = try await database.connect()
    let answer = try await connection.run(trusted: sql).last?.rows ?? []
    await connection.close()
    return answer
  }

  /// The version of a file of the change: `gate`, `switch`; of the last file before it: nil.
  func version(_ step: String?) throws -> String {
    let names = try FileManager.default.contentsOfDirectory(atPath: folder + "/migrations/" + dialect)
      .sorted()
      .filter { $0.hasSuffix(".sql") }
    let file =
      step.flatMap { step in names.first { $0.hasSuffix("_\(step).sql") } }
      ?? names.prefix { !$0.hasSuffix("_expand.sql") }.last
    return String(try #require(file).prefix { $0.isNumber })
  }

  func value(_ sql: String) async throws -> String? { try await rows(sql).first?.first ?? nil }

  /// Fills the table with vectors of eight small numbers.
  func fill(_ count: Int) async throws {
    _ = try await rows(
      """
      INSERT INTO image_search (id, class, image_vector)
      SELECT i, 'class ' || i % 5, (SELECT array_agg(((i * 37 + k * 11 + i % 5 * 400) % 997) / 7.0) FROM generate_series(1, 8) k)::real[]\(dialect == "pgvector" ? "::vector" : "")
      FROM generate_series(1, \(count)) i;
      ANALYZE image_search
      """
    )
  }

  /// All vectors of a column by their ids, in one hash.
  func checksum(_ column: String = "image_vector", where condition: String = "true") async throws -> String? {
    try await value(
      "SELECT md5(string_agg(\(column)::text, ',' ORDER BY id)) FROM image_search WHERE \(condition)"
    )
  }

  /// What a change adds to a table and takes away again; empty when nothing of it is left.
  func leftovers() async throws -> [String] {
    try await rows(
      """
      SELECT 'column ' || attname FROM pg_attribute
      WHERE attrelid = 'image_search'::regclass AND NOT attisdropped AND attname ~ '_(next|previous|state)$'
      UNION ALL SELECT 'trigger ' || tgname FROM pg_trigger WHERE tgrelid = 'image_search'::regclass
      UNION ALL SELECT 'function ' || proname FROM pg_proc WHERE proname LIKE 'image_search_%'
      UNION ALL SELECT 'index ' || relname FROM pg_class WHERE relkind = 'i' AND relname ~ '_(next|previous|pending)$'
      UNION ALL SELECT 'lock' FROM pg_locks WHERE locktype = 'advisory'
        AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
      """
    ).compactMap { $0.first ?? nil }
  }
}

/// Inserts, updates and deletes rows, and keeps in a table beside it what it has written.
struct RowWriter: Sendable {
  let database: TestDatabase
  /// What a new row holds besides its id: columns and values.
  var columns = "class, image_vector"

  init(_ database: TestDatabase) { self.database = database }

  /// Writes until it is cancelled.
  /// - Returns: how many transactions were committed.
  /// - Throws: the first refusal.
  func run() async throws -> Int {
    let connection = try await database.connect()
    var random = SystemRandomNumberGenerator()
    var count = 0
    while !Task.isCancelled {
      let numbers = (0..<8).map { _ in String(Int.random(in: 0...2000, using: &random)) }.joined(
        separator: ","
      )
      let id = Int.random(in: 1...3000, using: &random)
      let action =
        switch count % 4 {
        case 0: "DELETE FROM image_search WHERE id = \(id); DELETE FROM shadow WHERE id = \(id)"
        case 1:
          "UPDATE image_search SET image_vector = '[\(numbers)]' WHERE id = \(id); UPDATE shadow SET v = '[\(numbers)]' WHERE id = \(id)"
        case 2: "UPDATE image_search SET class = 'other' WHERE id = \(id)"
        default:
          """
          INSERT INTO image_search (id, class, image_vector) VALUES (\(id), 'new', '[\(numbers)]')
          ON CONFLICT (id) DO UPDATE SET image_vector = excluded.image_vector;
          INSERT INTO shadow VALUES (\(id), '[\(numbers)]') ON CONFLICT (id) DO UPDATE SET v = excluded.v
          """
        }
      _ = try await Task.detached { try await connection.run(trusted: "BEGIN; \(action); COMMIT") }.value
      count += 1
      try? await Task.sleep(for: .milliseconds(10))
    }
    await connection.close()
    return count
  }

  /// Rows that differ from what was written, after the switch.
  static func differences(_ bench: ChangeBench) async throws -> String? {
    try await bench.value(
      """
      SELECT count(*) FROM image_search i FULL JOIN shadow s USING (id)
      WHERE i.image_vector IS DISTINCT FROM s.v::halfvec(8) OR i.image_vector_previous IS DISTINCT FROM s.v
      """
    )
  }
}

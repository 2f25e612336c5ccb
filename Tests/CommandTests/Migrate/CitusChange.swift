import Foundation
import PostgresClient
import TestSupport
import Testing

/// A table of images in a schema of its own on the cluster that `ADBVEC_CITUS_URL` names, with its folder of migrations.
struct CitusChange: Sendable {
  let schema: String
  let folder: String
  let settings: [String: String]

  /// Makes it with a thousand rows, and drops it.
  static func with(
    _ schema: String,
    placement: String = "distributed",
    _ body: (CitusChange) async throws -> Void
  ) async throws {
    let url = Environment.variables["ADBVEC_CITUS_URL"] ?? ""
    let path = (url.contains("?") ? "&" : "?") + "options=-csearch_path%3D\(schema),public"
    try await withTemporaryFolder { folder in
      let change = CitusChange(
        schema: schema,
        folder: folder,
        settings: [
          "DATABASE_URL": url + path, "ADBVEC_PARAM_SCHEMA": schema, "ADBVEC_PARAM_DIM": "8",
          "ADBVEC_PARAM_SHARDS": "4", "ADBVEC_PARAM_PLACEMENT": placement,
          "ADBVEC_TABLE": schema + ".image_search",
        ]
      )
      _ = try await change.rows("CREATE EXTENSION IF NOT EXISTS vector; CREATE SCHEMA \(schema)")
      let result: Result<Void, any Error>
      do {
        try await change.migrate("init")
        try await change.migrate("up")
        _ = try await change.rows(
          """
          INSERT INTO image_search (id, class, image_vector)
          SELECT i, 'class ' || i % 5, array_agg(((i * 37 + k * 11 + i % 5 * 400) % 997) / 7.0)::real[]::vector
          FROM generate_series(1, 1000) i, generate_series(1, 8) k GROUP BY i;
          CREATE TABLE shadow (id integer PRIMARY KEY, v vector(8));
          INSERT INTO shadow SELECT id, image_vector FROM image_search;
          ANALYZE image_search
          """
        )
        result = .success(try await body(change))
      } catch {
        result = .failure(error)
      }
      _ = try await change.rows("SET client_min_messages = warning; DROP SCHEMA IF EXISTS \(schema) CASCADE")
      try result.get()
    }
  }

  func run(_ words: String...) async throws -> Finished { try await run(words) }

  private func run(_ words: [String]) async throws -> Finished {
    let history = words.first == "init" ? [] : ["--history-table", schema + ".adbvec_migrations"]
    return try await Program.run(
      Program.adbvec,
      ["migrate"] + words + history,
      environment: settings,
      folder: folder
    )
  }

  @discardableResult
  func migrate(_ words: String...) async throws -> Finished {
    let finished = try await run(words)
    try #require(finished.exitCode == 0, "\(words): \(finished.error)")
    return finished
  }

  func rows(_ sql: String) async throws -> [[String?]] {
    let connection = try await PostgresConnection.connect(
      ConnectionSettings(url: settings["DATABASE_URL"] ?? "")
    )
    var answer: [[String?]] = []
    for statement in sql.split(separator: ";\n") {
      answer = try await connection.run(trusted: String(statement)).last?.rows ?? []
    }
    await connection.close()
    return answer
  }

  func value(_ sql: String) async throws -> String? { try await rows(sql).first?.first ?? nil }

  /// Inserts, updates and deletes rows of the table and of the one beside it until it is cancelled.
  /// - Throws: the first refusal.
  func write() async throws -> Int {
    let connection = try await PostgresConnection.connect(
      ConnectionSettings(url: settings["DATABASE_URL"] ?? "")
    )
    var count = 0
    while !Task.isCancelled {
      let id = Int.random(in: 1...1500)
      let vector = "'[\((0..<8).map { _ in String(Int.random(in: 0...999)) }.joined(separator: ","))]'"
      let action =
        count % 3 == 0
        ? "DELETE FROM image_search WHERE id = \(id); DELETE FROM shadow WHERE id = \(id)"
        : """
        INSERT INTO image_search (id, class, image_vector) VALUES (\(id), 'new', \(vector))
        ON CONFLICT (id) DO UPDATE SET image_vector = excluded.image_vector;
        INSERT INTO shadow VALUES (\(id), \(vector)) ON CONFLICT (id) DO UPDATE SET v = excluded.v
        """
      _ = try await Task.detached { try await connection.run(trusted: "BEGIN; \(action); COMMIT") }.value
      count += 1
      try? await Task.sleep(for: .milliseconds(20))
    }
    await connection.close()
    return count
  }
}

import Basics
import ImageSearch
import PostgresClient
import SearchServer
import TestSupport
import Testing
import VectorSQL

/// The page's side of the database: connections that are lent, watched and taken back after every search.
@Suite struct SearchBackendTests {
  private static func withBackend(
    _ rows: String,
    limit: Duration = .seconds(30),
    _ body: @Sendable (DatabaseBackend, TestDatabase) async throws -> Void
  ) async throws {
    try await TestServer.withDatabase { database in
      let connection = try await database.connect()
      try await connection.run(
        "CREATE TABLE image_search (id bigint PRIMARY KEY, class text, image_vector vector(2))"
      )
      _ = try await connection.query(Statement(trusted: "INSERT INTO image_search \(rows)"))
      let table = try await ImageTable(name: "image_search").read(
        dialect: .pgvector,
        metric: nil,
        from: connection
      )
      await connection.close()
      let pool = SearchConnections(ConnectionSettings(url: database.url), maximum: 2, limit: limit)
      try await body(DatabaseBackend(searcher: ImageSearcher(table: table, connections: pool)), database)
      await pool.close()
    }
  }

  /// Ids at both ends of the type: their distance is more than the type holds.
  @Test func samplesIdsFromEndToEnd() async throws {
    let rows = "VALUES (\(Int64.min), 'a', '[1,2]'), (0, 'b', '[2,1]'), (\(Int64.max), 'c', '[3,1]')"
    try await Self.withBackend(rows) { backend, _ in
      let sample = try await backend.sample(24, class: nil)
      #expect(sample.map(\.id).first == ImageID(Int64.min))
      #expect(Set(sample.map(\.id)).isSubset(of: [ImageID(Int64.min), 0, ImageID(Int64.max)]))
      let near = try await backend.search(ImageQuery(.id(ImageID(Int64.min)), topK: 2))
      #expect(near.hits.map(\.id) == [0, ImageID(Int64.max)])
      #expect(try await backend.classes(limit: 2).map(\.name) == ["a", "b"])
    }
  }

  /// Searches that fail, that take longer than the limit, and that succeed, one beside the other, many times.
  @Test func failuresGiveTheirConnectionsBack() async throws {
    try await Self.withBackend(
      "SELECT i, 'a', ARRAY[i, 1]::real[]::vector FROM generate_series(1, 50) i",
      limit: .seconds(2)
    ) { backend, database in
      let blocker = try await database.connect()
      for round in 0..<3 {
        let isBlocked = round == 1
        if isBlocked { try await blocker.run("BEGIN; LOCK TABLE image_search") }
        await withTaskGroup(of: Void.self) { group in
          for number in 0..<12 {
            group.addTask {
              let subject: ImageQuery.Subject =
                number % 3 == 0 ? .id(999) : number % 3 == 1 ? .vector([1]) : .vector([1, 2])
              let query = ImageQuery(subject, topK: 3)
              var found = try? await backend.search(query)
              // A search may take longer than the limit on a busy machine too; then it is asked again.
              for _ in 0..<5 where found == nil && number % 3 == 2 && !isBlocked {
                found = try? await backend.search(query)
              }
              #expect((found != nil) == (number % 3 == 2 && !isBlocked))
            }
          }
        }
        if isBlocked { try await blocker.run("ROLLBACK") }
      }
      #expect(try await backend.search(ImageQuery(.id(1), topK: 3)).hits.count == 3)
      await blocker.close()
    }
  }
}

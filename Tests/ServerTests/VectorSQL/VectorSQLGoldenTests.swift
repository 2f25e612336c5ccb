import PostgresClient
import Testing
import VectorSQL
import VectorSQLExamples

/// What VectorSQL writes, on a real server; one test after the other, because some change the tables for a moment.
@Suite(
  "VectorSQL on a server",
  .serialized,
  .enabled(if: VectorSQLServer.shared != nil, VectorSQLServer.missing)
)
struct VectorSQLOnServer {}

extension VectorSQLOnServer {
  @Test(
    "AnalyticDB's statements ran too",
    .enabled(
      if: VectorSQLServer.dialectNames.contains("analyticdb"),
      "the sandbox extension fastann is not installed"
    )
  )
  func sandbox() throws {
    #expect(VectorSQLServer.dialectNames == ["pgvector", "analyticdb"])
  }

  @Test("every golden runs with its values bound", arguments: Example.all, VectorSQLServer.dialectNames)
  func runs(_ example: Example, _ dialectName: String) async throws {
    let server = try #require(VectorSQLServer.shared)
    let dialect = try #require(VectorSQLServer.dialect(dialectName))
    guard case .text = example.goldens[dialectName] else { return }
    let statements = try example.statements(dialect)
    let connection = try await server.connect(dialectName)
    let inTransaction = !statements.contains { $0.text.contains("CONCURRENTLY") }
    if inTransaction { _ = try await connection.run("BEGIN") }
    for statement in statements {
      if statement.text.hasPrefix("CREATE TABLE \"public\"") {
        _ = try await connection.run("DROP TABLE \"public\".\"image_search\"")
      }
      _ = try await connection.query(statement)
    }
    if inTransaction {
      _ = try await connection.run("ROLLBACK")
    } else {
      _ = try await connection.run("DROP INDEX \"public\".\"products_feature_hnsw\"")
    }
    await connection.close()
  }
}

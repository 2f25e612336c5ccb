import PostgresClient
import Testing
import VectorSQL
import VectorSQLExamples

/// The tutorial's table as a Swift server declares it.
private struct Images: Table {
  static let name: QualifiedName = "public.image_search"
  let id = Column<Int>("id")
  let label = Column<String?>("class")
  let vector = VectorColumn("image_vector", dim: probe.count)
}

extension VectorSQLOnServer {
  @Test("a typed search comes back as typed rows", arguments: VectorSQLServer.dialectNames)
  func fetch(_ dialectName: String) async throws {
    let dialect = try #require(VectorSQLServer.dialect(dialectName))
    let server = try #require(VectorSQLServer.shared)
    let connection = try await server.connect(dialectName)
    let search = try Search(Images.self)
      .select { ($0.id, $0.label) }
      .nearest(\.vector, to: probe, by: .l2, limit: 5)
    let truth = Oracle.nearest(to: probe, by: .l2).prefix(5)

    let hits: [Hit<Int, String?>] = try await connection.fetch(search.exact, for: dialect)
    #expect(hits.map(\.row.0) == truth.map(\.id))
    for (hit, truth) in zip(hits, truth) { #expect(abs(hit.distance - truth.distance) < 1e-5) }

    // With settings, in a transaction that is over afterwards.
    let tuned = try await connection.fetch(search.tuned(efSearch: 123), for: dialect)
    #expect(tuned.count == 5)
    #expect(await connection.transactionStatus == .idle)
    let setting = try #require(dialect.settings.numbers[.efSearch]).name
    let now = try await connection.run(trusted: "SHOW \(setting)").first?.rows.first?.first
    #expect(now != "123")
    await connection.close()
  }
}

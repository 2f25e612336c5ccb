import Migrations
import Testing

/// The files in `migrations/`, as `migrate render` shows them.
@Suite struct RepositoryFilesTests {
  /// The package's folder `migrations/`.
  static let folder = #filePath.split(separator: "/").dropLast(3).map { "/" + $0 }.joined() + "/migrations"

  private func statements(_ dialect: MigrationDialect, _ parameters: [String: String] = [:]) throws -> [String] {
    let migrator = try Migrator(
      source: .folder("\(Self.folder)/\(dialect)"), parameters: parameters, dialect: dialect)
    return try migrator.render().flatMap(\.statements)
  }

  @Test func `The AnalyticDB files render to the tutorial's three statements`() throws {
    #expect(
      try statements(.analyticDB) == [
        """
        CREATE TABLE public.image_search (
          id INTEGER NOT NULL,
          class TEXT,
          image_vector REAL[],
          PRIMARY KEY(id)
        ) DISTRIBUTED BY(id)
        """,
        "ALTER TABLE public.image_search ALTER COLUMN image_vector SET STORAGE PLAIN",
        """
        CREATE INDEX image_search_image_vector_idx ON public.image_search USING ann (image_vector)
          WITH (dim = '1000', hnsw_m = '100', pq_enable = '0')
        """,
      ])
  }
}

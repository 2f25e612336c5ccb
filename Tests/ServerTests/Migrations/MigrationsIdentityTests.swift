import Migrations
import PostgresClient
import TestSupport
import Testing
import VectorSQL

/// The shipped migrations that say what an image is known by, on new tables and on those with rows.
struct MigrationsIdentityTests {
  private static func migrator(
    _ dialect: MigrationDialect,
    _ parameters: [String: String] = [:]
  ) throws -> Migrator {
    var options = MigratorOptions()
    options.deletesRows = true
    return try Migrator(
      source: .folder("\(Environment.package)/migrations/\(dialect)"),
      parameters: parameters.merging(["dim": "3"]) { $1 },
      dialect: dialect,
      options: options
    )
  }

  private func with(
    _ dialect: MigrationDialect,
    _ body: @Sendable (PostgresConnection) async throws -> Void
  ) async throws {
    try await TestServer.withDatabase(extensions: dialect == .analyticDB ? ["fastann"] : ["vector"]) {
      database in
      let connection = try await database.connect()
      try await body(connection)
      await connection.close()
    }
  }

  /// Whether the shipped migrations have spread the table over nodes by its ids.
  private static func isSpread(_ connection: PostgresConnection) async throws -> Bool {
    try await connection.capabilities().product == .citus
  }

  private static let columns = """
    SELECT attname || ' ' || format_type(atttypid, NULL) FROM pg_attribute
    WHERE attrelid = 'image_search'::regclass AND attnum > 0 AND NOT attisdropped AND attname <> 'image_vector' ORDER BY attnum
    """

  /// The version before what an image is known by.
  private static func before(_ dialect: MigrationDialect) -> MigrationTarget {
    MigrationTarget(version: dialect == .analyticDB ? "0004" : "0005")
  }

  @Test(arguments: [MigrationDialect.pgvector, .analyticDB], [nil, "integer", "bigint", "text", "uuid"])
  func aNewTableHasTheIDsThatAreAskedFor(dialect: MigrationDialect, type: String?) async throws {
    try await with(dialect) { connection in
      let migrator = try Self.migrator(dialect, type.map { ["id_type": $0] } ?? [:])
      let wanted = type ?? (dialect == .pgvector ? "bigint" : "integer")
      _ = try await migrator.up(on: connection).report
      let all = ["id \(wanted)", "class text", "source text", "content_hash text"]
      #expect(try await connection.column(Self.columns) == all)
      _ = try await migrator.down(on: connection).report
      #expect(try await connection.column(Self.columns).first == "id integer")
      _ = try await migrator.down(Self.before(dialect), on: connection).report
      #expect(try await connection.column(Self.columns) == ["id integer", "class text", "source text"])
      #expect(try await connection.column("SELECT to_regclass('image_search_source_idx')") == ["NULL"])
      _ = try await migrator.up(on: connection).report
      #expect(try await connection.column(Self.columns) == all)
      _ = try await migrator.down(MigrationTarget(version: "0"), on: connection).report
      #expect(try await connection.column("SELECT to_regclass('image_search')") == ["NULL"])
    }
  }

  /// An existing history goes on: nothing of it has changed, and no row is written again.
  @Test(arguments: [MigrationDialect.pgvector, .analyticDB])
  func aTableWithRowsGetsTheColumnsAndKeepsItsIDs(dialect: MigrationDialect) async throws {
    try await with(dialect) { connection in
      let migrator = try Self.migrator(dialect)
      _ = try await migrator.up(Self.before(dialect), on: connection).report
      try await connection.run(
        trusted: "INSERT INTO image_search (id, source) VALUES (7, '/p/a.jpg'), (8, '/p/b.jpg')"
      )
      let places = try await connection.column("SELECT ctid::text FROM image_search ORDER BY id")
      let texts = try Self.migrator(dialect, ["id_type": "uuid"])
      let error = await #expect(throws: MigrationError.self) { try await texts.up(on: connection).report }
      #expect(error?.message.contains("the table has rows, so that the type of its ids stays") == true)
      _ = try await migrator.up(on: connection).report
      #expect(
        try await connection.column(Self.columns)
          == ["id integer", "class text", "source text", "content_hash text"]
      )
      #expect(try await connection.column("SELECT ctid::text FROM image_search ORDER BY id") == places)
      #expect(try await migrator.status(on: connection).migrations.allSatisfy { $0.drift.isEmpty })
      // What is unique on several nodes has the id in it, so that there the index only finds rows.
      let isSpread = try await Self.isSpread(connection)
      let isUnique = "SELECT indisunique FROM pg_index WHERE indexrelid = 'image_search_source_idx'::regclass"
      #expect(try await connection.column(isUnique) == [isSpread ? "f" : "t"])
      guard !isSpread else { return }
      await #expect(throws: PostgresError.self) {
        try await connection.run(trusted: "INSERT INTO image_search (id, source) VALUES (9, '/p/a.jpg')")
      }
    }
  }

  /// A table in which sources have several rows is not made to lose any.
  @Test func aTableWhoseSourcesHaveSeveralRowsGetsAnIndexThatIsNotUnique() async throws {
    try await with(.pgvector) { connection in
      _ = try await Self.migrator(.pgvector).up(Self.before(.pgvector), on: connection).report
      try await connection.run(
        trusted: "INSERT INTO image_search (id, source) VALUES (1, '/p/a.jpg'), (2, '/p/a.jpg')"
      )
      // Of rows on several nodes nothing is unique without their ids.
      let isSpread = try await Self.isSpread(connection)
      if !isSpread {
        await #expect(throws: MigrationError.self) {
          try await Self.migrator(.pgvector).up(on: connection).report
        }
      }
      _ = try await Self.migrator(.pgvector, ["unique_source": "false"]).up(on: connection).report
      #expect(try await connection.column("SELECT count(*) FROM image_search") == ["2"])
    }
  }
}

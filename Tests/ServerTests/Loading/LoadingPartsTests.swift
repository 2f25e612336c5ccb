import Ingestion
import Foundation
import ImageSources
import PostgresClient
import Testing
import VectorSQL

/// Partitioned tables, policies, and loads of which only a part was asked for.
@Suite(.serialized)
struct LoadingPartsTests {
  private static let rowCount = 6_000

  private func partitioned(_ connection: PostgresConnection, _ schema: String) async throws -> LoadTarget {
    try await connection.run(
      trusted: """
        CREATE TABLE \(schema).image_search (id integer PRIMARY KEY, class text, image_vector vector(2))
          PARTITION BY RANGE (id);
        CREATE TABLE \(schema).low PARTITION OF \(schema).image_search FOR VALUES FROM (0) TO (3000);
        CREATE TABLE \(schema).high PARTITION OF \(schema).image_search FOR VALUES FROM (3000) TO (9000);
        CREATE INDEX ON \(schema).image_search USING hnsw (image_vector vector_l2_ops)
        """
    )
    return LoadTarget(
      table: QualifiedName(schema: try Identifier(validating: schema), name: "image_search")
    )
  }

  private func file(_ rows: Int, label: String = "a") throws -> TemporaryFile {
    try TemporaryFile((0..<rows).map { "\($0)|\(label)|{\($0),1}\n" }.joined())
  }

  /// By access method: a condition on definitions would open the indexes of tests beside this one, while they vanish.
  private func indexes(_ connection: PostgresConnection, _ schema: String) async throws -> [String] {
    let query = """
      SELECT c.relname::text FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
      JOIN pg_am m ON m.oid = c.relam WHERE n.nspname = $1 AND m.amname = 'hnsw' ORDER BY 1
      """
    return try await connection.query(Statement(trusted: query, binds: [.text(schema)])).map {
      try $0.value(at: 0, as: String.self)
    }
  }

  /// A definition of a partitioned table's index says ON ONLY: built again from it, no partition would have one.
  @Test func indexesOfAPartitionedTableStay() async throws {
    try await ScratchSchema.with { connection, schema in
      let target = try await partitioned(connection, schema)
      let before = try await indexes(connection, schema)
      #expect(before.count == 3)
      let rows = try file(Self.rowCount)
      let source = FileBatchSource(FeatureSource(path: rows.path))
      var options = LoadOptions()
      options.indexes = .defer
      let refused = Loader(settings: try await ScratchSchema.settings(), target: target, options: options)
      let error = await #expect(throws: LoadError.self) { try await refused.run(source) }
      #expect(error?.description.contains("is partitioned, or a partition") == true)
      // A partition's part of the index cannot be dropped either.
      let part = LoadTarget(table: QualifiedName(schema: try Identifier(validating: schema), name: "low"))
      let other = Loader(settings: try await ScratchSchema.settings(), target: part, options: options)
      await #expect(throws: LoadError.self) { try await other.run(source) }
      let loader = Loader(settings: try await ScratchSchema.settings(), target: target)
      let report = try await loader.run(FileBatchSource(FeatureSource(path: rows.path)))
      #expect(report.counts.loaded == Self.rowCount)
      #expect(try await indexes(connection, schema) == before)
    }
  }

  @Test(arguments: [LoadOptions.Method.insert, .copy], [LoadOptions.ConflictPolicy.skip, .update])
  func conflictsInAPartitionedTable(method: LoadOptions.Method, policy: LoadOptions.ConflictPolicy)
    async throws
  {
    try await ScratchSchema.with { connection, schema in
      let target = try await partitioned(connection, schema)
      try await connection.run(trusted: "INSERT INTO \(target.table.quoted) VALUES (1, 'old', '[9,9]')")
      let rows = try file(3, label: "new")
      var options = LoadOptions()
      (options.method, options.onConflict) = (method, policy)
      let loader = Loader(settings: try await ScratchSchema.settings(), target: target, options: options)
      let report = try await loader.run(FileBatchSource(FeatureSource(path: rows.path)))
      let isUpdate = policy == .update
      #expect(report.counts.loaded == (isUpdate ? 3 : 2))
      let engine = try await connection.capabilities().engine
      let inserts = method == .insert || !engine.joinsTemporaryTables
      #expect(report.warnings.isEmpty == !(isUpdate && inserts))
      #expect(
        try await LoadingTable.rows(connection, target) == [
          "0|new|0,1", isUpdate ? "1|new|1,1" : "1|old|9,9", "2|new|2,1",
        ]
      )
    }
  }

  @Test func indexesAreNotDroppedWithoutARecord() async throws {
    try await ScratchSchema.with { connection, schema in
      let target = try await LoadingTable.make(connection, schema, type: "vector(2)")
      try await connection.run(
        trusted: "CREATE INDEX ON \(target.table.quoted) USING hnsw (image_vector vector_l2_ops)"
      )
      var options = LoadOptions()
      (options.indexes, options.continuation) = (.defer, .untracked)
      let loader = Loader(settings: try await ScratchSchema.settings(), target: target, options: options)
      let rows = try file(3)
      let error = await #expect(throws: LoadError.self) {
        try await loader.run(FileBatchSource(FeatureSource(path: rows.path)))
      }
      #expect(error?.description.contains("choose --indexes keep") == true)
      #expect(try await indexes(connection, schema).count == 1)
    }
  }

  /// Another spelling of the path and of the table's name finds the same record.
  @Test func aLoadIsKnownByWhatItIsNotByItsSpelling() async throws {
    try await ScratchSchema.with { connection, schema in
      let target = try await LoadingTable.make(connection, schema, type: "vector(2)")
      let rows = try file(3)
      var settings = try await ScratchSchema.settings()
      _ = try await Loader(settings: settings, target: target).run(
        FileBatchSource(FeatureSource(path: rows.path))
      )
      settings.overrides["options"] = "-c search_path=\(schema),public"
      let folder = (rows.path as NSString).deletingLastPathComponent
      let link = folder + "/link.txt"
      try FileManager.default.createSymbolicLink(atPath: link, withDestinationPath: rows.path)
      for path in [link, folder + "/../" + (folder as NSString).lastPathComponent + "/features.txt"] {
        let again = Loader(settings: settings, target: LoadTarget(table: "image_search"))
        #expect(try await again.run(FileBatchSource(FeatureSource(path: path))).wasFinished)
      }
    }
  }

  @Test func anEmptyTableOrVectorMakesNoFile() async throws {
    try await ScratchSchema.with { connection, schema in
      let target = try await LoadingTable.make(connection, schema, type: "real[]")
      let file = try TemporaryFile("before")
      let unloader = Unloader(settings: try await ScratchSchema.settings(), target: target)
      for filling in ["", "INSERT INTO \(target.table.quoted) VALUES (1, 'a', '{1}'), (2, 'a', '{}')"] {
        try await connection.run(trusted: filling)
        await #expect(throws: LoadError.self) {
          try await unloader.run { try FeatureOutput.open(file.path, format: nil) }
        }
        #expect(try String(contentsOfFile: file.path, encoding: .utf8) == "before")
      }
    }
  }

  @Test func numbersBeyondHalfPrecisionAreRefusedBeforehand() async throws {
    try await ScratchSchema.with { connection, schema in
      let target = try await LoadingTable.make(connection, schema, type: "halfvec(2)")
      let file = try TemporaryFile("1|a|{1,2}\n2|a|{70000,1}\n")
      let error = await #expect(throws: LoadError.self) {
        try await Loader(settings: ScratchSchema.settings(), target: target)
          .run(FileBatchSource(FeatureSource(path: file.path)))
      }
      #expect(
        error?.description.hasSuffix("the vector of id 2 holds 70000.0, and halfvec ends at 65504.0") == true
      )
      #expect(try await LoadingTable.rows(connection, target) == [])
    }
  }
}

import Foundation
import ImageSources
import Ingestion
import PostgresClient
import Testing
import VectorSQL

/// Loads that are stopped in the middle, in every way that a server can refuse batches, and go on: each row once.
@Suite(.serialized)
struct LoadingHistoryTests {
  private static let rowCount = 300

  /// Rows of a `.npy` file with their numbers as vectors.
  private static func array() throws -> TemporaryFile {
    let file = try TemporaryFile("", name: "v.npy")
    let text = "{'descr': '<f4', 'fortran_order': False, 'shape': (\(rowCount), 1), }"
    let header = text + String(repeating: " ", count: 117 - text.utf8.count) + "\n"
    var bytes: [UInt8] = [0x93] + Array("NUMPY".utf8) + [1, 0, 118, 0] + Array(header.utf8)
    for row in 0..<rowCount {
      withUnsafeBytes(of: Float(row).bitPattern.littleEndian) { bytes.append(contentsOf: $0) }
    }
    try Data(bytes).write(to: URL(fileURLWithPath: file.path))
    return file
  }

  @Test func everyHistoryEndsWithEveryRowOnce() async throws {
    let file = try Self.array()
    let settings = try await ScratchSchema.settings()
    try await ScratchSchema.with { connection, schema in
      let target = LoadTarget(
        table: QualifiedName(schema: try Identifier(validating: schema), name: "image_search")
      )
      try await connection.run(
        trusted: """
          CREATE TABLE \(schema).refused (id integer);
          CREATE FUNCTION \(schema).refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
            IF EXISTS (SELECT 1 FROM \(schema).refused r WHERE r.id = NEW.id) THEN RAISE 'refused'; END IF;
            RETURN NEW; END $$
          """
      )
      var generator = SystemRandomNumberGenerator()
      for history in 0..<100 {
        let isUnique = history % 2 == 0
        try await connection.run(
          trusted: """
            DROP TABLE IF EXISTS \(target.table.quoted);
            CREATE TABLE \(target.table.quoted) (id integer\(isUnique ? " PRIMARY KEY" : ""), class text, image_vector real[]);
            CREATE TRIGGER refuse BEFORE INSERT ON \(target.table.quoted)
              FOR EACH ROW EXECUTE FUNCTION \(schema).refuse()
            """
        )
        var options = LoadOptions()
        (options.retries, options.analyzes) = (0, false)
        for run in 0..<4 {
          options.method = Bool.random(using: &generator) ? .copy : .insert
          options.connections = Int.random(in: 1...3, using: &generator)
          options.batchRows = Int.random(in: 20...150, using: &generator)
          let refused =
            run == 3
            ? []
            : (0..<Int.random(in: 0...2, using: &generator)).map { _ in
              Int.random(in: 0..<Self.rowCount, using: &generator)
            }
          try await connection.run(
            trusted: "DELETE FROM \(schema).refused"
              + refused.map { "; INSERT INTO \(schema).refused VALUES (\($0))" }.joined()
          )
          _ = try? await Loader(settings: settings, target: target, options: options)
            .run(FileBatchSource(FeatureSource(path: file.path)))
          options.continuation = .resume
        }
        options.continuation = .ask
        let again = try await Loader(settings: settings, target: target, options: options)
          .run(FileBatchSource(FeatureSource(path: file.path)))
        #expect(again.wasFinished && again.counts.loaded == Self.rowCount, "history \(history)")
        let counts = try await connection.run(
          trusted: "SELECT count(*), count(DISTINCT id), min(id), max(id) FROM \(target.table.quoted)"
        )
        #expect(
          counts[0].rows[0] == ["300", "300", "0", "299"],
          "history \(history)"
        )
      }
    }
  }

  @Test func twoFirstLoadsAtOnceLoadEveryRowOnce() async throws {
    let file = try Self.array()
    let settings = try await ScratchSchema.settings()
    try await ScratchSchema.with { connection, schema in
      let target = LoadTarget(
        table: QualifiedName(schema: try Identifier(validating: schema), name: "image_search")
      )
      for _ in 0..<10 {
        try await connection.run(
          trusted: """
            DROP TABLE IF EXISTS \(target.table.quoted);
            CREATE TABLE \(target.table.quoted) (id integer, class text, image_vector real[])
            """
        )
        let loader = Loader(settings: settings, target: target)
        async let first = loader.run(FileBatchSource(FeatureSource(path: file.path)))
        async let second = loader.run(FileBatchSource(FeatureSource(path: file.path)))
        let reports = try await [first, second]
        #expect(reports.count { $0.wasFinished } == 1)
        #expect(try await LoadingTable.rows(connection, target).count == Self.rowCount)
      }
    }
  }

  @Test func deletedRowsAreLoadedAgainByResume() async throws {
    let file = try Self.array()
    let settings = try await ScratchSchema.settings()
    try await ScratchSchema.with { connection, schema in
      let target = try await LoadingTable.make(connection, schema, type: "real[]")
      var loader = Loader(settings: settings, target: target)
      _ = try await loader.run(FileBatchSource(FeatureSource(path: file.path)))
      try await connection.run(trusted: "DELETE FROM \(target.table.quoted) WHERE id BETWEEN 100 AND 149")
      let refused = await #expect(throws: LoadError.self) {
        try await loader.run(FileBatchSource(FeatureSource(path: file.path)))
      }
      #expect(refused?.description.contains("--resume") == true)
      loader.options.continuation = .resume
      _ = try await loader.run(FileBatchSource(FeatureSource(path: file.path)))
      #expect(try await LoadingTable.rows(connection, target).count == Self.rowCount)
    }
  }

  @Test func theConflictPolicyIsRememberedAndAJournalOfVersionOneIsUpgraded() async throws {
    let file = try Self.array()
    let settings = try await ScratchSchema.settings()
    try await ScratchSchema.with { connection, schema in
      let target = try await LoadingTable.make(connection, schema, type: "real[]")
      try await connection.run(trusted: "INSERT INTO \(target.table.quoted) VALUES (7, 'kept', '{0}')")
      var loader = Loader(settings: settings, target: target)
      (loader.options.onConflict, loader.options.batchRows) = (.skip, 100)
      try await connection.run(
        trusted: "ALTER TABLE \(target.table.quoted) ADD CONSTRAINT odd CHECK (id <> 250)"
      )
      _ = try? await loader.run(FileBatchSource(FeatureSource(path: file.path)))
      try await connection.run(trusted: "ALTER TABLE \(target.table.quoted) DROP CONSTRAINT odd")
      loader.options.onConflict = nil
      loader.options.continuation = .resume
      // As version 1 left its table: without version, policy and token.
      let report = try await loader.run(FileBatchSource(FeatureSource(path: file.path)))
      #expect(report.counts.loaded == Self.rowCount - 1 && report.counts.skipped == 1)
      try await connection.run(
        trusted: """
          ALTER TABLE \(schema).adbvec_load DROP COLUMN version, DROP COLUMN on_conflict, DROP COLUMN index_restores,
            DROP COLUMN run_token;
          DROP TABLE \(schema).adbvec_load_image
          """
      )
      loader.options.continuation = .ask
      #expect(try await loader.run(FileBatchSource(FeatureSource(path: file.path))).wasFinished)
    }
  }

  @Test func rowsWithTheSameIDKeepTheOrderOfTheFileWithSeveralConnections() async throws {
    var last: [Int: Int] = [:]
    let lines = (0..<4000).map { row in
      let id = (row &* 7919) % 500
      last[id] = row
      return "\(id)|n\(row)|{\(row)}\n"
    }
    let file = try TemporaryFile(lines.joined())
    let settings = try await ScratchSchema.settings()
    for method in [LoadOptions.Method.copy, .insert] {
      try await ScratchSchema.with { connection, schema in
        let target = try await LoadingTable.make(connection, schema, type: "real[]")
        var loader = Loader(settings: settings, target: target)
        (loader.options.method, loader.options.onConflict) = (method, .update)
        (loader.options.connections, loader.options.batchRows) = (3, 100)
        _ = try await loader.run(FileBatchSource(FeatureSource(path: file.path)))
        let rows = last.sorted { $0.key < $1.key }.map { "\($0.key)|n\($0.value)|\($0.value)" }
        #expect(try await LoadingTable.rows(connection, target) == rows)
      }
    }
  }

  @Test func columnsThatTheSourceDoesNotCarryStay() async throws {
    let file = try Self.array()
    let settings = try await ScratchSchema.settings()
    try await ScratchSchema.with { connection, schema in
      let target = try await LoadingTable.make(connection, schema, type: "real[]")
      try await connection.run(
        trusted: "INSERT INTO \(target.table.quoted) SELECT i, 'class', '{0}' FROM generate_series(0, 299) i"
      )
      for method in [LoadOptions.Method.copy, .insert] {
        var loader = Loader(settings: settings, target: target)
        (loader.options.method, loader.options.onConflict) = (method, .update)
        loader.options.continuation = .restart
        _ = try await loader.run(FileBatchSource(FeatureSource(path: file.path)))
        #expect(try await LoadingTable.rows(connection, target).allSatisfy { $0.contains("|class|") })
      }
    }
  }

  @Test(arguments: ["integer", "smallint", "bigint", "uuid", "boolean", "mood"])
  func classesOfOtherTypesArriveAndOthersAreRefused(type: String) async throws {
    let values = [
      "uuid": "00112233-4455-6677-8899-aabbccddeeff", "boolean": "true", "mood": "happy",
    ]
    let settings = try await ScratchSchema.settings()
    for method in [LoadOptions.Method.copy, .insert] {
      try await ScratchSchema.with { connection, schema in
        let target = LoadTarget(
          table: QualifiedName(schema: try Identifier(validating: schema), name: "image_search")
        )
        let column = type == "mood" ? "\(schema).mood" : type
        try await connection.run(
          trusted: """
            CREATE TYPE \(schema).mood AS ENUM ('happy', 'sad');
            CREATE TABLE \(target.table.quoted) (
              id integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY, class \(column), image_vector real[])
            """
        )
        let file = try TemporaryFile("5|\(values[type] ?? "42")|{1}\n9|\\N|{2}\n")
        var loader = Loader(settings: settings, target: target)
        loader.options.method = method
        _ = try await loader.run(FileBatchSource(FeatureSource(path: file.path)))
        #expect(
          try await LoadingTable.rows(connection, target) == [
            "5|\(type == "boolean" ? "t" : values[type] ?? "42")|1", "9|NULL|2",
          ]
        )
        let next = try await connection.run(
          trusted: "INSERT INTO \(target.table.quoted) (image_vector) VALUES ('{3}') RETURNING id"
        )
        #expect(next[0].rows[0] == ["10"], "the sequence was set above the ids")
        guard type != "mood" else { return }
        let odd = try TemporaryFile("6|not a value|{1}\n")
        await #expect(throws: LoadError.self) {
          try await loader.run(FileBatchSource(FeatureSource(path: odd.path)))
        }
      }
    }
  }

  @Test func anIndexThatIsBuiltAgainKeepsItsComment() async throws {
    let file = try Self.array()
    let settings = try await ScratchSchema.settings()
    try await ScratchSchema.with { connection, schema in
      let target = try await LoadingTable.make(connection, schema, type: "vector(1)")
      try await connection.run(
        trusted: """
          CREATE INDEX v ON \(target.table.quoted) USING hnsw (image_vector vector_l2_ops);
          COMMENT ON INDEX \(schema).v IS 'it''s kept'
          """
      )
      var loader = Loader(settings: settings, target: target)
      loader.options.indexes = .defer
      _ = try await loader.run(FileBatchSource(FeatureSource(path: file.path)))
      let comment = try await connection.run(trusted: "SELECT obj_description('\(schema).v'::regclass)")
      #expect(comment[0].rows[0] == ["it's kept"])
    }
  }

  @Test func viewsAreRefusedBeforeAnythingIsSent() async throws {
    let file = try Self.array()
    let settings = try await ScratchSchema.settings()
    try await ScratchSchema.with { connection, schema in
      let target = try await LoadingTable.make(connection, schema, type: "real[]")
      try await connection.run(trusted: "CREATE VIEW \(schema).v AS SELECT * FROM \(target.table.quoted)")
      let view = LoadTarget(table: QualifiedName(schema: try Identifier(validating: schema), name: "v"))
      let refused = await #expect(throws: LoadError.self) {
        try await Loader(settings: settings, target: view).run(
          FileBatchSource(FeatureSource(path: file.path))
        )
      }
      #expect(refused?.description.contains("a view") == true)
    }
  }
}

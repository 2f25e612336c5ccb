import Ingestion
import Foundation
import ImageSources
import PostgresClient
import Synchronization
import Testing
import VectorSQL

/// How a load treats the server: its rate, its triggers, and the indexes that it builds.
@Suite(.serialized)
struct LoadingMannersTests {
  /// The last of 1,000 rows at 1,500 a second, in batches of 50, is due after 950 / 1,500 of a second.
  @Test func aRateLimitHoldsRowsBack() async throws {
    try await FaultyLoad.with(.copy, connections: 2) { load in
      let report = try await load.run()
      #expect(report.duration >= .seconds(Double(950) / 1500))
    }
  }

  @Test(arguments: [LoadOptions.Method.copy, .insert])
  func rowsThatATriggerDropsAreNotCounted(method: LoadOptions.Method) async throws {
    try await ScratchSchema.with { connection, schema in
      let target = try await LoadingTable.make(connection, schema, type: "real[]")
      try await connection.run(
        trusted: """
          CREATE FUNCTION \(schema).drop_odd() RETURNS trigger LANGUAGE plpgsql AS
          $$ BEGIN IF NEW.id % 2 = 1 THEN RETURN NULL; END IF; RETURN NEW; END $$;
          CREATE TRIGGER t BEFORE INSERT ON \(target.table.quoted) FOR EACH ROW EXECUTE PROCEDURE \(schema).drop_odd()
          """
      )
      let file = try TemporaryFile((0..<9).map { "\($0)|c|{\($0)}\n" }.joined())
      var options = LoadOptions()
      options.method = method
      let report = try await Loader(settings: ScratchSchema.settings(), target: target, options: options)
        .run(FileBatchSource(FeatureSource(path: file.path)))
      #expect(report.counts.loaded == 5)
      #expect(report.counts.skipped == 4)
      // They were not there already.
      #expect(report.leftOutByTable == 4)
      #expect(
        report.warnings.last
          == "4 rows were not stored: a trigger or a rule of \(target.table.quoted) leaves rows out"
      )
      #expect(try await LoadingTable.rows(connection, target) == [0, 2, 4, 6, 8].map { "\($0)|c|\($0)" })
    }
  }

  @Test func theBuildOfAnIndexTellsHowFarItIs() async throws {
    let told = Mutex<[IndexProgress]>([])
    // A busy machine may take longer to connect a second time than a short build takes.
    for nap in ["0.002", "0.01", "0.03"] where told.withLock({ $0.isEmpty }) {
      try await FaultyLoad.with(.copy, connections: 1) { load in
        try await load.indexThroughFunction("PERFORM pg_sleep(\(nap));")
        _ = try await load.run { event in
          if case .building(let progress) = event { told.withLock { $0.append(progress) } }
        }
        #expect(try await load.indexes().count == 2)
      }
    }
    let progress = try #require(told.withLock { $0.last })
    #expect(progress.phase.hasPrefix("building index"))
    #expect(progress.share.map { (0...1).contains($0) } ?? true)
  }

  /// A server that is told of one mebibyte builds with more, and the session has its own setting behind the build.
  @Test func aBuildGetsTheMemoryThatItsGraphNeeds() async throws {
    try await FaultyLoad.with(.copy, connections: 1) { load in
      try await load.indexThroughFunction(
        "IF pg_size_bytes(current_setting('maintenance_work_mem')) < 16000000 THEN RAISE 'too little'; END IF;"
      )
      let report = try await load.run(keywords: ["options": "-c maintenance_work_mem=1MB"])
      #expect(report.counts.loaded == load.rows)
      #expect(try await load.indexes().count == 2)
    }
  }

  /// The error of a `/dev/shm` that is too small, raised in its place: as often as workers are allowed.
  @Test func aBuildWithoutSharedMemoryGoesOnAlone() async throws {
    try await FaultyLoad.with(.copy, connections: 1) { load in
      try await load.indexThroughFunction(
        """
        IF current_setting('max_parallel_maintenance_workers') <> '0' AND v[1] > 0 THEN
          RAISE 'could not resize shared memory segment "/PostgreSQL.1" to 1 bytes: No space left on device'
            USING ERRCODE = '53100';
        END IF;
        """
      )
      let steps = Mutex<[String]>([])
      let report = try await load.run { event in
        if case .step(let step) = event { steps.withLock { $0.append(step) } }
      }
      #expect(report.counts.loaded == load.rows)
      #expect(steps.withLock { $0.contains { $0.contains("without parallel workers") } })
      #expect(try await load.indexes().count == 2)
    }
  }
}

extension FaultyLoad {
  /// An index that a load drops and builds again, on a function that does something at every row.
  fileprivate func indexThroughFunction(_ something: String) async throws {
    try await sql(
      """
      CREATE FUNCTION \(schema).through(image_vector vector) RETURNS vector IMMUTABLE LANGUAGE plpgsql AS
      $$ DECLARE v real[] := image_vector::real[]; BEGIN \(something) RETURN image_vector; END $$;
      CREATE INDEX v ON \(table) USING hnsw ((\(schema).through(image_vector)::vector(3)) vector_l2_ops) WITH (m = 8)
      """
    )
    options.withLock { $0.indexes = .defer }
  }
}

import Ingestion
import Foundation
import ImageSources
import PostgresClient
import Synchronization
import Testing
import VectorSQL

/// After any fault while rows are loaded, going on ends with exactly the right rows.
@Suite(.serialized)
struct LoadingFaultTests {
  @Test(arguments: [LoadOptions.Method.copy, .insert], [1, 3])
  func aKilledBackendIsReplaced(method: LoadOptions.Method, connections: Int) async throws {
    try await FaultyLoad.with(method, connections: connections) { load in
      let killed = Mutex(0)
      let report = try await load.run { event in
        guard case .progress(let progress) = event, progress.position % 200 == 0 else { return }
        killed.withLock { $0 += 1 }
        load.killBackends()
      }
      #expect(killed.withLock { $0 } > 0)
      #expect(report.counts.loaded == load.rows)
    }
  }

  @Test(arguments: [LoadOptions.Method.copy, .insert])
  func aKilledBackendStopsALoadThatMayNotTryAgain(method: LoadOptions.Method) async throws {
    try await FaultyLoad.with(method, connections: 1) { load in
      load.options.withLock { $0.retries = 0 }
      let stopped = await #expect(throws: LoadInterruption.self) {
        try await load.run { event in
          if case .progress = event { load.killBackends() }
        }
      }
      #expect(stopped?.isResumable == true)
      try await load.resume()
    }
  }

  @Test(arguments: [LoadOptions.Method.copy, .insert])
  func aCancelledLoadGoesOn(method: LoadOptions.Method) async throws {
    try await FaultyLoad.with(method, connections: 2) { load in
      let task = Mutex<Task<LoadReport, any Error>?>(nil)
      let running = Task {
        try await load.run { event in
          if case .progress(let progress) = event, progress.position >= 300 { task.withLock { $0?.cancel() } }
        }
      }
      task.withLock { $0 = running }
      let stopped = await #expect(throws: LoadInterruption.self) { try await running.value }
      #expect(stopped?.cause is CancellationError)
      try await load.resume()
    }
  }

  @Test func aRowThatTheServerRefusesStopsAndNothingOfItsBatchStays() async throws {
    try await FaultyLoad.with(.copy, connections: 1) { load in
      try await load.sql("ALTER TABLE \(load.table) ADD CONSTRAINT odd CHECK (id <> 555)")
      let stopped = await #expect(throws: LoadInterruption.self) { try await load.run() }
      #expect(stopped?.counts.loaded == 550)
      #expect((stopped?.cause as? PostgresError)?.constraintName == "odd")
      try await load.sql("ALTER TABLE \(load.table) DROP CONSTRAINT odd")
      try await load.resume()
    }
  }

  @Test func aStatementTimeoutStopsAndCanBeResumed() async throws {
    try await FaultyLoad.with(.insert, connections: 1) { load in
      try await load.sql(
        """
        CREATE FUNCTION \(load.schema).slow() RETURNS trigger LANGUAGE plpgsql AS
          $$ BEGIN IF NEW.id = 400 THEN PERFORM pg_sleep(60); END IF; RETURN NEW; END $$;
        CREATE TRIGGER slow BEFORE INSERT ON \(load.table) FOR EACH ROW EXECUTE FUNCTION \(load.schema).slow()
        """
      )
      let stopped = await #expect(throws: LoadInterruption.self) {
        try await load.run(keywords: ["options": "-c statement_timeout=3000"])
      }
      #expect((stopped?.cause as? PostgresError)?.sqlState == "57014")
      #expect(stopped?.counts.loaded == 400)
      try await load.sql("DROP TRIGGER slow ON \(load.table)")
      try await load.resume()
    }
  }

  @Test(arguments: FaultyProxy.Fault.allCases)
  func aBrokenNetworkIsOvercome(fault: FaultyProxy.Fault) async throws {
    try await FaultyLoad.with(.copy, connections: 1) { load in
      load.options.withLock { $0.batchTimeout = .seconds(2) }
      let proxy = try FaultyProxy(port: try await load.serverPort(), fault: fault, after: [20_000, 45_000])
      let report = try await load.run(keywords: ["host": "127.0.0.1", "port": "\(proxy.port)"])
      #expect(report.counts.loaded == load.rows)
      #expect(proxy.faults == 2)
    }
  }

  @Test func anotherRunIsRefusedMeanwhile() async throws {
    try await FaultyLoad.with(.copy, connections: 1) { load in
      load.options.withLock {
        $0.rateLimit = 100
        $0.lockPatience = .milliseconds(200)
      }
      let first = Task { try await load.run() }
      try await Task.sleep(for: .milliseconds(500))
      let refused = await #expect(throws: LoadError.self) { try await load.run() }
      #expect(refused?.code == .locked)
      first.cancel()
      _ = try? await first.value
      load.options.withLock { $0.rateLimit = 1500 }
      try await load.resume()
    }
  }

  /// With several connections the first batch may be the one that is missing.
  @Test(arguments: [LoadOptions.Method.copy, .insert])
  func gapsAtTheStartAndInTheMiddleAreFilled(method: LoadOptions.Method) async throws {
    try await FaultyLoad.with(method, connections: 1) { load in
      let task = Mutex<Task<LoadReport, any Error>?>(nil)
      let running = Task {
        try await load.run { event in
          if case .progress(let progress) = event, progress.position >= 300 { task.withLock { $0?.cancel() } }
        }
      }
      task.withLock { $0 = running }
      await #expect(throws: LoadInterruption.self) { try await running.value }
      try await load.sql(
        """
        DELETE FROM \(load.schema).adbvec_load_batch WHERE first_position IN (0, 150, 200);
        DELETE FROM \(load.table) WHERE id < 50 OR id BETWEEN 150 AND 249
        """
      )
      try await load.resume()
    }
  }

  @Test func droppedIndexesComeBackThoughTheRunWasStopped() async throws {
    try await FaultyLoad.with(.copy, connections: 1) { load in
      try await load.sql(
        "CREATE INDEX v ON \(load.table) USING hnsw (image_vector vector_l2_ops) WITH (m = 8)"
      )
      load.options.withLock { $0.indexes = .defer }
      let before = try await load.indexes()
      let task = Mutex<Task<LoadReport, any Error>?>(nil)
      let running = Task {
        try await load.run { event in
          if case .progress(let progress) = event, progress.position >= 300 { task.withLock { $0?.cancel() } }
        }
      }
      task.withLock { $0 = running }
      _ = try? await running.value
      #expect(try await load.indexes() != before)
      try await load.resume()
      #expect(try await load.indexes() == before)
    }
  }
}

internal import ImageSearch
internal import PostgresClient
internal import VectorSQL

/// What follows the rows: indexes and statistics.
struct LoadFinish: Sendable {
  let run: LoadRun
  let connection: PostgresConnection
  let server: ServerCapabilities

  /// Builds indexes that were dropped; those that exist by now are left alone.
  func buildIndexes(_ definitions: [String], rows: Int, dimension: Int) async throws {
    guard !definitions.isEmpty else { return }
    let present = try await TargetTable.read(run.target, on: connection).vectorIndexes.map(\.definition)
    for definition in definitions where !present.contains(definition) {
      let build = IndexBuild(definition: definition, run: run, connection: connection, server: server)
      try await build.perform(rows: rows, dimension: dimension)
    }
  }

  /// Gathers statistics. The elements of a `real[]` are left out: counting them takes longer than loading them, and no
  /// plan asks for them.
  func analyze(_ check: TableCheck) async throws {
    guard run.options.analyzes else { return }
    let target = run.target
    run.onEvent(.step("gathering statistics"))
    let columns =
      [.float4Array, .float8Array].contains(check.vectorType)
      ? [target.idColumn, target.labelColumn] : [target.idColumn, target.labelColumn, target.vectorColumn]
    let list = columns.map(\.quoted).joined(separator: ", ")
    do {
      try await connection.run(trusted: "ANALYZE \(target.table.quoted) (\(list))")
    } catch let error as PostgresError where error.sqlState == "42501" {
      run.onEvent(.warning("only the owner may ANALYZE \(target.table.quoted); ask for it to be run"))
    }
  }
}

/// Builds one index with settings of its own, and tells how far it is.
struct IndexBuild: Sendable {
  let definition: String
  let run: LoadRun
  let connection: PostgresConnection
  let server: ServerCapabilities

  /// Memory for the build in KiB: hnsw builds several times slower once its graph has outgrown
  /// `maintenance_work_mem`: about 900 bytes a row beside the vector, measured with pgvector 0.8.
  static func memory(rows: Int, dimension: Int) -> Int {
    min(rows * (dimension * 4 + 900) / 1024 * 11 / 10 + 16 * 1024, mostMemory)
  }

  /// 2 GiB, in KiB: the server's memory is not known from here.
  private static let mostMemory = 2 * 1024 * 1024 - 1

  func perform(rows: Int, dimension: Int) async throws {
    run.onEvent(.step("building an index: \(definition)"))
    let wanted = Self.memory(rows: rows, dimension: dimension)
    try await raise(to: wanted)
    do {
      try await watched { _ = try await connection.run(trusted: definition) }
    } catch let error as PostgresError where lacksSharedMemory(error) {
      // Workers share the graph in /dev/shm, which a container often has only 64 MB of.
      run.onEvent(
        .step("building it again without parallel workers: the server's shared memory is too small")
      )
      try await connection.run("SET max_parallel_maintenance_workers = 0")
      try await watched { _ = try await connection.run(trusted: definition) }
      try await connection.run("RESET max_parallel_maintenance_workers")
    }
    try await connection.run("RESET maintenance_work_mem")
  }

  private func raise(to wanted: Int) async throws {
    let current = try await connection.query(
      Statement("SELECT setting::int8 FROM pg_settings WHERE name = 'maintenance_work_mem'")
    )
    guard let row = current.first, try row.value(at: 0, as: Int.self) < wanted else { return }
    try await connection.run(trusted: "SET maintenance_work_mem = \(wanted)")
  }

  /// 53100 and 53200 are what a full `/dev/shm` and a refused mapping give; parallel builds came with PostgreSQL 11.
  private func lacksSharedMemory(_ error: PostgresError) -> Bool {
    ["53100", "53200"].contains(error.sqlState) && server.serverVersion >= 110_000
      && error.message.contains("shared memory")
  }

  /// Asks for the progress on a connection of its own while `body` runs; where that fails, nothing is told.
  private func watched(_ body: @Sendable () async throws -> Void) async throws {
    guard server.reportsIndexProgress else { return try await body() }
    let backend = connection.backendPID
    let settings = run.loader.settings
    let onEvent = run.onEvent
    let watcher = Task {
      guard let other = try? await PostgresConnection.connect(settings) else { return }
      while !Task.isCancelled {
        try? await Task.sleep(for: .milliseconds(500))
        guard let progress = try? await Self.progress(of: backend, other) else { continue }
        onEvent(.building(progress))
      }
      await other.close()
    }
    defer { watcher.cancel() }
    try await body()
  }

  /// - Returns: nil when that backend builds nothing at the moment.
  private static func progress(
    of backend: Int32,
    _ connection: PostgresConnection
  ) async throws -> IndexProgress? {
    let text: StaticString = """
      SELECT phase, CASE WHEN blocks_total > 0 THEN blocks_done::float8 / blocks_total
                         WHEN tuples_total > 0 THEN tuples_done::float8 / tuples_total END
      FROM pg_stat_progress_create_index WHERE pid = $1
      """
    let rows = try await connection.query(Statement(text, binds: [.int4(backend)]))
    guard let row = rows.first else { return nil }
    let (phase, share) = try row.decode(String.self, Double?.self)
    return IndexProgress(phase: phase, share: share.map { min($0, 1) })
  }
}

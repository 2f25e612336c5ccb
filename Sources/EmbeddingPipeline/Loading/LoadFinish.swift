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
    let present = try await TableShape.read(run.target, on: connection).vectorIndexes.map(\.definition)
    for definition in definitions where !present.contains(definition) {
      run.onEvent(.step("building an index: \(definition)"))
      try await raiseMemory(rows: rows, dimension: dimension)
      try await connection.run(definition)
      try await connection.run("RESET maintenance_work_mem")
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
      try await connection.run("ANALYZE \(target.table.quoted) (\(list))")
    } catch let error as PostgresError where error.sqlState == "42501" {
      run.onEvent(.warning("only the owner may ANALYZE \(target.table.quoted); ask for it to be run"))
    }
  }

  /// hnsw builds several times slower once its graph has outgrown `maintenance_work_mem`: about 900 bytes a row beside
  /// the vector, measured with pgvector 0.8.
  private func raiseMemory(rows: Int, dimension: Int) async throws {
    let needed = rows * (dimension * 4 + 900) / 1024 * 11 / 10 + 16 * 1024
    let wanted = min(needed, Self.mostMemory)
    let current = try await connection.query(
      Statement("SELECT setting::int8 FROM pg_settings WHERE name = 'maintenance_work_mem'")
    )
    guard let row = current.first, try row.value(at: 0, as: Int.self) < wanted else { return }
    try await connection.run("SET maintenance_work_mem = \(wanted)")
  }

  /// 2 GiB, in KiB: the server's memory is not known from here.
  private static let mostMemory = 2 * 1024 * 1024 - 1
}

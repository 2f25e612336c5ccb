internal import PostgresClient
internal import ImageSearch
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
      try await connection.run("ANALYZE \(target.table.quoted) (\(list))")
    } catch let error as PostgresError where error.sqlState == "42501" {
      run.onEvent(.warning("only the owner may ANALYZE \(target.table.quoted); ask for it to be run"))
    }
  }
}

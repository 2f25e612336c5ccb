internal import PostgresClient
internal import SQLLexer

extension MigrationSession {
  /// Looks for an index of the name that a concurrent build is about to make.
  ///
  /// One that a failed build left invalid is dropped, for `IF NOT EXISTS` would skip it for ever. A sound one, where an
  /// earlier run died at this very statement, is that run's work.
  /// - Returns: whether the index is there, so that the statement need not be sent.
  func indexIsThere(_ statement: SQLStatement, of step: PlannedStep, index: Int) async throws -> Bool {
    guard let build = statement.indexBuild, build.isConcurrent, let name = build.name else { return false }
    let found = try await connection.run(
      """
      SELECT i.indisvalid, quote_ident(n.nspname) || '.' || quote_ident(c.relname) FROM pg_index i \
      JOIN pg_class c ON c.oid = i.indexrelid JOIN pg_namespace n ON n.oid = c.relnamespace \
      WHERE c.relname = \(ParameterValue.quote(name)) AND i.indrelid = to_regclass(\(ParameterValue.quote(build.table)))
      """
    )
    guard let row = found.first?.rows.first, row.count == 2, let qualified = row[1] else { return false }
    guard row[0] == "t" else {
      emit(.rebuildingInvalidIndex(step.id, index: qualified))
      try await connection.run("DROP INDEX CONCURRENTLY \(qualified)")
      return false
    }
    return step.record?.state == .running && index == step.statementsDone
  }

  /// The indexes of the database that a failed concurrent build left behind.
  func invalidIndexes() async throws -> [String] {
    let found = try await connection.run(
      """
      SELECT quote_ident(n.nspname) || '.' || quote_ident(c.relname) FROM pg_index i \
      JOIN pg_class c ON c.oid = i.indexrelid JOIN pg_namespace n ON n.oid = c.relnamespace \
      WHERE NOT i.indisvalid AND c.relkind = 'i' ORDER BY 1
      """
    )
    return found.first?.rows.compactMap { $0.first ?? nil } ?? []
  }
}

internal import PostgresClient
internal import SQLLexer

/// Data that a statement deletes, as far as its words say so; the code of routines is not read.
enum DataLoss: Sendable, Hashable {
  /// All rows of a table.
  case table(String)
  /// All tables of a schema.
  case schema(String)
  /// The values of a column.
  case column(table: String, name: String)
  /// More than can be counted from here.
  case uncounted(String)
}

extension SQLStatement {
  /// What it deletes.
  var dataLoss: [DataLoss] {
    if hasWords("drop", "table") { return names(from: 2).map(DataLoss.table) }
    if hasWords("drop", "schema") { return names(from: 2).map(DataLoss.schema) }
    if hasWords("truncate") { return names(from: hasWords("table", at: 1) ? 2 : 1).map(DataLoss.table) }
    if hasWords("drop", "database") { return names(from: 2).map { .uncounted("the database \($0)") } }
    if hasWords("drop", "owned") { return [.uncounted("all that a role owns")] }
    if hasWords("delete", "from"), !depthZeroIndices.contains(where: { hasWords("where", at: $0) }) {
      return names(from: 2).prefix(1).map(DataLoss.table)
    }
    return hasWords("alter", "table") ? droppedColumns : []
  }

  /// The names of a list, behind `IF EXISTS` and `ONLY`.
  private func names(from start: Int) -> [String] {
    var index = hasWords("if", "exists", at: start) ? start + 2 : start
    var found: [String] = []
    while true {
      if hasWords("only", at: index) { index += 1 }
      guard let name = relationName(at: index), let end = qualifiedName(at: index)?.end else { return found }
      found.append(name)
      index = isSymbol("*", at: end) ? end + 1 : end
      guard isSymbol(",", at: index) else { return found }
      index += 1
    }
  }

  private var droppedColumns: [DataLoss] {
    var index = hasWords("if", "exists", at: 2) ? 4 : 2
    if hasWords("only", at: index) { index += 1 }
    guard let table = relationName(at: index), let end = qualifiedName(at: index)?.end else { return [] }
    let starts = [end] + depthZeroIndices.filter { $0 > end && isSymbol(",", at: $0) }.map { $0 + 1 }
    return starts.compactMap { start in
      guard hasWords("drop", at: start), !hasWords("constraint", at: start + 1) else { return nil }
      var name = hasWords("column", at: start + 1) ? start + 2 : start + 1
      if hasWords("if", "exists", at: name) { name += 2 }
      return relationName(at: name).map { .column(table: table, name: $0) }
    }
  }
}

extension MigrationSession {
  /// Refuses a way down that deletes rows, unless the options allow that.
  /// - Throws: `MigrationError` with code `confirmationNeeded`, which says how many.
  func refuseDataLoss(of steps: [PlannedStep]) async throws {
    guard !options.deletesRows else { return }
    // Who confirms, confirms the whole run: all that it deletes is named at once.
    var first: PlannedStep?
    var losses: [String] = []
    for step in steps where step.direction == .down {
      let rest = step.section.script.statements.dropFirst(step.statementsDone)
      for loss in rest.flatMap(\.dataLoss) {
        for line in try await describe(loss) where !losses.contains(line) {
          losses.append(line)
          first = first ?? step
        }
      }
    }
    guard let first else { return }
    throw MigrationError(
      .confirmationNeeded,
      "the way down of \(first.id) \(first.migration.migration.name) deletes data: \(losses.joined(separator: ", "))",
      hint: "Fix: save what is needed ('adbvec unload', pg_dump), then run the command again with --yes",
      at: first.section.location(ofByte: 0)
    )
  }

  /// What stands there to be lost, a line each; nothing where nothing does.
  private func describe(_ loss: DataLoss) async throws -> [String] {
    switch loss {
    case .uncounted(let what): return [what]
    case .table(let name): return try await rows("c.oid = \(StatementOutcome.relation(name))")
    case .schema(let name):
      let isThere =
        "n.oid = (SELECT oid FROM pg_namespace WHERE quote_ident(nspname) = \(ParameterValue.quote(name)) "
      return try await rows(
        isThere + "OR nspname = lower(\(ParameterValue.quote(name)))) "
          + "AND NOT EXISTS (SELECT 1 FROM pg_inherits WHERE inhrelid = c.oid)"
      )
    case .column(let table, let column):
      guard let qualified = try await tables("c.oid = \(StatementOutcome.relation(table))").first else {
        return []
      }
      let count = try? await connection.run(trusted: "SELECT count(\(column)) FROM \(qualified)").first?.rows
        .first?
        .first
      guard let count, count != "0" else { return [] }
      return ["\(count ?? "?") \(count == "1" ? "value" : "values") of \(qualified).\(column)"]
    }
  }

  private func rows(_ condition: String) async throws -> [String] {
    var lines: [String] = []
    for table in try await tables(condition) {
      do {
        let found = try await connection.run(trusted: "SELECT count(*) FROM \(table)")
        guard let count = found.first?.rows.first?.first.flatMap({ $0 }), count != "0" else { continue }
        lines.append("\(count) \(count == "1" ? "row" : "rows") of \(table)")
      } catch let error as PostgresError where error.sqlState == "42501" {
        lines.append("the rows of \(table), which this role may not count")
      }
    }
    return lines
  }

  private func tables(_ condition: String) async throws -> [String] {
    let found = try await connection.run(
      trusted: """
        SELECT quote_ident(n.nspname) || '.' || quote_ident(c.relname) FROM pg_class c \
        JOIN pg_namespace n ON n.oid = c.relnamespace WHERE c.relkind IN ('r', 'p') AND \(condition) ORDER BY 1
        """
    )
    return found.first?.rows.compactMap { $0.first ?? nil } ?? []
  }
}

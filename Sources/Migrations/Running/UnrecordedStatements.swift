internal import PostgresClient
internal import SQLLexer
internal import VectorSQL

/// Statements outside transactions: what became of one whose record is missing.
extension MigrationSession {
  /// Finds out what became of a statement that an earlier run sent and did not record.
  /// - Returns: how many statements are done when it has taken effect; nil when it is to be sent (again).
  /// - Throws: `MigrationError` with code `outcomeUnknown` when nothing tells and nobody has said what to do.
  func settle(_ underway: StatementUnderway, of step: PlannedStep) async throws -> Int? {
    let hashes = step.section.chainedHashes
    let start = underway.number - 1
    // Several statements when it is a transaction of the file's own.
    let end = hashes.firstIndex(of: underway.hash)
    let statement = end.map { step.section.script.statements[$0 - 1] }
    switch (underway.kind, statement?.outcome) {
    case ("repeatable", _): return nil
    case ("reindex", _):
      try await dropInvalidIndexes(.reindex, since: underway, of: step)
      return nil
    case ("index", let outcome):
      try await dropInvalidIndexes(.index(table: ""), since: underway, of: step)
      guard try await hasNewIndex(since: underway) else { return nil }
      if outcome != nil { return end }
    case ("detach", .detach(let parent, let partition)?):
      try await finishDetaching(parent, partition)
      if try await holds(StatementOutcome.isDetached(parent, partition)) {
        return underway.before == "false" ? end : nil
      }
      return nil
    case ("condition", .condition(let condition)?):
      return try await holds(condition) && underway.before == "false" ? end : nil
    default: break
    }
    switch options.inDoubt {
    case .ran: return end ?? min(start + 1, step.section.script.statements.count)
    case .rerun: return nil
    case .ask: throw Self.unknown(start, of: step, isEdited: end == nil)
    }
  }

  private static func unknown(_ index: Int, of step: PlannedStep, isEdited: Bool) -> MigrationError {
    let edited = isEdited ? ", and it was edited since" : ""
    let failure = step.record?.error.map { " (\($0))" } ?? ""
    let statements = step.section.script.statements
    return MigrationError(
      .outcomeUnknown,
      "\(step.id) \(step.migration.parsed.name): statement \(index + 1) ran outside a transaction and did not end "
        + "well\(failure)\(edited); what it has done of its work cannot be told from here",
      hint:
        "Fix: look at the database, then run the command again with --in-doubt rerun (send the statement again) or "
        + "--in-doubt ran (go on behind it)",
      at: statements.indices.contains(index) ? step.section.location(of: statements[index]) : nil
    )
  }

  /// Settles what an earlier run left, again while other sessions hold locks on it.
  /// - Throws: `StatementFailure` at the statement when the server refuses, and what `settle` throws.
  func settlePatiently(_ underway: StatementUnderway, of step: PlannedStep) async throws -> Int? {
    let statements = step.section.script.statements
    let index = underway.number - 1
    var attempt = 1
    while true {
      do {
        return try await settle(underway, of: step)
      } catch let error as PostgresError {
        let failure = StatementFailure(
          cause: error,
          statement: statements.indices.contains(index) ? statements[index] : statements.last
        )
        guard failure.isWorthRetrying, attempt < options.attempts else { throw failure }
        attempt += 1
        try await pause(before: attempt, failure, step)
      }
    }
  }

  /// Whether a statement that has just failed outside a transaction left nothing behind, once what it may have left was
  /// taken away. The session that made the statement fail may block that too: it counts as another attempt.
  func isSettled(
    _ outcome: StatementOutcome,
    of step: PlannedStep,
    attempt: inout Int
  ) async throws -> Bool {
    guard outcome != .unknown, let underway = try? await underway(step.id) else { return false }
    while true {
      do {
        switch outcome {
        case .repeatable, .condition, .unknown: break
        case .index, .reindex: try await dropInvalidIndexes(outcome, since: underway, of: step)
        case .detach(let parent, let partition): try await finishDetaching(parent, partition)
        }
        return true
      } catch let error as PostgresError {
        let failure = StatementFailure(cause: error, statement: nil)
        guard failure.isWorthRetrying, attempt < options.attempts else { return false }
        attempt += 1
        try await pause(before: attempt, failure, step)
      } catch {
        return false
      }
    }
  }

  private func underway(_ id: MigrationID) async throws -> StatementUnderway? {
    let found = try await connection.run(
      trusted: "SELECT underway FROM \(history.sqlName) WHERE version = \(SQLValue.quotedLiteral(id.key))"
    )
    return found.first?.rows.first?.first.flatMap { $0 }.flatMap(StatementUnderway.init)
  }

  private func holds(_ condition: String) async throws -> Bool {
    try await connection.run(trusted: "SELECT \(condition)").first?.rows.first?.first == "t"
  }

  /// `DETACH PARTITION CONCURRENTLY` that was interrupted between its two transactions.
  private func finishDetaching(_ parent: String, _ partition: String) async throws {
    guard connection.serverVersion >= 140_000 else { return }
    let isPending = try await holds(
      """
      EXISTS (SELECT 1 FROM pg_inherits WHERE inhparent = \(StatementOutcome.relation(parent)) \
      AND inhrelid = \(StatementOutcome.relation(partition)) AND inhdetachpending)
      """
    )
    if isPending {
      try await connection.run(trusted: "ALTER TABLE \(parent) DETACH PARTITION \(partition) FINALIZE")
    }
  }

  // Indexes.

  /// Drops the invalid indexes that were not there before the statement was sent: a failed build leaves them, and no query
  /// uses them.
  private func dropInvalidIndexes(
    _ outcome: StatementOutcome,
    since underway: StatementUnderway,
    of step: PlannedStep
  ) async throws {
    // Copies that REINDEX makes have names of their own.
    let isOurs =
      outcome == .reindex ? "c.relname ~ '_cc(new|old)[0-9]*$'" : "i.indrelid = \(Self.table(underway))"
    let found = try await connection.run(
      trusted: """
        SELECT quote_ident(n.nspname) || '.' || quote_ident(c.relname) FROM pg_index i \
        JOIN pg_class c ON c.oid = i.indexrelid JOIN pg_namespace n ON n.oid = c.relnamespace \
        WHERE NOT i.indisvalid AND c.relkind = 'i' AND \(isOurs) AND \(Self.isNew(underway)) ORDER BY 1
        """
    )
    for row in found.first?.rows ?? [] {
      guard let index = row.first.flatMap({ $0 }) else { continue }
      emit(.rebuildingInvalidIndex(step.id, index: index))
      try await connection.run(trusted: "DROP INDEX CONCURRENTLY IF EXISTS \(index)")
    }
  }

  private func hasNewIndex(since underway: StatementUnderway) async throws -> Bool {
    try await holds(
      """
      EXISTS (SELECT 1 FROM pg_index i WHERE i.indisvalid AND i.indrelid = \(Self.table(underway)) \
      AND \(Self.isNew(underway)))
      """
    )
  }

  /// The table's object id, written before the colon.
  private static func table(_ underway: StatementUnderway) -> String {
    String(UInt32(underway.before.split(separator: ":").first ?? "0") ?? 0)
  }

  private static func isNew(_ underway: StatementUnderway) -> String {
    let list = underway.before.split(separator: ":", omittingEmptySubsequences: false).last ?? ""
    let known = list.split(separator: ",").compactMap { UInt32($0) }.map(String.init)
    return "NOT i.indexrelid = ANY ('{\(known.joined(separator: ","))}'::oid[])"
  }

  /// Looks for an index of the name that a concurrent build is about to make, and drops it when it is invalid:
  /// `IF NOT EXISTS` would skip it for ever.
  /// - Returns: whether the index is there as the work of an earlier run, whose history does not tell it.
  func indexIsThere(_ statement: SQLStatement, of step: PlannedStep, index: Int) async throws -> Bool {
    guard let build = statement.indexBuild, build.isConcurrent, let name = build.name else { return false }
    let found = try await connection.run(
      trusted: """
        SELECT i.indisvalid, quote_ident(n.nspname) || '.' || quote_ident(c.relname) FROM pg_index i \
        JOIN pg_class c ON c.oid = i.indexrelid JOIN pg_namespace n ON n.oid = c.relnamespace \
        WHERE c.relname = \(SQLValue.quotedLiteral(name)) \
        AND i.indrelid = to_regclass(\(SQLValue.quotedLiteral(build.table)))
        """
    )
    guard let row = found.first?.rows.first, row.count == 2, let qualified = row[1] else { return false }
    guard row[0] == "t" else {
      emit(.rebuildingInvalidIndex(step.id, index: qualified))
      try await connection.run(trusted: "DROP INDEX CONCURRENTLY IF EXISTS \(qualified)")
      return false
    }
    guard let record = step.record, record.isOfFirstFormat else { return false }
    return record.state == .running && index == step.statementsDone
  }

  /// The indexes of the database that a failed concurrent build left behind.
  func invalidIndexes() async throws -> [String] {
    let found = try await connection.run(
      trusted: """
        SELECT quote_ident(n.nspname) || '.' || quote_ident(c.relname) FROM pg_index i \
        JOIN pg_class c ON c.oid = i.indexrelid JOIN pg_namespace n ON n.oid = c.relnamespace \
        WHERE NOT i.indisvalid AND c.relkind = 'i' ORDER BY 1
        """
    )
    return found.first?.rows.compactMap { $0.first ?? nil } ?? []
  }
}

internal import PostgresClient
internal import VectorSQL
internal import SQLLexer

extension MigrationSession {
  /// The most that is sent before an answer is read: answers that nobody reads are kept in memory. A server before 11
  /// counts statement_timeout from the first of a group to its end, so there each goes alone.
  private var largestGroup: Int { connection.serverVersion < 110_000 ? 1 : 200 }

  /// Puts messages together that can be on their way at the same time.
  ///
  /// A COPY takes data in between, a concurrent build is looked for first, and a build that is followed has its own
  /// connection beside it: these go alone.
  func groups(_ messages: [RunMessage], of step: PlannedStep) -> [[RunMessage]] {
    var groups: [[RunMessage]] = []
    var isOpen = false
    for message in messages where !message.text.isEmpty {
      let isAlone = goesAlone(message, of: step)
      if isOpen, !isAlone, let last = groups.last, last.count < largestGroup {
        groups[groups.count - 1].append(message)
      } else {
        groups.append([message])
      }
      isOpen = !isAlone
    }
    return groups
  }

  private func goesAlone(_ message: RunMessage, of step: PlannedStep) -> Bool {
    guard let statement = statement(of: message, in: step) else { return false }
    if message.copyData != nil || statement.hasWords("copy") { return true }
    guard let build = statement.indexBuild else { return false }
    return build.isConcurrent || monitor != nil
  }

  private func statement(of message: RunMessage, in step: PlannedStep) -> SQLStatement? {
    message.statement.map { step.section.script.statements[$0] }
  }

  /// Sends messages in their order; a group of several waits for the server once.
  /// - Throws: `StatementFailure` of the first that fails; those behind it are not carried out.
  func send(_ group: [RunMessage], of step: PlannedStep) async throws {
    guard group.count > 1 else {
      for message in group { try await send(message, of: step) }
      return
    }
    let outcome = try await connection.runTogether(group.map { Statement(trusted: $0.text) }) { index in
      announce(group[index], of: step)
    }
    guard let failure = outcome.failure else { return }
    throw StatementFailure(cause: failure, statement: statement(of: group[outcome.completed], in: step))
  }

  private func announce(_ message: RunMessage, of step: PlannedStep) {
    guard let index = message.statement, let statement = statement(of: message, in: step) else { return }
    let count = step.section.script.statements.count
    emit(.statement(step.id, number: index + 1, of: count, at: step.section.location(of: statement)))
  }

  private func send(_ message: RunMessage, of step: PlannedStep) async throws {
    let statement = statement(of: message, in: step)
    announce(message, of: step)
    if let statement, let index = message.statement,
      try await indexIsThere(statement, of: step, index: index)
    {
      return
    }
    do {
      if let data = message.copyData {
        try await connection.copyIn(Statement(trusted: message.text), data: data)
      } else if statement?.indexBuild != nil, monitor != nil {
        try await followingProgress(of: step.id) { try await connection.run(trusted: message.text) }
      } else {
        try await connection.run(trusted: message.text)
      }
    } catch let error as PostgresError {
      throw StatementFailure(cause: error, statement: statement)
    }
  }
}

extension MigrationSession {
  /// Looks for an index of the name that a concurrent build is about to make.
  ///
  /// One that a failed build left invalid is dropped, for `IF NOT EXISTS` would skip it for ever. A sound one, where an
  /// earlier run died at this very statement, is that run's work.
  /// - Returns: whether the index is there, so that the statement need not be sent.
  func indexIsThere(_ statement: SQLStatement, of step: PlannedStep, index: Int) async throws -> Bool {
    guard let build = statement.indexBuild, build.isConcurrent, let name = build.name else { return false }
    let found = try await connection.run(
      trusted: """
        SELECT i.indisvalid, quote_ident(n.nspname) || '.' || quote_ident(c.relname) FROM pg_index i \
        JOIN pg_class c ON c.oid = i.indexrelid JOIN pg_namespace n ON n.oid = c.relnamespace \
        WHERE c.relname = \(ParameterValue.quote(name)) AND i.indrelid = to_regclass(\(ParameterValue.quote(build.table)))
        """
    )
    guard let row = found.first?.rows.first, row.count == 2, let qualified = row[1] else { return false }
    guard row[0] == "t" else {
      emit(.rebuildingInvalidIndex(step.id, index: qualified))
      try await connection.run(trusted: "DROP INDEX CONCURRENTLY \(qualified)")
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

extension MigrationSession {
  /// Runs a long statement and tells meanwhile, from a second connection, how far the server is with its index.
  @discardableResult
  func followingProgress<Value: Sendable>(
    of id: MigrationID,
    _ body: @escaping @Sendable () async throws -> Value
  ) async throws -> Value {
    try await withThrowingTaskGroup(of: Value?.self) { group in
      group.addTask { try await body() }
      group.addTask {
        // Progress is a courtesy: a server without the view, or without room for a connection, shows none.
        try? await report(id)
        return nil
      }
      defer { group.cancelAll() }
      while let result = try await group.next() {
        if let value = result { return value }
      }
      throw CancellationError()
    }
  }

  private func report(_ id: MigrationID) async throws {
    guard let monitor else { return }
    try await Task.sleep(for: .seconds(1))
    let observer = try await PostgresConnection.connect(monitor)
    var last: IndexProgress?
    while !Task.isCancelled {
      let found = try await observer.run(
        trusted: """
          SELECT phase, tuples_done, tuples_total, blocks_done, blocks_total \
          FROM pg_stat_progress_create_index WHERE pid = \(connection.backendPID)
          """
      )
      if let row = found.first?.rows.first, row.count == 5 {
        let numbers = row.dropFirst().map { $0.flatMap { Int($0) } ?? 0 }
        let progress = IndexProgress(
          phase: row[0] ?? "",
          rowsDone: numbers[0],
          rowsTotal: numbers[1],
          blocksDone: numbers[2],
          blocksTotal: numbers[3]
        )
        if progress != last { emit(.indexProgress(id, progress)) }
        last = progress
      }
      try await Task.sleep(for: .seconds(1))
    }
  }
}

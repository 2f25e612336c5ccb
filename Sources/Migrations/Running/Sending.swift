internal import PostgresClient
internal import SQLLexer
internal import VectorSQL

extension MigrationSession {
  /// The most that is sent before an answer is read: answers that nobody reads are kept in memory. A server before 11
  /// counts statement_timeout from the first of a group to its end, so there each goes alone.
  private var largestGroup: Int { connection.serverVersion < 110_000 ? 1 : 200 }

  /// Puts messages together that can be on their way at the same time.
  ///
  /// A COPY takes data in between, a concurrent build is looked for first, and a build that is followed has its own
  /// connection beside it: these go alone.
  func groups(_ unit: RunUnit, of step: PlannedStep) -> [[RunMessage]] {
    // What travels together is one transaction to the server.
    if case .alone = unit.kind { return unit.messages.map { [$0] } }
    var groups: [[RunMessage]] = []
    var isOpen = false
    for message in unit.messages {
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
    let message = group[outcome.completed]
    throw StatementFailure(
      cause: failure,
      statement: statement(of: message, in: step),
      isCommit: message.text == "COMMIT"
    )
  }

  private func announce(_ message: RunMessage, of step: PlannedStep) {
    guard let index = message.statement, let statement = statement(of: message, in: step) else { return }
    let count = step.section.script.statements.count
    emit(.statement(step.id, number: index + 1, of: count, at: step.section.location(of: statement)))
  }

  private func send(_ message: RunMessage, of step: PlannedStep) async throws {
    let statement = statement(of: message, in: step)
    announce(message, of: step)
    do {
      if let statement, let index = message.statement,
        try await indexIsThere(statement, of: step, index: index)
      {
        return
      }
      if let data = message.copyData {
        try await connection.copyIn(Statement(trusted: message.text)) { stream in
          try data.forEachPart { part in try part.withUnsafeBytes { try stream.write($0) } }
        }
      } else if statement?.indexBuild != nil, monitor != nil {
        try await followingProgress(of: step.id) { try await connection.run(trusted: message.text) }
      } else {
        try await connection.run(trusted: message.text)
      }
    } catch let error as PostgresError {
      throw StatementFailure(cause: error, statement: statement, isCommit: message.text == "COMMIT")
    }
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
    guard let monitor, connection.serverVersion >= 120_000 else { return }
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

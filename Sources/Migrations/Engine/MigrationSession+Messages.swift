internal import PostgresClient
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
    let outcome = try await connection.runTogether(group.map(\.text)) { index in
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
        try await connection.copyIn(message.text, data: data)
      } else if statement?.indexBuild != nil, monitor != nil {
        try await followingProgress(of: step.id) { try await connection.run(message.text) }
      } else {
        try await connection.run(message.text)
      }
    } catch let error as PostgresError {
      throw StatementFailure(cause: error, statement: statement)
    }
  }
}

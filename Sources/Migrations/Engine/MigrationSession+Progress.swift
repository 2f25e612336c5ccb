internal import PostgresClient

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
        """
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

internal import PostgresClient

extension MigrationSession {
  /// Whether the lock goes with each transaction, and not with the session.
  func locksByTransaction(_ state: State) -> Bool {
    options.lock == .transaction || (options.lock == .automatic && state.isPooled)
  }

  /// Runs `body` while the session holds the lock.
  /// - Throws: `MigrationError` with code `lockNotObtained` after `lockWait`.
  func withSessionLock<Value: Sendable>(_ body: () async throws -> Value) async throws -> Value {
    let lock = MigrationLock(history)
    try await obtain(lock.take, lock) {}
    do {
      let value = try await body()
      await release(lock)
      return value
    } catch {
      await release(lock)
      throw error
    }
  }

  /// Opens a transaction that holds the lock.
  func beginWithLock() async throws {
    let lock = MigrationLock(history)
    try await obtain("BEGIN;\n" + lock.takeInTransaction, lock) { try await connection.run("ROLLBACK") }
  }

  private func obtain(
    _ request: String,
    _ lock: MigrationLock,
    otherwise: () async throws -> Void
  ) async throws {
    let deadline = ContinuousClock.now + .milliseconds(options.lockWait)
    var pause = 50
    var announced = false
    while true {
      let results = try await connection.run(request)
      if results.last?.rows.first?.first == "t" { return }
      try await otherwise()
      let holder = try? await holder(lock)
      if !announced { emit(.waitingForLock(holder: holder)) }
      announced = true
      guard ContinuousClock.now < deadline else { throw timedOut(holder) }
      let jittered = Int.random(in: pause / 2...pause)
      let rest = max(1, Int((deadline - ContinuousClock.now) / .milliseconds(1)))
      try await Task.sleep(for: .milliseconds(min(jittered, rest)))
      pause = min(pause * 2, 1000)
    }
  }

  private func holder(_ lock: MigrationLock) async throws -> LockHolder? {
    guard let row = try await connection.run(lock.holder).first?.rows.first, row.count == 6 else {
      return nil
    }
    return LockHolder(
      pid: row[0].flatMap { Int($0) } ?? 0,
      application: row[1] ?? "",
      user: row[2] ?? "",
      age: row[3].flatMap { Int($0) } ?? 0,
      state: row[4] ?? "",
      query: LockHolder.redact(row[5] ?? "")
    )
  }

  private func timedOut(_ holder: LockHolder?) -> MigrationError {
    let who = holder.map { "held by \($0)" } ?? "held by a session that the server does not name"
    return MigrationError(
      .lockNotObtained,
      "the migration lock was not to be had in \(options.lockWait) ms; it is \(who)",
      hint: holder.map {
        "wait longer with --lock-wait, or end that session: SELECT pg_terminate_backend(\($0.pid))"
      }
    )
  }

  private func release(_ lock: MigrationLock) async {
    let released = try? await Task.detached {
      try await connection.run(lock.release).first?.rows.first?.first == "t"
    }.value
    guard let released, !released else { return }
    emit(
      .warning(
        "the session did not hold the lock any more at the end of the run; a pooler in transaction mode, or a "
          + "migration that releases all advisory locks, does this"
      )
    )
  }
}

extension PostgresConnection {
  /// Runs `body` between BEGIN and COMMIT; an error rolls back and is thrown on.
  ///
  /// Nested calls are savepoints.
  @discardableResult
  public func transaction<Value: Sendable>(
    _ body: @Sendable (isolated PostgresConnection) async throws -> Value
  ) async throws -> Value {
    let nested = transactionStatus != .idle
    try await run(nested ? "SAVEPOINT adbvec_nested" : "BEGIN")
    do {
      let value = try await body(self)
      try await run(nested ? "RELEASE SAVEPOINT adbvec_nested" : "COMMIT")
      return value
    } catch {
      try? await rollBack(nested: nested)
      throw error
    }
  }

  private func rollBack(nested: Bool) async throws {
    let script = nested ? "ROLLBACK TO SAVEPOINT adbvec_nested; RELEASE SAVEPOINT adbvec_nested" : "ROLLBACK"
    // A cancelled task must still be able to leave the transaction.
    _ = try await Task { try await self.run(script) }.value
  }
}

public import PostgresClient

/// Lends connections: one for a command, a pool for a server.
public protocol ConnectionSource: Sendable {
  /// Runs `body` with a connection that nobody else uses meanwhile.
  func withConnection<Value: Sendable>(
    _ body: @Sendable (PostgresConnection) async throws -> Value
  ) async throws -> Value
}

extension PostgresConnection: ConnectionSource {
  /// Runs `body` with this connection.
  public nonisolated func withConnection<Value: Sendable>(
    _ body: @Sendable (PostgresConnection) async throws -> Value
  ) async throws -> Value {
    try await body(self)
  }
}

import LocalPostgres
package import PostgresClient

extension Settings {
  /// The server to talk to: the one that is named, else the private server when it runs.
  /// - Throws: `CommandFailure` with exit code 5 when there is neither.
  package func connectionSettings() throws -> ConnectionSettings {
    if let value = self[.databaseURL] {
      return ConnectionSettings(url: value.text.isEmpty ? nil : value.text)
    }
    let server = PrivateServer(home: .standard(environment: environment))
    guard case .running(let running) = server.status else {
      throw CommandFailure(
        "no server: name one with --database-url or DATABASE_URL, or start a private one: adbvec db start",
        exitCode: 5
      )
    }
    return running.settings()
  }

  /// Connects to the server in force.
  package func connect() async throws -> PostgresConnection {
    try await PostgresConnection.connect(try connectionSettings())
  }
}

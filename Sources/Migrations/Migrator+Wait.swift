public import PostgresClient

extension Migrator {
  /// Waits until a server answers.
  /// - Parameter milliseconds: how long at most.
  /// - Throws: the last `PostgresError` when the time is over; at once when waiting cannot help, as with a wrong password.
  public static func wait(for settings: ConnectionSettings, milliseconds: Int) async throws {
    let deadline = ContinuousClock.now + .milliseconds(milliseconds)
    var pause = 50
    while true {
      do {
        let connection = try await PostgresConnection.connect(settings)
        try await connection.run("SELECT 1")
        await connection.close()
        return
      } catch let error as PostgresError where error.mayPass && ContinuousClock.now < deadline {
        try await Task.sleep(for: .milliseconds(pause))
        pause = min(pause * 2, 1000)
      }
    }
  }
}

extension PostgresError {
  /// Whether a server that starts, or is not up yet, gives this error.
  fileprivate var mayPass: Bool {
    guard isConnectionProblem, code != .invalidSettings else { return false }
    // 57P03 is "starting up"; a refused password (28…) or an unknown database (3D000) stays.
    guard let sqlState else { return !message.contains("password") && !message.contains("does not exist") }
    return sqlState == "57P03" || sqlState.hasPrefix("08") || sqlState.hasPrefix("53")
  }
}

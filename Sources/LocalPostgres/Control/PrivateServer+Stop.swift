internal import FoundationEssentials
public import LocalPostgres

extension PrivateServer {
  /// Stops the server and waits until it is gone; open sessions are ended.
  /// - Returns: whether one ran.
  /// - Throws: `PrivateServerError`.
  @discardableResult
  public func stop(binaries: ServerBinaries) async throws -> Bool {
    guard FileManager.default.fileExists(atPath: home.path) else { return false }
    let lock = try await FileLock(path: home.lock, seconds: 90)
    defer { withExtendedLifetime(lock) {} }
    return try await stopLocked(binaries)
  }

  /// Stops the server and deletes its folder with all data in it.
  /// - Returns: whether there was anything to delete.
  /// - Throws: `PrivateServerError`; a folder that no private server made is refused.
  @discardableResult
  public func destroy(binaries: ServerBinaries) async throws -> Bool {
    guard FileManager.default.fileExists(atPath: home.path) else { return false }
    guard isInitialised || FileManager.default.fileExists(atPath: home.lock) else {
      throw PrivateServerError(
        code: .folder,
        description: "\(home.path) was not made by adbvec db start; nothing deleted"
      )
    }
    let lock = try await FileLock(path: home.lock, seconds: 90)
    defer { withExtendedLifetime(lock) {} }
    try await stopLocked(binaries)
    for part in [home.data, home.unfinishedData, home.sockets, home.log, home.password, home.lock] {
      try? FileManager.default.removeItem(atPath: part)
    }
    // The folder itself goes only when nothing of somebody else's is in it.
    if (try? FileManager.default.contentsOfDirectory(atPath: home.path).isEmpty) == true {
      try? FileManager.default.removeItem(atPath: home.path)
    }
    return true
  }

  @discardableResult
  private func stopLocked(_ binaries: ServerBinaries) async throws -> Bool {
    guard PostmasterFile.ofLivingServer(home) != nil else { return false }
    let command = ServerCommand(binaries: binaries, account: try ServerAccount.current())
    let (succeeded, output) = try await command.run(
      "pg_ctl",
      ["stop", "--pgdata", home.data, "--mode", "fast", "--wait", "--timeout", "120", "--silent"]
    )
    guard succeeded else {
      throw PrivateServerError(
        code: .failed,
        description: "the server did not stop: " + Self.lastLine(of: output)
      )
    }
    return true
  }
}

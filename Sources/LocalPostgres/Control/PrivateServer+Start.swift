internal import FoundationEssentials
internal import Glibc
public import LocalPostgres
internal import PostgresClient
public import VectorSQL

extension PrivateServer {
  /// How a call to `start` ended.
  public enum StartOutcome: Sendable, Hashable {
    /// The server was started by this call.
    case started(RunningServer)
    /// It ran already.
    case alreadyRunning(RunningServer)

    /// The server, either way.
    public var server: RunningServer {
      switch self {
      case .started(let server), .alreadyRunning(let server): server
      }
    }
  }

  /// Starts the server, making its data first where there is none. Two calls at once give one server.
  ///
  /// - Parameter extensions: created in the database where the server has them installed (`vector`, `fastann`).
  /// - Throws: `PrivateServerError`; `PostgresError` when an extension cannot be created.
  public func start(binaries: ServerBinaries, extensions: [Identifier] = []) async throws -> StartOutcome {
    let account = try ServerAccount.current()
    try prepareFolders(account)
    let lock = try await FileLock(path: home.lock, seconds: 90)
    defer { withExtendedLifetime(lock) {} }
    if case .running(let server) = status {
      try await createExtensions(extensions, on: server)
      return .alreadyRunning(server)
    }
    let command = ServerCommand(binaries: binaries, account: account)
    if !isInitialised { try await initialise(command) }
    try await launch(command)
    let server = try requireRunning()
    try await createDatabase(on: server)
    try await createExtensions(extensions, on: server)
    return .started(server)
  }

  private func prepareFolders(_ account: ServerAccount) throws {
    for folder in [home.path, home.sockets] {
      do {
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
      } catch {
        throw PrivateServerError(
          code: .folder,
          description: "cannot make the folder \(folder); choose another with ADBVEC_HOME"
        )
      }
      if account.isDropped { chown(folder, account.userID, account.groupID) }
    }
    chmod(home.sockets, 0o700)
  }

  /// `initdb` into a folder beside the final one, which appears in one step.
  private func initialise(_ command: ServerCommand) async throws {
    try? FileManager.default.removeItem(atPath: home.unfinishedData)
    try writePassword(command.account)
    let (succeeded, output) = try await command.run(
      "initdb",
      [
        "--pgdata", home.unfinishedData, "--username", Self.roleAndDatabase, "--pwfile", home.password,
        "--auth-local", "trust", "--auth-host", "scram-sha-256", "--encoding", "UTF8", "--locale", "C",
        "--no-sync",
      ]
    )
    guard succeeded else {
      throw PrivateServerError(code: .failed, description: "initdb failed: " + Self.lastLine(of: output))
    }
    try FileManager.default.moveItem(atPath: home.unfinishedData, toPath: home.data)
  }

  private func writePassword(_ account: ServerAccount) throws {
    let alphabet = Array("abcdefghijkmnpqrstuvwxyzABCDEFGHJKLMNPQRSTUVWXYZ23456789".utf8)
    var generator = SystemRandomNumberGenerator()
    let password = (0..<24).map { _ in alphabet[Int.random(in: 0..<alphabet.count, using: &generator)] }
    guard
      FileManager.default.createFile(
        atPath: home.password,
        contents: Data(password),
        attributes: [.posixPermissions: 0o600]
      )
    else {
      throw PrivateServerError(code: .folder, description: "cannot write \(home.password)")
    }
    if account.isDropped { chown(home.password, account.userID, account.groupID) }
  }

  private func launch(_ command: ServerCommand) async throws {
    // What a killed server leaves behind. The lock is held and nothing lives, so nobody else needs these files.
    try? FileManager.default.removeItem(atPath: home.postmasterFile)
    let options = [
      "unix_socket_directories=\(home.sockets)", "unix_socket_permissions=0700", "listen_addresses=127.0.0.1",
      "shared_buffers=256MB", "maintenance_work_mem=256MB", "max_wal_size=4GB", "checkpoint_timeout=15min",
      "log_min_duration_statement=-1", "max_connections=300",
    ]
    let settings = options.map { "-c \(Self.shellQuoted($0))" }.joined(separator: " ")
    // Backends of a killed postmaster need a moment to notice and let go of its shared memory.
    for attempt in 1...40 {
      let (succeeded, output) = try await command.run(
        "pg_ctl",
        [
          "start", "--pgdata", home.data, "--log", home.log, "--wait", "--timeout", "120", "--silent",
          "--options",
          "\(settings) -p \(FreePort.find(preferred: preferredPort))",
        ]
      )
      if succeeded { return }
      let log = Self.tail(of: home.log)
      guard attempt < 40, log.contains("is still in use") || log.contains("already exists") else {
        throw PrivateServerError(
          code: .failed,
          description:
            "the server did not start: \(Self.lastLine(of: log.isEmpty ? output : log)); see \(home.log)"
        )
      }
      try await Task.sleep(for: .milliseconds(250))
    }
  }

  private func createDatabase(on server: RunningServer) async throws {
    let connection = try await PostgresConnection.connect(server.settings(database: "postgres"))
    let exists = Statement(
      "SELECT 1 FROM pg_database WHERE datname = $1",
      binds: [.text(Self.roleAndDatabase)]
    )
    if try await connection.query(exists).isEmpty {
      try await connection.query(Statement("CREATE DATABASE adbvec"))
    }
    await connection.close()
  }

  private func createExtensions(_ extensions: [Identifier], on server: RunningServer) async throws {
    guard !extensions.isEmpty else { return }
    let connection = try await PostgresConnection.connect(server.settings())
    for name in extensions {
      try await connection.query(Statement(trusted: "CREATE EXTENSION IF NOT EXISTS \(name.quoted) CASCADE"))
    }
    if extensions.contains("fastann") {
      // Its settings are known, and their ranges checked, only in sessions that have loaded the library.
      try await connection.query(Statement("ALTER DATABASE adbvec SET session_preload_libraries = 'fastann'"))
    }
    await connection.close()
  }

  /// The port of the last run, so that an address written down stays good.
  private var preferredPort: Int? {
    guard let options = FileManager.default.contents(atPath: home.data + "/postmaster.opts") else {
      return nil
    }
    let words = String(decoding: options, as: UTF8.self).split { $0.isWhitespace || $0 == "\"" }
    return words.firstIndex(of: "-p").flatMap { words.indices.contains($0 + 1) ? Int(words[$0 + 1]) : nil }
  }

  static func shellQuoted(_ text: String) -> String {
    "'" + text.split(separator: "'", omittingEmptySubsequences: false).joined(separator: "'\\''") + "'"
  }

  static func lastLine(of text: String) -> String {
    text.split(whereSeparator: \.isNewline).last.map(String.init) ?? "it printed nothing"
  }

  private static func tail(of path: String) -> String {
    guard let log = FileManager.default.contents(atPath: path) else { return "" }
    return String(decoding: log.suffix(2000), as: UTF8.self)
  }
}

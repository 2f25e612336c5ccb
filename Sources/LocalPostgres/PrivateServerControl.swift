internal import Basics
internal import FoundationEssentials
internal import Glibc
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
          description: "cannot make the folder \(folder). Fix: name another with ADBVEC_HOME"
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
    let settings = (options + Self.sharedMemoryOptions(freeBytes: SharedMemory.freeBytes)).map {
      "-c \(Self.shellQuoted($0))"
    }.joined(separator: " ")
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

  /// Whether the running server has an extension's files, so that `CREATE EXTENSION` can work.
  /// - Throws: `PrivateServerError` with code `notRunning`; `PostgresError`.
  public func hasExtensionFiles(_ name: Identifier) async throws -> Bool {
    let connection = try await PostgresConnection.connect(try requireRunning().settings())
    let query = Statement("SELECT 1 FROM pg_available_extensions WHERE name = $1", binds: [.text(name.name)])
    let isThere = try await !connection.query(query).isEmpty
    await connection.close()
    return isThere
  }

  /// Index builds by several workers put as much as `maintenance_work_mem` into `/dev/shm`, which containers limit to
  /// 64 MB; files in the data folder have no such limit. Unknown (nil) is left to the server.
  static func sharedMemoryOptions(freeBytes: UInt64?) -> [String] {
    guard let freeBytes, freeBytes < 1 << 30 else { return [] }
    return ["dynamic_shared_memory_type=mmap"]
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
    Quoting.shellWord(text)
  }

  static func lastLine(of text: String) -> String {
    text.split(whereSeparator: \.isNewline).last.map(String.init) ?? "it printed nothing"
  }

  private static func tail(of path: String) -> String {
    guard let log = FileManager.default.contents(atPath: path) else { return "" }
    return String(decoding: log.suffix(2000), as: UTF8.self)
  }
}

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

/// The file system of POSIX shared memory.
enum SharedMemory {
  /// The bytes that are free there; nil where there is none.
  static var freeBytes: UInt64? {
    var information = statvfs()
    guard statvfs("/dev/shm", &information) == 0 else { return nil }
    return UInt64(information.f_bavail).multipliedReportingOverflow(by: UInt64(information.f_frsize))
      .partialValue
  }
}

/// Finds a TCP port on loopback that nobody listens on.
enum FreePort {
  /// The preferred port when it is free, else one that the system gives.
  static func find(preferred: Int?) -> Int {
    if let preferred, let port = bind(to: preferred) { return port }
    return bind(to: 0) ?? 5432
  }

  /// Binds and lets go again; nil when the port is taken.
  private static func bind(to port: Int) -> Int? {
    let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
    guard descriptor >= 0 else { return nil }
    defer { close(descriptor) }
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_port = in_port_t(truncatingIfNeeded: port).bigEndian
    address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
    var size = socklen_t(MemoryLayout<sockaddr_in>.size)
    let bound = withUnsafeMutablePointer(to: &address) { pointer in
      pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { generic in
        Glibc.bind(descriptor, generic, size) == 0 && getsockname(descriptor, generic, &size) == 0
      }
    }
    return bound ? Int(in_port_t(bigEndian: address.sin_port)) : nil
  }
}

internal import Basics
internal import FoundationEssentials
internal import Glibc
public import PostgresClient

/// A PostgreSQL of this user's own: on a Unix socket and loopback, in a folder of its own, never as root.
public struct PrivateServer: Sendable {
  /// Where it keeps everything.
  public let home: ServerHome

  /// The one role and database that the server is made with.
  public static let roleAndDatabase = "adbvec"

  /// The server of a home; nothing is started.
  public init(home: ServerHome) {
    self.home = home
  }

  /// What is known of the server from outside.
  public enum Status: Sendable, Hashable {
    /// It takes connections.
    case running(RunningServer)
    /// There is data and no server.
    case stopped
    /// It was never started, or was destroyed.
    case absent
  }

  /// The state now; needs no connection and no PostgreSQL programs.
  public var status: Status {
    if let file = PostmasterFile.ofLivingServer(home), file.isReady {
      return .running(RunningServer(pid: file.pid, port: file.port, socketFolder: file.socketFolder))
    }
    return isInitialised ? .stopped : .absent
  }

  /// The running server.
  /// - Throws: `PrivateServerError` with code `notRunning`.
  public func requireRunning() throws -> RunningServer {
    guard case .running(let server) = status else {
      throw PrivateServerError(
        code: .notRunning,
        description: "the private server is not running; start it: adbvec db start"
      )
    }
    return server
  }

  package var isInitialised: Bool {
    FileManager.default.fileExists(atPath: home.data + "/PG_VERSION")
  }
}

/// A private server that takes connections.
public struct RunningServer: Sendable, Hashable {
  /// The postmaster's process id.
  public let pid: Int32
  /// The port, of the socket's name and on loopback.
  public let port: Int
  /// The folder of the Unix socket.
  public let socketFolder: String

  /// The address over the Unix socket; needs no password.
  public func url(database: String = PrivateServer.roleAndDatabase) -> String {
    // libpq refuses blanks, and a shell reads other characters.
    let host = PercentEncoding.text(socketFolder)
    return "postgresql://\(PrivateServer.roleAndDatabase)@\(host):\(port)/\(database)"
  }

  /// Settings for a connection over the Unix socket.
  public func settings(database: String = PrivateServer.roleAndDatabase) -> ConnectionSettings {
    ConnectionSettings(url: url(database: database))
  }
}

/// Why the private server could not do what was asked.
public struct PrivateServerError: Error, Sendable, Hashable, CustomStringConvertible {
  /// The kind of failure; open, so that a new kind breaks nobody's switch.
  public struct Code: Sendable, Hashable {
    let name: String

    /// No usable PostgreSQL programs were found.
    public static let noBinaries = Code(name: "noBinaries")
    /// No account to run the server as: PostgreSQL refuses root.
    public static let noAccount = Code(name: "noAccount")
    /// Another process holds the server's lock file.
    public static let busy = Code(name: "busy")
    /// `initdb` or the server itself failed.
    public static let failed = Code(name: "failed")
    /// Nothing runs.
    public static let notRunning = Code(name: "notRunning")
    /// A folder cannot be made or written.
    public static let folder = Code(name: "folder")
  }

  /// The kind of failure.
  public let code: Code
  /// One line: what, where, what to do.
  public let description: String

  package init(code: Code, description: String) {
    self.code = code
    self.description = description
  }
}

/// What a running server writes to `postmaster.pid`: a line each for pid, data folder, start time, port, socket folder,
/// listen address, shared memory and status (PostgreSQL source, `miscadmin.h`, LOCK_FILE_LINE_…).
package struct PostmasterFile: Hashable {
  let pid: Int32
  let dataFolder: String
  let port: Int
  let socketFolder: String
  let isReady: Bool

  /// Reads the text of the file; nil while the server has not written all of it.
  init?(_ text: String) {
    let lines = text.split(separator: "\n", omittingEmptySubsequences: false)
    guard lines.count >= 8, let pid = Int32(lines[0].drop { $0 == "-" }), let port = Int(lines[3]) else {
      return nil
    }
    self.pid = pid
    self.port = port
    dataFolder = String(lines[1])
    socketFolder = String(lines[4])
    isReady = lines[7].hasPrefix("ready")
  }

  /// The file of a home whose server is alive; nil without one, and for a file left by a server that was killed.
  package static func ofLivingServer(_ home: ServerHome) -> PostmasterFile? {
    guard let data = FileManager.default.contents(atPath: home.postmasterFile) else { return nil }
    guard let file = PostmasterFile(String(decoding: data, as: UTF8.self)) else { return nil }
    return file.isAlive ? file : nil
  }

  /// A pid may have been given to another program since, so the process must also name this data folder.
  private var isAlive: Bool {
    guard kill(pid, 0) == 0 || errno == EPERM else { return false }
    guard let arguments = FileManager.default.contents(atPath: "/proc/\(pid)/cmdline") else { return false }
    return arguments.split(separator: 0).contains { String(decoding: $0, as: UTF8.self) == dataFolder }
  }
}

/// Where a private server keeps everything: data, socket, log, lock and password.
public struct ServerHome: Sendable, Hashable {
  /// The folder.
  public let path: String

  /// A home at a path of the caller's choice; made absolute.
  public init(path: String) {
    self.path = path.hasPrefix("/") ? path : FileManager.default.currentDirectoryPath + "/" + path
  }

  /// The home for this user: `ADBVEC_HOME`, else `/var/lib/adbvec` for root (whose own folders the server's account
  /// cannot enter), else `adbvec` under the user's data folder (XDG Base Directory Specification).
  public static func standard(environment: [String: String]) -> ServerHome {
    if let chosen = environment["ADBVEC_HOME"], !chosen.isEmpty { return ServerHome(path: chosen) }
    if geteuid() == 0 { return ServerHome(path: "/var/lib/adbvec") }
    if let data = environment["XDG_DATA_HOME"], data.hasPrefix("/") {
      return ServerHome(path: data + "/adbvec")
    }
    return ServerHome(path: (environment["HOME"] ?? "/tmp") + "/.local/share/adbvec")
  }

  /// PostgreSQL's data folder.
  package var data: String { path + "/data" }
  /// Where `initdb` works before its result becomes `data`, so that a killed `initdb` leaves nothing half-made.
  package var unfinishedData: String { path + "/data.unfinished" }
  /// What the server prints.
  package var log: String { path + "/server.log" }
  /// Held while a server is started, stopped or destroyed.
  package var lock: String { path + "/lock" }
  /// The password for loopback connections, readable by the owner alone.
  package var password: String { path + "/password" }
  /// Written by the running server.
  package var postmasterFile: String { data + "/postmaster.pid" }

  /// The folder of the Unix socket. A socket's path may have 107 bytes (`sockaddr_un`); a long home moves it to `/tmp`.
  package var sockets: String {
    let inside = path + "/run"
    guard inside.utf8.count + "/.s.PGSQL.65535".utf8.count > 107 else { return inside }
    return "/tmp/adbvec-" + String(FNV1a(path).value, radix: 36)
  }
}

/// Where the commands keep what they fetched.
public enum CacheFolders {
  /// The folders to look in, the user's own choice first.
  public static func candidates(_ environment: [String: String]) -> [String] {
    var folders = ["/var/cache/adbvec"]
    if let home = environment["HOME"] { folders.insert(home + "/.cache/adbvec", at: 0) }
    if let cache = environment["XDG_CACHE_HOME"] { folders.insert(cache + "/adbvec", at: 0) }
    if let cache = environment["ADBVEC_CACHE"] { folders.insert(cache, at: 0) }
    return folders
  }

  /// The folder for what is fetched now. Root's own cache cannot be entered by the account that the server runs as.
  /// - Throws: `PrivateServerError` with code `folder`.
  static func writable(_ environment: [String: String]) throws -> String {
    let shared = [environment["ADBVEC_CACHE"], "/var/cache/adbvec"].compactMap { $0 }
    let folders = geteuid() == 0 ? shared : candidates(environment)
    for folder in folders {
      try? FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
      if FileManager.default.isWritableFile(atPath: folder) { return folder }
    }
    throw PrivateServerError(
      code: .folder,
      description:
        "none of \(folders.joined(separator: ", ")) can be written; name a folder with ADBVEC_CACHE"
    )
  }
}

/// An exclusive `flock` on a file; released when the value goes away, or when the process dies however it dies.
struct FileLock: ~Copyable {
  private let descriptor: Int32

  /// Waits up to `seconds` for the lock.
  /// - Throws: `PrivateServerError` with code `busy` or `folder`.
  init(path: String, seconds: Int) async throws {
    let opened = open(path, O_CREAT | O_RDWR | O_CLOEXEC, 0o600)
    guard opened >= 0 else {
      throw PrivateServerError(
        code: .folder,
        description: "cannot open \(path): \(String(cString: strerror(errno)))"
      )
    }
    for attempt in 0... {
      if flock(opened, LOCK_EX | LOCK_NB) == 0 { break }
      guard attempt < seconds * 20 else {
        Glibc.close(opened)
        throw PrivateServerError(
          code: .busy,
          description:
            "another adbvec is starting or stopping this server (\(path) is locked for \(seconds) s); try again"
        )
      }
      try await Task.sleep(for: .milliseconds(50))
    }
    descriptor = opened
  }

  deinit {
    Glibc.close(descriptor)
  }
}

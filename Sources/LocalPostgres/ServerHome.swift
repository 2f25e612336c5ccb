internal import FoundationEssentials
internal import Glibc

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
    return "/tmp/adbvec-" + String(fingerprint, radix: 36)
  }

  /// FNV-1a over the path: the same home always gives the same socket folder.
  private var fingerprint: UInt64 {
    path.utf8.reduce(0xcbf2_9ce4_8422_2325) { hash, byte in (hash ^ UInt64(byte)) &* 0x100_0000_01b3 }
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

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

internal import FoundationEssentials
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
    let folder = socketFolder.split(separator: "/").joined(separator: "%2F")
    return "postgresql://\(PrivateServer.roleAndDatabase)@%2F\(folder):\(port)/\(database)"
  }

  /// Settings for a connection over the Unix socket.
  public func settings(database: String = PrivateServer.roleAndDatabase) -> ConnectionSettings {
    ConnectionSettings(url: url(database: database))
  }
}

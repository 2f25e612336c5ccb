public import Logging
internal import NIOCore

extension SandboxServer {
  /// Where the sandbox listens, and where it forwards to.
  public struct Configuration: Sendable {
    /// The host to listen on.
    public var listenHost: String
    /// The port to listen on; 0 takes a free one.
    public var listenPort: Int
    /// Whether `listenHost` may be an address that other machines reach.
    public var allowsRemoteClients: Bool
    /// The server behind the sandbox.
    public var upstream: Upstream
    /// How long sessions may go on after the sandbox was told to stop.
    public var gracePeriod: Duration
    /// Where details go; none without one.
    public var logger: Logger?

    /// How long a client may take to send its startup packet (PostgreSQL's `authentication_timeout`).
    let startupTimeout = TimeAmount.seconds(60)

    /// A configuration; by default on loopback and a free port.
    public init(
      listenHost: String = "127.0.0.1",
      listenPort: Int = 0,
      upstream: Upstream,
      allowsRemoteClients: Bool = false,
      gracePeriod: Duration = .seconds(5),
      logger: Logger? = nil
    ) {
      self.listenHost = listenHost
      self.listenPort = listenPort
      self.upstream = upstream
      self.allowsRemoteClients = allowsRemoteClients
      self.gracePeriod = gracePeriod
      self.logger = logger
    }
  }

  /// The address of a PostgreSQL server.
  public struct Upstream: Sendable, Hashable, CustomStringConvertible {
    enum Address: Sendable, Hashable {
      case unixSocket(path: String)
      case tcp(host: String, port: Int)
    }

    let address: Address

    /// A Unix socket by its file, such as `/run/postgresql/.s.PGSQL.5432`.
    public static func unixSocket(_ path: String) -> Upstream { Upstream(address: .unixSocket(path: path)) }

    /// A host and a port.
    public static func tcp(_ host: String, _ port: Int) -> Upstream {
      Upstream(address: .tcp(host: host, port: port))
    }

    /// The address for people.
    public var description: String {
      switch address {
      case .unixSocket(let path): path
      case .tcp(let host, let port): host.contains(":") ? "[\(host)]:\(port)" : "\(host):\(port)"
      }
    }
  }
}

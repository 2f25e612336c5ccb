internal import Basics
public import Logging
internal import NIOConcurrencyHelpers
internal import NIOCore
internal import NIOPosix

/// A stand-in for AnalyticDB: takes PostgreSQL clients and forwards them to a PostgreSQL server, leaving out
/// of their SQL only what stock PostgreSQL cannot read: the distribution of `CREATE TABLE` and `ALTER TABLE`, the storage
/// options of append-optimised tables, and `gp_segment_id`.
///
/// Everything else passes byte for byte: authentication, COPY, cancel requests, notifications, replication. The sandbox
/// speaks no TLS and says so as PostgreSQL does. It claims to be nothing: what a client learns of the server comes from
/// the server.
///
/// Two limits: a word, comment or clause above 1 MiB passes unread, and strings are read as with
/// `standard_conforming_strings = on`, PostgreSQL's default.
public final class SandboxServer: Sendable {
  /// How it was set up.
  public let configuration: Configuration
  private let onEvent: @Sendable (SandboxEvent) -> Void
  private let boundPort = NIOLockedValueBox<Int?>(nil)

  /// A sandbox that does nothing until `run()`.
  /// - Parameter onEvent: called on an event loop's thread; it must not block.
  public init(
    configuration: Configuration,
    onEvent: @escaping @Sendable (SandboxEvent) -> Void = { _ in }
  ) {
    self.configuration = configuration
    self.onEvent = onEvent
  }

  /// The port that clients connect to; nil while the sandbox does not listen.
  public var port: Int? { boundPort.withLockedValue { $0 } }

  /// Listens and serves until the task is cancelled. Then no client is taken any more, commands under way are finished,
  /// and what is left after the grace period is cut off.
  /// - Throws: `SandboxError` when the address cannot be listened on.
  public func run() async throws {
    let sessions = SessionRegistry()
    let listener = try await listen(sessions)
    let port = listener.localAddress?.port ?? configuration.listenPort
    boundPort.withLockedValue { $0 = port }
    defer { boundPort.withLockedValue { $0 = nil } }
    onEvent(.listening(host: configuration.listenHost, port: port))
    await withTaskCancellationHandler {
      // A listener that fails by itself ends the run the same way.
      try? await listener.closeFuture.get()
    } onCancel: {
      listener.close(promise: nil)
    }
    await sessions.drain(within: configuration.gracePeriod)
  }

  private func listen(_ sessions: SessionRegistry) async throws -> any Channel {
    let address = try ListenAddress.resolve(configuration)
    let bootstrap = ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton)
      .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
      .serverChannelOption(.backlog, value: 256)
      .childChannelOption(.allowRemoteHalfClosure, value: true)
      .childChannelOption(.writeBufferWaterMark, value: Session.waterMark)
      .childChannelOption(.tcpOption(.tcp_nodelay), value: 1)
      .childChannelInitializer { self.accept($0, sessions) }
    do {
      return try await bootstrap.bind(to: address).get()
    } catch {
      throw SandboxError(
        code: .cannotListen,
        description: "cannot listen on \(configuration.listenHost):\(configuration.listenPort) (\(error)); "
          + "choose another port"
      )
    }
  }

  private func accept(_ channel: any Channel, _ sessions: SessionRegistry) -> EventLoopFuture<Void> {
    channel.eventLoop.makeCompletedFuture {
      let number = sessions.nextNumber()
      let handler = ClientHandler(session: self.session(number))
      try channel.pipeline.syncOperations.addHandler(handler)
      sessions.add(channel, handler)
    }
  }

  private func session(_ number: Int) -> Session {
    Session(
      number: number,
      configuration: configuration,
      logger: configuration.logger ?? Logger(label: "adbvec.sandbox") { _ in SwiftLogNoOpLogHandler() },
      report: onEvent
    )
  }
}

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

/// The address to listen on.
enum ListenAddress {
  /// Resolves the configured host.
  /// - Throws: `SandboxError` for an unknown host, and for one that other machines reach unless that was asked for.
  static func resolve(_ configuration: SandboxServer.Configuration) throws(SandboxError) -> SocketAddress {
    let host = configuration.listenHost
    guard
      (0...65_535).contains(configuration.listenPort),
      let address = try? SocketAddress.makeAddressResolvingHost(host, port: configuration.listenPort)
    else {
      throw SandboxError(
        code: .cannotListen,
        description:
          "\(host):\(configuration.listenPort) is not an address to listen on. Fix: use 127.0.0.1 and a port up to 65535"
      )
    }
    guard configuration.allowsRemoteClients || isLoopback(address) else {
      throw SandboxError(
        code: .notLoopback,
        description: "\(host) can be reached from other machines, and the sandbox speaks no TLS; "
          + "listen on 127.0.0.1, or allow remote clients"
      )
    }
    return address
  }

  private static func isLoopback(_ address: SocketAddress) -> Bool {
    switch address {
    case .v4: address.ipAddress?.hasPrefix("127.") ?? false
    case .v6: address.ipAddress == "::1"
    case .unixDomainSocket: false
    }
  }
}

/// Why a sandbox cannot listen.
public struct SandboxError: Error, Sendable, Hashable, CustomStringConvertible {
  /// The kind of failure; open, so that a new kind breaks nobody's switch.
  public struct Code: Sendable, Hashable {
    package let name: String

    /// The address is not this machine's own, and that was not asked for.
    public static let notLoopback = Code(name: "notLoopback")
    /// The address cannot be listened on.
    public static let cannotListen = Code(name: "cannotListen")
  }

  /// The kind of failure.
  public let code: Code
  /// One line: what, where, what to do.
  public let description: String
}

extension SandboxError: ReportedError {
  /// As JSON output shows it.
  package var reportedCode: String { snakeCase(code.name) }
}

/// What a sandbox tells whoever runs it. Holds no SQL text and no data.
public enum SandboxEvent: Sendable, Hashable {
  /// Clients can connect.
  case listening(host: String, port: Int)
  /// A client connected; sessions are counted from 1.
  case opened(session: Int)
  /// A client's connection ended.
  case closed(session: Int)
  /// A clause was left out of a statement.
  case leftOut(DistributionClause.Kind, session: Int)
  /// A client was turned away before it had a session.
  case refused(session: Int, reason: String)
  /// The server behind the sandbox could not be reached.
  case serverUnreachable(session: Int)
}

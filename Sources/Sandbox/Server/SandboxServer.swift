internal import Logging
internal import NIOConcurrencyHelpers
internal import NIOCore
internal import NIOPosix

/// A stand-in for AnalyticDB's front door: takes PostgreSQL clients and forwards them to a PostgreSQL server, leaving out
/// of their SQL only what stock PostgreSQL's parser cannot read: `DISTRIBUTED BY (…)`, `DISTRIBUTED RANDOMLY` and
/// `DISTRIBUTED REPLICATED` behind `CREATE TABLE`.
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

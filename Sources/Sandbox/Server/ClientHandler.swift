internal import Logging
internal import NIOCore
internal import NIOPosix

/// The client's end: feeds what it reads to a `ClientStream` and does what that says.
///
/// Only bytes for the server go on to the `GlueHandler` behind it, which is added once the server is connected.
final class ClientHandler: ChannelDuplexHandler {
  typealias InboundIn = ByteBuffer
  typealias InboundOut = ByteBuffer
  typealias OutboundIn = ByteBuffer
  typealias OutboundOut = ByteBuffer

  private enum Link {
    case none
    case connecting(queue: [ByteBuffer], sawEnd: Bool)
    case connected(server: GlueHandler)
    case closed
  }

  private let session: Session
  private var stream = ClientStream()
  private var link = Link.none
  private var wantsToRead = false
  private var isDraining = false
  private var deadline: Scheduled<Void>?

  init(session: Session) { self.session = session }

  func channelActive(context: ChannelHandlerContext) {
    session.report(.opened(session: session.number))
    let channel = context.channel
    deadline = context.eventLoop.scheduleTask(in: session.configuration.startupTimeout) {
      channel.close(promise: nil)
    }
    context.fireChannelActive()
  }

  func read(context: ChannelHandlerContext) {
    if case .connecting = link { wantsToRead = true } else { context.read() }
  }

  func channelRead(context: ChannelHandlerContext, data: NIOAny) {
    if isDraining { return }
    for action in stream.read(unwrapInboundIn(data)) { perform(action, context) }
  }

  func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
    if case .some(.inputClosed) = event as? ChannelEvent {
      switch link {
      case .none: return context.close(promise: nil)
      case .connecting(let queue, _):
        link = .connecting(queue: queue, sawEnd: true)
        return
      case .connected, .closed: break
      }
    }
    context.fireUserInboundEventTriggered(event)
  }

  func channelInactive(context: ChannelHandlerContext) {
    link = .closed
    deadline?.cancel()
    session.report(.closed(session: session.number))
    context.fireChannelInactive()
  }

  func errorCaught(context: ChannelHandlerContext, error: any Error) { context.close(promise: nil) }

  /// Lets the server finish what it was given, and then end the session.
  func drain(context: ChannelHandlerContext) {
    isDraining = true
    guard case .connected(let server) = link else { return context.close(promise: nil) }
    server.end(with: stream.isAtBoundary ? ServerMessage.terminate : nil)
  }

  private func perform(_ action: ClientStream.Action, _ context: ChannelHandlerContext) {
    switch action {
    case .answer(let bytes): context.writeAndFlush(wrapOutboundOut(bytes), promise: nil)
    case .connect(let isCancel): connect(context, isCancel: isCancel)
    case .forward(let bytes): forward(bytes, context)
    case .leftOut(let kind): session.report(.leftOut(kind, session: session.number))
    case .refuse(let refusal):
      session.report(.refused(session: session.number, reason: refusal.description))
      context.close(promise: nil)
    }
  }

  private func forward(_ bytes: ByteBuffer, _ context: ChannelHandlerContext) {
    if case .connecting(let queue, let sawEnd) = link {
      link = .connecting(queue: queue + [bytes], sawEnd: sawEnd)
    } else {
      context.fireChannelRead(wrapInboundOut(bytes))
    }
  }

  private func connect(_ context: ChannelHandlerContext, isCancel: Bool) {
    link = .connecting(queue: [], sawEnd: false)
    deadline?.cancel()
    session.connect(on: context.eventLoop).assumeIsolated().whenComplete { result in
      switch result {
      case .success(let server): self.connected(to: server, context)
      case .failure(let error): self.failed(error, isCancel: isCancel, context)
      }
    }
  }

  private func connected(to server: any Channel, _ context: ChannelHandlerContext) {
    guard case .connecting(let queue, let sawEnd) = link else { return server.close(promise: nil) }
    let (clientEnd, serverEnd) = GlueHandler.pair(lingering: session.linger)
    do {
      try server.pipeline.syncOperations.addHandler(serverEnd)
      try context.pipeline.syncOperations.addHandler(clientEnd, position: .after(self))
      try server.syncOptions?.setOption(.autoRead, value: true)
    } catch {
      server.close(promise: nil)
      return context.close(promise: nil)
    }
    link = .connected(server: serverEnd)
    for bytes in queue { context.fireChannelRead(wrapInboundOut(bytes)) }
    context.fireChannelReadComplete()
    if sawEnd { context.fireUserInboundEventTriggered(ChannelEvent.inputClosed) }
    if wantsToRead { context.read() }
  }

  private func failed(_ error: any Error, isCancel: Bool, _ context: ChannelHandlerContext) {
    guard case .connecting = link else { return }
    link = .closed
    session.logger.debug("no connection to the server", metadata: ["error": "\(error)"])
    session.report(.serverUnreachable(session: session.number))
    if isCancel { return context.close(promise: nil) }
    let message = ServerMessage.fatal(
      sqlState: "57P03",
      message: "the server behind the sandbox does not answer at \(session.configuration.upstream)",
      hint: "Is it running? The private server is started with: adbvec db start"
    )
    let channel = context.channel
    context.writeAndFlush(wrapOutboundOut(message)).whenComplete { _ in channel.close(promise: nil) }
  }
}

/// What a connection knows of the sandbox that it belongs to.
struct Session: Sendable {
  /// Counts connections from 1.
  let number: Int
  let configuration: SandboxServer.Configuration
  let logger: Logger
  let report: @Sendable (SandboxEvent) -> Void

  /// How long a client may take to notice that the server has closed.
  var linger: TimeAmount { .seconds(2) }

  /// A new connection to the server, which reads nothing until it is asked to.
  func connect(on loop: any EventLoop) -> EventLoopFuture<any Channel> {
    let bootstrap = ClientBootstrap(group: loop)
      .connectTimeout(.seconds(10))
      .channelOption(.autoRead, value: false)
      .channelOption(.allowRemoteHalfClosure, value: true)
      .channelOption(.writeBufferWaterMark, value: Self.waterMark)
    switch configuration.upstream.address {
    case .unixSocket(let path): return bootstrap.connect(unixDomainSocketPath: path)
    case .tcp(let host, let port):
      return bootstrap.channelOption(.tcpOption(.tcp_nodelay), value: 1).connect(host: host, port: port)
    }
  }

  /// A reader pauses above the upper mark of bytes not yet written on the other side, and goes on below the lower.
  static let waterMark = ChannelOptions.Types.WriteBufferWaterMark(low: 64 << 10, high: 256 << 10)
}

internal import NIOConcurrencyHelpers
internal import NIOCore

/// The connections that are open.
final class SessionRegistry: Sendable {
  private struct Entry: Sendable {
    let channel: any Channel
    let handler: NIOLoopBound<ClientHandler>

    func drain() {
      channel.eventLoop.execute {
        guard let context = try? channel.pipeline.syncOperations.context(handler: handler.value) else {
          return
        }
        handler.value.drain(context: context)
      }
    }
  }

  private struct State {
    var count = 0
    var isDraining = false
    var entries: [ObjectIdentifier: Entry] = [:]
  }

  private let state = NIOLockedValueBox(State())

  /// Numbers for sessions, from 1.
  func nextNumber() -> Int {
    state.withLockedValue { state in
      state.count += 1
      return state.count
    }
  }

  /// Keeps a connection until it closes; must be called on its event loop.
  func add(_ channel: any Channel, _ handler: ClientHandler) {
    let id = ObjectIdentifier(channel)
    let entry = Entry(channel: channel, handler: NIOLoopBound(handler, eventLoop: channel.eventLoop))
    let isLate = state.withLockedValue { state in
      state.entries[id] = entry
      return state.isDraining
    }
    channel.closeFuture.whenComplete { [state] _ in state.withLockedValue { $0.entries[id] = nil } }
    if isLate { channel.close(promise: nil) }
  }

  /// Ends all sessions: gently at first, and after the grace period at once.
  func drain(within gracePeriod: Duration) async {
    let open = state.withLockedValue { state in
      state.isDraining = true
      return Array(state.entries.values)
    }
    for entry in open { entry.drain() }
    // The task that runs the sandbox is cancelled already, so a child task could not sleep.
    let cut = Task.detached {
      try await Task.sleep(for: gracePeriod)
      for entry in open { entry.channel.close(promise: nil) }
    }
    for entry in open { try? await entry.channel.closeFuture.get() }
    cut.cancel()
  }
}

/// One of two ends that pass their bytes to each other, at the speed of the slower one.
///
/// An end reads only while the other can write, so memory stays bounded by the two channels' water marks. The end of a
/// stream travels as a half-close behind the last byte. Both channels must live on one event loop.
final class GlueHandler: ChannelDuplexHandler {
  typealias InboundIn = ByteBuffer
  typealias OutboundIn = ByteBuffer
  typealias OutboundOut = ByteBuffer

  private var partner: GlueHandler?
  private var context: ChannelHandlerContext?
  private var wantsToRead = false
  private let linger: TimeAmount?

  private init(linger: TimeAmount?) { self.linger = linger }

  /// Two ends that know each other.
  /// - Parameter lingering: how long the client's end stays open to reading behind the server's last byte. Closing a
  ///   socket with unread bytes in it resets the connection, and a reset can take the server's last message from the
  ///   client.
  static func pair(lingering: TimeAmount) -> (client: GlueHandler, server: GlueHandler) {
    let client = GlueHandler(linger: lingering)
    let server = GlueHandler(linger: nil)
    client.partner = server
    server.partner = client
    return (client, server)
  }

  func handlerAdded(context: ChannelHandlerContext) { self.context = context }

  func handlerRemoved(context: ChannelHandlerContext) {
    self.context = nil
    partner = nil
  }

  func channelRead(context: ChannelHandlerContext, data: NIOAny) { partner?.write(data) }

  func channelReadComplete(context: ChannelHandlerContext) { partner?.context?.flush() }

  func channelWritabilityChanged(context: ChannelHandlerContext) {
    if context.channel.isWritable { partner?.resumeReading() }
  }

  func read(context: ChannelHandlerContext) {
    if partner?.isWritable ?? false { context.read() } else { wantsToRead = true }
  }

  func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
    if case .some(.inputClosed) = event as? ChannelEvent { partner?.finish(.output) }
    context.fireUserInboundEventTriggered(event)
  }

  func channelInactive(context: ChannelHandlerContext) {
    partner?.finish(.all)
    context.fireChannelInactive()
  }

  func errorCaught(context: ChannelHandlerContext, error: any Error) { context.close(promise: nil) }

  /// Sends bytes of the sandbox's own and then the end of the stream.
  func end(with last: ByteBuffer?) {
    if let last { context?.write(wrapOutboundOut(last), promise: nil) }
    finish(.output)
  }

  /// Closes once everything written before has left. Closing at once would drop it.
  private func finish(_ mode: CloseMode) {
    guard let context else { return }
    let channel = context.channel
    let linger = linger
    context.writeAndFlush(wrapOutboundOut(ByteBuffer())).whenComplete { _ in
      channel.close(mode: mode, promise: nil)
      if let linger { channel.eventLoop.scheduleTask(in: linger) { channel.close(promise: nil) } }
    }
  }

  private func write(_ data: NIOAny) { context?.write(data, promise: nil) }

  private var isWritable: Bool { context?.channel.isWritable ?? false }

  private func resumeReading() {
    guard wantsToRead else { return }
    wantsToRead = false
    context?.read()
  }
}

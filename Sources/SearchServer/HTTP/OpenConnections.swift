internal import HTTPTypes
internal import NIOCore
internal import NIOHTTPTypes
internal import Basics

/// Knows every open connection, and closes those that are idle longest when there are too many.
final class OpenConnections: Sendable {
  private struct State {
    var open: [ObjectIdentifier: any Channel] = [:]
    var idle: [UInt64: ObjectIdentifier] = [:]
    var idleSince: [ObjectIdentifier: UInt64] = [:]
    var oldest: UInt64 = 0
    var next: UInt64 = 0
  }

  private let state = StateLock(State())
  private let maximum: Int
  private let onEviction: @Sendable () -> Void

  init(maximum: Int, onEviction: @escaping @Sendable () -> Void) {
    self.maximum = max(1, maximum)
    self.onEviction = onEviction
  }

  var count: Int { state.withLock { $0.open.count } }

  func opened(_ channel: any Channel) {
    let evicted = state.withLock { state in
      state.open[ObjectIdentifier(channel)] = channel
      setIdle(ObjectIdentifier(channel), &state)
      return state.open.count > maximum ? removeOldest(&state) : nil
    }
    guard let evicted else { return }
    onEviction()
    evicted.close(promise: nil)
  }

  func closed(_ channel: any Channel) {
    state.withLock { state in
      state.open[ObjectIdentifier(channel)] = nil
      setBusy(ObjectIdentifier(channel), &state)
    }
  }

  func becameBusy(_ channel: any Channel) {
    state.withLock { setBusy(ObjectIdentifier(channel), &$0) }
  }

  func becameIdle(_ channel: any Channel) {
    state.withLock { state in
      if state.open[ObjectIdentifier(channel)] != nil { setIdle(ObjectIdentifier(channel), &state) }
    }
  }

  private func setIdle(_ id: ObjectIdentifier, _ state: inout State) {
    setBusy(id, &state)
    state.idle[state.next] = id
    state.idleSince[id] = state.next
    state.next += 1
  }

  private func setBusy(_ id: ObjectIdentifier, _ state: inout State) {
    if let since = state.idleSince.removeValue(forKey: id) { state.idle[since] = nil }
  }

  private func removeOldest(_ state: inout State) -> (any Channel)? {
    while state.oldest < state.next {
      let id = state.idle.removeValue(forKey: state.oldest)
      state.oldest += 1
      guard let id else { continue }
      state.idleSince[id] = nil
      return state.open.removeValue(forKey: id)
    }
    return nil
  }
}

/// Reports the state of its connection, and closes connections that cannot or must not go on.
final class OpenConnectionsHandler: ChannelDuplexHandler, RemovableChannelHandler {
  typealias InboundIn = HTTPRequestPart
  typealias InboundOut = HTTPRequestPart
  typealias OutboundIn = HTTPResponsePart
  typealias OutboundOut = HTTPResponsePart

  private let connections: OpenConnections
  private var closesAfterResponse = false
  private var isReadingRequest = false
  private var requests = 0
  /// How long a client may go on sending a body that is not read, so that it sees the answer before the end.
  private let lingering = TimeAmount.seconds(2)

  init(connections: OpenConnections) {
    self.connections = connections
  }

  func handlerAdded(context: ChannelHandlerContext) {
    connections.opened(context.channel)
    // Behind the closing of the channel the connections must not keep it, in any state of the handlers.
    context.channel.closeFuture.whenComplete { [connections, channel = context.channel] _ in
      connections.closed(channel)
    }
  }

  func channelRead(context: ChannelHandlerContext, data: NIOAny) {
    switch unwrapInboundIn(data) {
    case .head:
      isReadingRequest = true
      requests += 1
      connections.becameBusy(context.channel)
    case .body: break
    case .end:
      isReadingRequest = false
    }
    context.fireChannelRead(data)
  }

  func write(context: ChannelHandlerContext, data: NIOAny, promise: EventLoopPromise<Void>?) {
    switch unwrapOutboundIn(data) {
    case .head(let head):
      if head.headerFields[.connection] == "close" { closesAfterResponse = true }
    case .body: break
    case .end:
      connections.becameIdle(context.channel)
      if isReadingRequest {
        closeUnlessReadToItsEnd(context: context)
      } else if closesAfterResponse {
        return close(context: context, after: data, promise: promise)
      }
    }
    context.write(data, promise: promise)
  }

  private func close(context: ChannelHandlerContext, after data: NIOAny, promise: EventLoopPromise<Void>?) {
    let written = promise ?? context.eventLoop.makePromise()
    written.futureResult.whenComplete { [channel = context.channel] _ in channel.close(promise: nil) }
    context.writeAndFlush(data, promise: written)
  }

  /// The answer stands, but the client still sends: it gets a little time to finish, and no more.
  private func closeUnlessReadToItsEnd(context: ChannelHandlerContext) {
    let answered = requests
    let channel = context.channel
    context.eventLoop.assumeIsolated().scheduleTask(in: lingering) { [self] in
      let isDone = requests > answered || !isReadingRequest
      if !isDone || closesAfterResponse { channel.close(promise: nil) }
    }
  }
}

internal import HTTPTypes
internal import NIOCore
internal import NIOHTTPTypes

/// Tells the ledger what its connection does, and ends connections that cannot or shall not go on.
final class ConnectionLedgerHandler: ChannelDuplexHandler, RemovableChannelHandler {
  typealias InboundIn = HTTPRequestPart
  typealias InboundOut = HTTPRequestPart
  typealias OutboundIn = HTTPResponsePart
  typealias OutboundOut = HTTPResponsePart

  private let ledger: ConnectionLedger
  private var closesAfterResponse = false
  private var isReadingRequest = false
  private var requests = 0
  /// How long a client may go on sending a body that nobody reads, so that it sees the answer before the end.
  private let lingering = TimeAmount.seconds(2)

  init(ledger: ConnectionLedger) {
    self.ledger = ledger
  }

  func handlerAdded(context: ChannelHandlerContext) {
    ledger.opened(context.channel)
    // Behind the closing of the channel the ledger must not keep it, whatever happened to the handlers.
    context.channel.closeFuture.whenComplete { [ledger, channel = context.channel] _ in ledger.closed(channel)
    }
  }

  func channelRead(context: ChannelHandlerContext, data: NIOAny) {
    switch unwrapInboundIn(data) {
    case .head:
      isReadingRequest = true
      requests += 1
      ledger.becameBusy(context.channel)
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
      ledger.becameIdle(context.channel)
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

import NIOCore
import NIOEmbedded
import Testing

@testable import Sandbox

/// Two joined ends without any network.
@Suite struct JoinedEndsTests {
  private let loop = EmbeddedEventLoop()
  private let reads = ReadCounter()
  private let client: EmbeddedChannel
  private let server: EmbeddedChannel

  init() throws {
    let ends = GlueHandler.pair(lingering: .seconds(2))
    client = EmbeddedChannel(handlers: [reads, ends.client], loop: loop)
    server = EmbeddedChannel(handlers: [ends.server], loop: loop)
    try client.connect(to: SocketAddress(unixDomainSocketPath: "/client")).wait()
    try server.connect(to: SocketAddress(unixDomainSocketPath: "/server")).wait()
  }

  @Test func passesBytesBothWays() throws {
    try client.writeInbound(ByteBuffer(string: "question"))
    #expect(try server.readOutbound(as: ByteBuffer.self) == ByteBuffer(string: "question"))
    try server.writeInbound(ByteBuffer(string: "answer"))
    #expect(try client.readOutbound(as: ByteBuffer.self) == ByteBuffer(string: "answer"))
  }

  @Test func readsOnlyWhileTheOtherEndCanWrite() {
    server.isWritable = false
    let before = reads.count
    client.read()
    #expect(reads.count == before)
    server.isWritable = true
    server.pipeline.fireChannelWritabilityChanged()
    #expect(reads.count == before + 1)
  }

  @Test func closesTheOtherEndBehindTheLastByte() throws {
    try server.writeInbound(ByteBuffer(string: "farewell"))
    try server.close().wait()
    loop.run()
    #expect(try client.readOutbound(as: ByteBuffer.self) == ByteBuffer(string: "farewell"))
    loop.advanceTime(by: .seconds(3))
    #expect(!client.isActive)
  }
}

/// Counts the reads that get through to the socket.
private final class ReadCounter: ChannelOutboundHandler {
  typealias OutboundIn = ByteBuffer
  private(set) var count = 0

  func read(context: ChannelHandlerContext) {
    count += 1
    context.read()
  }
}

internal import Logging
internal import NIOCore
internal import NIOPosix

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

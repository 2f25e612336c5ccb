internal import NIOCore

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
          "\(host):\(configuration.listenPort) is no address to listen on; use 127.0.0.1 and a port up to 65535"
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

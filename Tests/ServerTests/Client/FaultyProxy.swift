import Foundation
import Synchronization

/// `MSG_NOSIGNAL` of Linux, whose imported type differs with the modules around it.
private let noSignal: Int32 = 0x4000

/// Stands between client and server on the loopback and breaks connections after a number of bytes from the client.
final class FaultyProxy: Sendable {
  /// What happens to a connection.
  enum Fault: String, CaseIterable, Sendable {
    /// Both sides are closed.
    case cut
    /// Nothing passes any more, and nobody is told.
    case stall
    /// What was cut off never arrives, but the end of the stream does.
    case truncate
  }

  let port: UInt16
  private let listener: Int32
  private let serverPort: UInt16
  private let fault: Fault
  private let budgets: Mutex<[Int]>
  private let total = Mutex(0)
  private let held = Mutex<[Int32]>([])
  private let faultCount = Mutex(0)

  /// How many connections were broken.
  var faults: Int { faultCount.withLock { $0 } }

  /// - Parameter after: bytes from all clients together after which the next fault comes.
  init(port serverPort: UInt16, fault: Fault, after: [Int]) throws {
    self.serverPort = serverPort
    self.fault = fault
    budgets = Mutex(after)
    (listener, port) = try Loopback.listener()
    Loopback.take(clientsOf: listener, for: self) { $0.serve($1) }
  }

  deinit {
    Loopback.end(listener)
    for descriptor in held.withLock({ $0 }) { close(descriptor) }
  }

  private func serve(_ client: Int32) {
    let server = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
    var address = Loopback.address(serverPort)
    let isConnected = withUnsafePointer(to: &address) { pointer in
      pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        connect(server, $0, socklen_t(MemoryLayout<sockaddr_in>.size)) == 0
      }
    }
    guard isConnected else {
      close(client)
      close(server)
      return
    }
    held.withLock { $0 += [client, server] }
    Thread.detachNewThread { [self] in
      pump(from: client, to: server, counted: true)
    }
    Thread.detachNewThread { [self] in
      pump(from: server, to: client, counted: false)
    }
  }

  private func pump(from source: Int32, to sink: Int32, counted: Bool) {
    var buffer = [UInt8](repeating: 0, count: 4096)
    while true {
      let count = read(source, &buffer, buffer.count)
      guard count > 0 else { break }
      if counted, isDue(count) {
        fail(source, sink, buffer.prefix(count / 2))
        return
      }
      guard send(sink, buffer, count, noSignal) == count else { break }
    }
    shutdown(sink, Int32(SHUT_WR))
  }

  private func isDue(_ count: Int) -> Bool {
    let sum = total.withLock { total in
      total += count
      return total
    }
    return budgets.withLock { budgets in
      guard let first = budgets.first, sum >= first else { return false }
      budgets.removeFirst()
      return true
    }
  }

  private func fail(_ client: Int32, _ server: Int32, _ part: ArraySlice<UInt8>) {
    faultCount.withLock { $0 += 1 }
    switch fault {
    case .cut:
      shutdown(client, Int32(SHUT_RDWR))
      shutdown(server, Int32(SHUT_RDWR))
    case .truncate:
      _ = part.withUnsafeBytes { send(server, $0.baseAddress, $0.count, noSignal) }
      shutdown(server, Int32(SHUT_WR))
    case .stall:
      break
    }
  }
}

/// Sockets of this machine alone.
enum Loopback {
  static func address(_ port: UInt16) -> sockaddr_in {
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_port = port.bigEndian
    address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
    return address
  }

  /// A socket that listens on a port of the system's choice.
  static func listener() throws -> (socket: Int32, port: UInt16) {
    let listener = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
    var address = address(0)
    var length = socklen_t(MemoryLayout<sockaddr_in>.size)
    let bound = withUnsafeMutablePointer(to: &address) { pointer in
      pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        bind(listener, $0, length) == 0 && listen(listener, 16) == 0
          && getsockname(listener, $0, &length) == 0
      }
    }
    guard bound else { throw POSIXError(.EADDRNOTAVAIL) }
    return (listener, UInt16(bigEndian: address.sin_port))
  }

  /// Gives each client to the owner, as long as there is one.
  static func take<Owner: AnyObject & Sendable>(
    clientsOf listener: Int32,
    for owner: Owner,
    _ serve: @escaping @Sendable (Owner, Int32) -> Void
  ) {
    Thread.detachNewThread { [weak owner] in
      while true {
        let client = accept(listener, nil, nil)
        guard client >= 0, let owner else { return }
        serve(owner, client)
      }
    }
  }

  static func end(_ listener: Int32) {
    shutdown(listener, Int32(SHUT_RDWR))
    close(listener)
  }
}

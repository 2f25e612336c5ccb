import Foundation

/// A plain TCP socket to the sandbox, for clients that misbehave.
final class RawClient {
  private let descriptor: Int32

  /// Connects; calls then wait at most some seconds.
  /// - Parameter buffer: the size of the socket's receive buffer.
  init(port: Int, seconds: Int = 20, buffer: Int32? = nil) throws {
    descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
    var timeout = timeval(tv_sec: seconds, tv_usec: 0)
    for option in [SO_RCVTIMEO, SO_SNDTIMEO] {
      setsockopt(descriptor, SOL_SOCKET, option, &timeout, socklen_t(MemoryLayout<timeval>.size))
    }
    if var buffer { setsockopt(descriptor, SOL_SOCKET, SO_RCVBUF, &buffer, 4) }
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_port = in_port_t(port).bigEndian
    address.sin_addr.s_addr = inet_addr("127.0.0.1")
    let status = withUnsafePointer(to: &address) { pointer in
      pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        Glibc.connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
      }
    }
    guard status == 0 else {
      throw NeverHappened(description: "connect: \(String(cString: strerror(errno)))")
    }
  }

  deinit { close(descriptor) }

  /// Sends until everything is sent or the socket takes no more; gives the count.
  @discardableResult
  func send(_ bytes: [UInt8]) -> Int {
    var sent = 0
    while sent < bytes.count {
      let count = bytes[sent...].withUnsafeBytes {
        Glibc.send(descriptor, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL))
      }
      if count <= 0 { break }
      sent += count
    }
    return sent
  }

  /// The next bytes; empty at the end of the stream, nil when none came in time or the connection was reset.
  func receive() -> [UInt8]? {
    var buffer = [UInt8](repeating: 0, count: 1 << 16)
    let count = recv(descriptor, &buffer, buffer.count, 0)
    return count < 0 ? nil : Array(buffer[..<count])
  }

  /// Reads until a condition on all bytes so far is met, or to the end of the stream.
  func receive(until isEnough: ([UInt8]) -> Bool = { _ in false }) -> [UInt8] {
    var all: [UInt8] = []
    while !isEnough(all), let more = receive(), !more.isEmpty { all += more }
    return all
  }

  /// Logs in where no password is asked for; gives what came up to ReadyForQuery.
  func logIn(_ database: String) -> [UInt8] {
    send(RawMessage.startup(user: "adbvec", database: database))
    return receive { $0.suffix(6) == [UInt8(ascii: "Z"), 0, 0, 0, 5, UInt8(ascii: "I")] }
  }
}

/// Messages as bytes.
enum RawMessage {
  static func startup(user: String, database: String) -> [UInt8] {
    let text = "user\0\(user)\0database\0\(database)\0\0"
    return bigEndian(UInt32(text.utf8.count + 8)) + bigEndian(UInt32(3 << 16)) + Array(text.utf8)
  }

  static func query(_ sql: String) -> [UInt8] { message("Q", Array(sql.utf8) + [0]) }

  static func message(_ type: Character, _ body: [UInt8] = []) -> [UInt8] {
    [type.asciiValue ?? 0] + bigEndian(UInt32(body.count + 4)) + body
  }

  static func bigEndian(_ value: UInt32) -> [UInt8] { withUnsafeBytes(of: value.bigEndian) { Array($0) } }
}

import Foundation
import Synchronization

/// A server on loopback that gives one file, with byte ranges, and can break off or lie.
final class FileServer: Sendable {
  /// How it behaves.
  struct Behaviour: Sendable {
    /// Answers with this status and no file.
    var status: Int?
    /// Breaks the connection after this number of bytes of the file.
    var cutAfter: Int?
    /// Ignores ranges and sends the whole file, as simple servers do.
    var ignoresRanges = false
  }

  private let content: [UInt8]
  private let listener: Int32
  let behaviour: Mutex<Behaviour>
  let requests = Mutex<[String]>([])
  let port: UInt16

  /// Listens on a free port.
  init(_ content: [UInt8], _ behaviour: Behaviour = Behaviour()) throws {
    self.content = content
    self.behaviour = Mutex(behaviour)
    listener = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_addr.s_addr = UInt32(INADDR_LOOPBACK).bigEndian
    var length = socklen_t(MemoryLayout<sockaddr_in>.size)
    let (listener, size) = (listener, length)
    let bound = withUnsafeMutablePointer(to: &address) {
      $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        bind(listener, $0, size) == 0 && listen(listener, 8) == 0 && getsockname(listener, $0, &length) == 0
      }
    }
    guard bound else { throw POSIXError(.EADDRNOTAVAIL) }
    port = UInt16(bigEndian: address.sin_port)
    Thread { [weak self] in
      while true {
        let connection = accept(listener, nil, nil)
        guard connection >= 0, let self else { return }
        self.serve(connection)
        close(connection)
      }
    }.start()
  }

  deinit {
    shutdown(listener, Int32(SHUT_RDWR))
    close(listener)
  }

  /// The folder's address.
  var address: String { "http://127.0.0.1:\(port)/models/" }

  private func serve(_ connection: Int32) {
    var request = ""
    var buffer = [UInt8](repeating: 0, count: 4096)
    while !request.contains("\r\n\r\n") {
      let count = recv(connection, &buffer, buffer.count, 0)
      guard count > 0 else { return }
      request += String(decoding: buffer.prefix(count), as: UTF8.self)
    }
    requests.withLock { $0.append(request) }
    let behaviour = behaviour.withLock { $0 }
    var start = 0
    if !behaviour.ignoresRanges, let range = request.firstMatch(of: /(?i)\r\nrange: bytes=(\d+)-\r\n/) {
      start = Int(range.1) ?? 0
    }
    let status = behaviour.status ?? (start == 0 ? 200 : start >= content.count ? 416 : 206)
    let body = status == 200 || status == 206 ? Array(content[start...]) : []
    let place =
      status == 206 ? "Content-Range: bytes \(start)-\(content.count - 1)/\(content.count)\r\n" : ""
    let head =
      "HTTP/1.1 \(status) X\r\nContent-Length: \(body.count)\r\n\(place)Connection: close\r\n\r\n"
    send(
      Array(head.utf8) + body.prefix(behaviour.cutAfter.map { max(0, $0 - start) } ?? body.count),
      connection
    )
  }

  private func send(_ bytes: [UInt8], _ connection: Int32) {
    var sent = 0
    while sent < bytes.count {
      let count = bytes.withUnsafeBytes {
        Glibc.send(connection, $0.baseAddress?.advanced(by: sent), bytes.count - sent, Int32(MSG_NOSIGNAL))
      }
      guard count > 0 else { return }
      sent += count
    }
  }
}

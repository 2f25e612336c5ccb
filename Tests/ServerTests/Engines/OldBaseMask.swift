import Foundation
import Synchronization
import TestSupport

/// Stands between client and server and lets a PostgreSQL of today pass for Greenplum 6 or AnalyticDB 6, whose base is
/// PostgreSQL 9.4, or for Greenplum 7 with pgvector, on 12: it gives that version, leaves out what places rows, and writes
/// down every statement.
final class OldBaseMask: Sendable {
  private let listener: Int32
  private let port: UInt16
  private let socketPath: String
  private let base: Base
  private let texts = Mutex<[String]>([])
  private let held = Mutex<[Int32]>([])

  /// What clients sent so far.
  var statements: [String] { texts.withLock { $0 } }

  /// The address for clients.
  func url(database: String) -> String {
    "postgresql://adbvec@127.0.0.1:\(port)/\(database)?sslmode=disable&gssencmode=disable"
  }

  /// A server to pass for.
  struct Base: Sendable {
    /// The version of PostgreSQL that it stands on.
    let version: String
    /// What its `version()` says in brackets.
    let product: String
    /// The version of pgvector that it has.
    var pgvector = "0.8.0"
    /// `gp_role`: what a session does.
    var role = "dispatch"

    static let greenplum6 = Base(version: "9.4.26", product: "Greenplum Database 6.24.3 build commit:0")
    static let greenplum7 = Base(
      version: "12.12",
      product: "Greenplum Database 7.1.0 build commit:0",
      pgvector: "0.7.0"
    )
  }

  /// What a database needs to answer as Greenplum does: its version, a setting, a function, pgvector's version.
  static func script(database: String, as base: Base) -> String {
    """
    CREATE SCHEMA mask;
    CREATE FUNCTION mask.version() RETURNS text LANGUAGE sql AS
      $$ SELECT 'PostgreSQL \(base.version) (\(base.product)) on x86_64'::text $$;
    CREATE VIEW mask.pg_settings AS SELECT * FROM pg_catalog.pg_settings UNION ALL
      SELECT (jsonb_populate_record(NULL::pg_catalog.pg_settings,
                                    '{"name": "gp_role", "setting": "\(base.role)"}')).*;
    CREATE VIEW mask.pg_extension AS SELECT oid, extname, extnamespace,
      CASE extname WHEN 'vector' THEN '\(base.pgvector)' ELSE extversion END AS extversion FROM pg_catalog.pg_extension;
    CREATE FUNCTION mask.gp_dist_random(text) RETURNS TABLE (gp_segment_id int) LANGUAGE sql AS
      $$ SELECT generate_series(0, 1) $$;
    ALTER DATABASE \(database) SET search_path = mask, pg_catalog, public;
    """
  }

  /// - Parameter socketPath: the server's Unix socket.
  init(socketPath: String, as base: Base) throws {
    self.socketPath = socketPath
    self.base = base
    (listener, port) = try Loopback.listener()
    Loopback.take(clientsOf: listener, for: self) { $0.serve($1) }
  }

  deinit {
    Loopback.end(listener)
    for descriptor in held.withLock({ $0 }) { close(descriptor) }
  }

  private func serve(_ client: Int32) {
    let server = socket(AF_UNIX, Int32(SOCK_STREAM.rawValue), 0)
    held.withLock { $0 += [client, server] }
    var address = sockaddr_un()
    address.sun_family = sa_family_t(AF_UNIX)
    withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: Array(socketPath.utf8)) }
    let isConnected = withUnsafePointer(to: &address) { pointer in
      pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        connect(server, $0, socklen_t(MemoryLayout<sockaddr_un>.size)) == 0
      }
    }
    guard isConnected else { return shutdownBoth(client, server) }
    Thread.detachNewThread { [self] in
      pump(from: client, to: server, firstHasType: false) { type, body in read(type, body) }
    }
    Thread.detachNewThread { [self] in
      pump(from: server, to: client, firstHasType: true) { type, body in masked(type, body) }
    }
  }

  private func shutdownBoth(_ client: Int32, _ server: Int32) {
    shutdown(client, Int32(SHUT_RDWR))
    shutdown(server, Int32(SHUT_RDWR))
  }

  /// Hands on message by message: a type (the client's first has none), a length that counts itself, a body.
  private func pump(
    from source: Int32,
    to sink: Int32,
    firstHasType: Bool,
    _ change: (UInt8, [UInt8]) -> [UInt8]
  ) {
    var pending: [UInt8] = []
    var buffer = [UInt8](repeating: 0, count: 65_536)
    var hasType = firstHasType
    while true {
      let count = recv(source, &buffer, buffer.count, 0)
      guard count > 0 else { break }
      pending += buffer[..<count]
      var start = 0
      var output: [UInt8] = []
      while let length = Self.length(pending, at: start + (hasType ? 1 : 0)),
        pending.count - start >= length + (hasType ? 1 : 0)
      {
        let body = start + (hasType ? 5 : 4)
        let end = start + length + (hasType ? 1 : 0)
        let changed =
          hasType ? change(pending[start], Array(pending[body..<end])) : Array(pending[body..<end])
        if hasType { output.append(pending[start]) }
        withUnsafeBytes(of: UInt32(changed.count + 4).bigEndian) { output += $0 }
        output += changed
        start = end
        hasType = true
      }
      pending.removeFirst(start)
      guard output.isEmpty || send(sink, output, output.count, 0x4000) == output.count else { break }
    }
    shutdown(sink, Int32(SHUT_WR))
  }

  private static func length(_ bytes: [UInt8], at offset: Int) -> Int? {
    guard bytes.count >= offset + 4 else { return nil }
    return bytes[offset..<offset + 4].reduce(0) { $0 << 8 | Int($1) }
  }

  /// Query holds a text, Parse a name and a text.
  private func read(_ type: UInt8, _ body: [UInt8]) -> [UInt8] {
    guard type == UInt8(ascii: "Q") || type == UInt8(ascii: "P") else { return body }
    var parts = body.split(separator: 0, omittingEmptySubsequences: false).map(Array.init)
    let index = type == UInt8(ascii: "Q") ? 0 : 1
    let text = String(decoding: parts[index], as: UTF8.self)
    texts.withLock { $0.append(text) }
    parts[index] = Array(
      text.replacing(/(?i)alter table \S+ set distributed [^;]*/, with: "SELECT 1")
        .replacing(/(?i)\bdistributed (by *\([^)]*\)|randomly|replicated)/, with: "").utf8
    )
    return Array(parts.joined(separator: [0]))
  }

  /// ParameterStatus tells the version.
  private func masked(_ type: UInt8, _ body: [UInt8]) -> [UInt8] {
    let name = Array("server_version\0".utf8)
    guard type == UInt8(ascii: "S"), body.starts(with: name) else { return body }
    return name + Array("\(base.version)\0".utf8)
  }
}

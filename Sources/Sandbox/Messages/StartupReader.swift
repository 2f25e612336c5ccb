internal import NIOCore

/// Reads the packets before a session: requests for encryption, then the packet that the server must see.
///
/// They have a length and a code and no type byte ("Start-up", "SSL Session Encryption" and "Canceling Requests in
/// Progress" in PostgreSQL's "Message Flow").
struct StartupReader {
  enum Packet: Equatable {
    /// SSLRequest or GSSENCRequest; to be answered with `N`.
    case encryptionRequest
    /// A startup packet of any version; its bytes.
    case startup(ByteBuffer)
    /// CancelRequest; its bytes.
    case cancel(ByteBuffer)
  }

  private enum Code {
    static let cancel: UInt32 = 1234 << 16 | 5678
    static let tls: UInt32 = 1234 << 16 | 5679
    static let gssapi: UInt32 = 1234 << 16 | 5680
  }

  /// The first byte of a TLS record that opens a handshake, as sent with `sslnegotiation=direct`.
  private static let tlsHandshake: UInt8 = 0x16
  /// `MAX_STARTUP_PACKET_LENGTH` of PostgreSQL's `pqcomm.h`.
  private static let lengths = 8...10_000

  private var refused: Set<UInt32> = []

  /// Takes the next packet off the buffer; nil until it is whole.
  /// - Throws: `Refusal` when this is no PostgreSQL client.
  mutating func next(from buffer: inout ByteBuffer) throws(Refusal) -> Packet? {
    let start = buffer.readerIndex
    if buffer.getInteger(at: start, as: UInt8.self) == Self.tlsHandshake { throw .encrypted }
    guard let word = buffer.getInteger(at: start, as: UInt32.self) else { return nil }
    let length = Int(word)
    guard Self.lengths.contains(length) else { throw .notPostgres }
    guard let packet = buffer.readSlice(length: length) else { return nil }
    switch packet.getInteger(at: packet.readerIndex + 4, as: UInt32.self) {
    case .some(let code) where code == Code.tls || code == Code.gssapi:
      guard refused.insert(code).inserted else { throw .repeatedRequest }
      return .encryptionRequest
    case Code.cancel: return .cancel(packet)
    default: return .startup(packet)
    }
  }
}

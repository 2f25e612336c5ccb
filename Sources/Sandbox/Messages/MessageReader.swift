internal import NIOCore

/// Cuts a client's session into messages and leaves out in Query and Parse what only AnalyticDB reads; every other byte
/// stays as it is.
///
/// A clause becomes a line comment of the same length, `--STRIBUTED BY (id` and a line end, or a replacement of the same
/// length. So the message's length is
/// known before its text was read, and the server counts error positions in a text where every character stands
/// where the client put it: the server's side needs no reading at all.
struct MessageReader {
  private enum State {
    case header
    case body(remaining: Int)
    case statement(StatementBody, start: Int)
    /// The stream broke the protocol. The server judges it, and closes.
    case raw
  }

  private static let headerLength = 5
  private static let query = UInt8(ascii: "Q")
  private static let parse = UInt8(ascii: "P")

  private let limits: ReadingLimits
  private var state = State.header
  /// Bytes that were not passed on.
  private var pending = ByteBuffer()
  /// How many bytes of `pending` were looked at.
  private var cursor = 0

  init(limits: ReadingLimits = ReadingLimits()) { self.limits = limits }

  /// Whether the last byte passed on ended a message.
  var isAtBoundary: Bool {
    if case .header = state { return pending.readableBytes == 0 }
    return false
  }

  /// Reads what the client sent.
  /// - Returns: what the server may see now, and the clauses commented out.
  mutating func read(_ bytes: ByteBuffer) -> (passed: ByteBuffer, clauses: [DistributionClause.Kind]) {
    var bytes = bytes
    if pending.readableBytes == 0 { pending = bytes } else { pending.writeBuffer(&bytes) }
    var clauses: [DistributionClause.Kind] = []
    while advance(&clauses) {}
    return (pass(upTo: settled), clauses)
  }

  private var available: Int { pending.readableBytes - cursor }

  /// Does one step; false when it takes more bytes.
  private mutating func advance(_ clauses: inout [DistributionClause.Kind]) -> Bool {
    switch state {
    case .header: return readHeader()
    case .body(let remaining):
      let count = min(remaining, available)
      cursor += count
      state = count == remaining ? .header : .body(remaining: remaining - count)
      return count == remaining
    case .statement(let body, let start): return readStatement(body, start, &clauses)
    case .raw:
      cursor = pending.readableBytes
      return false
    }
  }

  private mutating func readHeader() -> Bool {
    let start = pending.readerIndex + cursor
    guard let type = pending.getInteger(at: start, as: UInt8.self),
      let length = pending.getInteger(at: start + 1, as: Int32.self)
    else { return false }
    guard length >= 4 else {
      state = .raw
      return true
    }
    cursor += Self.headerLength
    let remaining = Int(length) - 4
    let hasText = type == Self.query || type == Self.parse
    state =
      hasText && remaining > 0
      ? .statement(
        StatementBody(length: remaining, hasName: type == Self.parse, longestHold: limits.held),
        start: cursor
      )
      : .body(remaining: remaining)
    return true
  }

  private mutating func readStatement(
    _ body: StatementBody,
    _ start: Int,
    _ clauses: inout [DistributionClause.Kind]
  ) -> Bool {
    var body = body
    let count = min(body.remaining, available)
    guard count == body.remaining || (count > 0 && body.remaining > limits.collected) else {
      return false
    }
    let index = pending.readerIndex + cursor
    let found = body.read(pending.readableBytesView[index..<index + count])
    for clause in found {
      leaveOut(clause.shifted(by: pending.readerIndex + start))
      clauses.append(clause.kind)
    }
    cursor += count
    state = body.remaining == 0 ? .header : .statement(body, start: start)
    return body.remaining == 0
  }

  private mutating func leaveOut(_ clause: DistributionClause) {
    guard let replacement = clause.replacement, replacement.utf8.count <= clause.range.count else {
      return commentOut(clause.range)
    }
    let padding = repeatElement(UInt8(ascii: " "), count: clause.range.count - replacement.utf8.count)
    pending.setBytes(Array(replacement.utf8) + padding, at: clause.range.lowerBound)
  }

  /// Line ends inside would end the comment; everything else may stay, in any encoding.
  private mutating func commentOut(_ range: Range<Int>) {
    pending.setBytes([UInt8(ascii: "-"), UInt8(ascii: "-")], at: range.lowerBound)
    for index in range {
      let byte = pending.getInteger(at: index, as: UInt8.self)
      if byte == UInt8(ascii: "\n") || byte == UInt8(ascii: "\r") {
        pending.setInteger(UInt8(ascii: " "), at: index)
      }
    }
    pending.setInteger(UInt8(ascii: "\n"), at: range.upperBound - 1)
  }

  private var settled: Int {
    if case .statement(let body, let start) = state { return min(cursor, start + body.settled) }
    return cursor
  }

  private mutating func pass(upTo count: Int) -> ByteBuffer {
    let passed = pending.readSlice(length: count) ?? ByteBuffer()
    cursor -= count
    if case .statement(let body, let start) = state { state = .statement(body, start: start - count) }
    if pending.readableBytes == 0 { pending = ByteBuffer() } else { pending.discardReadBytes() }
    return passed
  }
}

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
  /// - Throws: `Refusal` when this is not a PostgreSQL client.
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

/// The messages that the sandbox itself sends.
enum ServerMessage {
  /// ErrorResponse with severity FATAL; the connection ends behind it.
  static func fatal(sqlState: String, message: String, hint: String) -> ByteBuffer {
    let fields: [(UInt8, String)] = [
      (UInt8(ascii: "S"), "FATAL"), (UInt8(ascii: "V"), "FATAL"), (UInt8(ascii: "C"), sqlState),
      (UInt8(ascii: "M"), message), (UInt8(ascii: "H"), hint),
    ]
    var body = ByteBuffer()
    for (name, value) in fields {
      body.writeInteger(name)
      body.writeNullTerminatedString(value)
    }
    body.writeInteger(UInt8(0))
    var buffer = ByteBuffer()
    buffer.writeInteger(UInt8(ascii: "E"))
    buffer.writeInteger(Int32(body.readableBytes + 4))
    buffer.writeBuffer(&body)
    return buffer
  }

  /// The client's Terminate, sent in its place when the sandbox shuts down.
  static let terminate = ByteBuffer(bytes: [UInt8(ascii: "X"), 0, 0, 0, 4])
}

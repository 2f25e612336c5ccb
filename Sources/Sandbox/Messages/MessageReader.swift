internal import NIOCore

/// Cuts a client's session into messages and comments out distribution clauses in Query and Parse; every other byte
/// stays as it is.
///
/// A clause becomes a line comment of the same length, `--STRIBUTED BY (id` and a line end. So the message's length is
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
      commentOut(clause.shifted(by: pending.readerIndex + start).range)
      clauses.append(clause.kind)
    }
    cursor += count
    state = body.remaining == 0 ? .header : .statement(body, start: start)
    return body.remaining == 0
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

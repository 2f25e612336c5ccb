internal import NIOCore

/// One client's side of a connection, from its first byte to its last; without any I/O.
struct ClientStream {
  /// What is to be done, in this order.
  enum Action: Equatable {
    /// Bytes for the client.
    case answer(ByteBuffer)
    /// The server is needed from now on.
    case connect(isCancel: Bool)
    /// Bytes for the server.
    case forward(ByteBuffer)
    /// A clause was left out of what goes to the server.
    case leftOut(DistributionClause.Kind)
    /// Nothing more is read; the connection is to be closed.
    case refuse(Refusal)
  }

  private enum Phase {
    case startup(StartupReader)
    case session(MessageReader)
    /// Behind a cancel request there is nothing to understand.
    case raw
    case refused
  }

  private var phase = Phase.startup(StartupReader())
  private var pending = ByteBuffer()
  private let limits: ReadingLimits

  init(limits: ReadingLimits = ReadingLimits()) { self.limits = limits }

  /// Whether a Terminate message may follow what was forwarded.
  var isAtBoundary: Bool {
    if case .session(let reader) = phase { return reader.isAtBoundary }
    return false
  }

  /// Reads what the client sent.
  mutating func read(_ bytes: ByteBuffer) -> [Action] {
    switch phase {
    case .startup(let reader): return start(reader, bytes)
    case .session(var reader):
      // Two owners of the reader's buffer would make it copy on every write.
      phase = .raw
      let (passed, clauses) = reader.read(bytes)
      phase = .session(reader)
      let forward: [Action] = passed.readableBytes > 0 ? [.forward(passed)] : []
      return clauses.map { .leftOut($0) } + forward
    case .raw: return [.forward(bytes)]
    case .refused: return []
    }
  }

  private mutating func start(_ reader: StartupReader, _ bytes: ByteBuffer) -> [Action] {
    var reader = reader
    var bytes = bytes
    pending.writeBuffer(&bytes)
    var actions: [Action] = []
    do throws(Refusal) {
      while let packet = try reader.next(from: &pending) {
        switch packet {
        case .encryptionRequest: actions.append(.answer(ByteBuffer(string: "N")))
        case .startup(let packet):
          return actions + begin(packet, isCancel: false, .session(MessageReader(limits: limits)))
        case .cancel(let packet): return actions + begin(packet, isCancel: true, .raw)
        }
      }
      phase = .startup(reader)
    } catch {
      phase = .refused
      actions.append(.refuse(error))
    }
    return actions
  }

  private mutating func begin(_ packet: ByteBuffer, isCancel: Bool, _ next: Phase) -> [Action] {
    phase = next
    let rest = pending
    pending = ByteBuffer()
    let opening: [Action] = [.connect(isCancel: isCancel), .forward(packet)]
    return rest.readableBytes > 0 ? opening + read(rest) : opening
  }
}

/// The body of a Query or Parse message on its way through.
///
/// Query: the text, NUL. Parse: a statement name, NUL, the text, NUL, the parameter types.
struct StatementBody {
  private enum Part { case name, text, rest }

  /// How many bytes are still to come.
  private(set) var remaining: Int
  private var part: Part
  private var examined = 0
  private var textStart = 0
  private var finder: ClauseFinder

  init(length: Int, hasName: Bool, longestHold: Int) {
    finder = ClauseFinder(longestHold: longestHold)
    remaining = length
    part = hasName ? .name : .text
  }

  /// All bytes before this place in the body may go to the server.
  var settled: Int { part == .text ? textStart + finder.settled : examined }

  /// Reads the next bytes of the body, no more than `remaining`.
  /// - Returns: the clauses now known, with their bytes counted from the start of the body.
  mutating func read(_ bytes: ByteBufferView) -> [DistributionClause] {
    var bytes = bytes
    remaining -= bytes.count
    if part == .name {
      let end = bytes.firstIndex(of: 0).map { $0 + 1 }
      take(&bytes, upTo: end ?? bytes.endIndex)
      if end != nil {
        textStart = examined
        part = .text
      }
    }
    guard part == .text else {
      examined += bytes.count
      return []
    }
    let end = bytes.firstIndex(of: 0)
    let text = bytes[..<(end ?? bytes.endIndex)]
    let isLast = end != nil || remaining == 0
    let clauses = finder.read(text, isLast: isLast).map { $0.shifted(by: textStart) }
    examined += bytes.count
    if isLast { part = .rest }
    return clauses
  }

  private mutating func take(_ bytes: inout ByteBufferView, upTo end: Int) {
    examined += end - bytes.startIndex
    bytes = bytes[end...]
  }
}

/// Why a client was turned away before it had a session.
struct Refusal: Error, Sendable, Hashable, CustomStringConvertible {
  let description: String

  static let encrypted = Refusal(
    description: "the client began with TLS, which the sandbox does not speak; use sslmode=disable or prefer"
  )
  static let notPostgres = Refusal(description: "the client does not speak PostgreSQL's protocol")
  static let repeatedRequest = Refusal(description: "the client asked for encryption again after a refusal")
}

/// How much of a client's stream is kept while its SQL is read, in bytes.
struct ReadingLimits {
  /// Messages up to this length are collected whole, so that most texts without the word are never lexed.
  var collected = 64 << 10
  /// Nothing longer than this is held back: text with a longer word, comment or clause passes on unread.
  var held = 1 << 20
}

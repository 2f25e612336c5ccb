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

/// What a prepared statement is known by: its text and the types of its parameters.
struct PreparedKey: Hashable, Sendable {
  let text: String
  let types: [UInt32]
}

/// The statements that a connection has prepared, the ones used least lately given up first.
struct StatementCache: Sendable {
  private var names: [PreparedKey: String] = [:]
  private var lastUse: [PreparedKey: Int] = [:]
  private var clock = 0
  private let limit: Int

  init(limit: Int = 256) {
    self.limit = limit
  }

  /// The server-side name of a statement that is prepared.
  mutating func name(_ key: PreparedKey) -> String? {
    guard let name = names[key] else { return nil }
    clock += 1
    lastUse[key] = clock
    return name
  }

  /// Names by key, for senders that must not change the cache.
  var all: [PreparedKey: String] { names }

  /// A name for a new statement; nobody had it before.
  mutating func freshName() -> String {
    clock += 1
    return "adbvec_\(clock)"
  }

  mutating func insert(_ key: PreparedKey, name: String) {
    names[key] = name
    lastUse[key] = clock
  }

  /// Takes out the statement to give up for a new one; nil while there is room.
  mutating func evict() -> String? {
    guard names.count >= limit, let oldest = lastUse.min(by: { $0.value < $1.value })?.key else { return nil }
    lastUse[oldest] = nil
    return names.removeValue(forKey: oldest)
  }

  mutating func remove(_ key: PreparedKey) -> String? {
    lastUse[key] = nil
    return names.removeValue(forKey: key)
  }

  mutating func removeAll() {
    names.removeAll()
    lastUse.removeAll()
  }
}

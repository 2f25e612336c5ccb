/// Where a table's rows lie on an engine with several nodes. On one node it says nothing.
public enum Placement: Sendable, Hashable {
  /// Spread by the first column of the key (Citus), or by the whole key (`DISTRIBUTED BY`).
  ///
  /// - `shards`: how many parts on Citus; nil takes the server's `citus.shard_count`. Elsewhere there is one a segment.
  /// - `colocatedWith`: a table whose rows with the same value lie on the same node, on Citus; nil with a number of shards
  ///   starts a group of its own.
  case distributed(shards: Int? = nil, colocatedWith: QualifiedName? = nil)
  /// A copy of all rows on every node: `DISTRIBUTED REPLICATED`, a reference table of Citus.
  case replicated
  /// On the node that clients connect to alone; where every table is spread, by the engine's own choice.
  case local

  /// Behind `CREATE TABLE`, where the engine reads it there.
  func clause(key: [Identifier]) -> SQL {
    switch self {
    case .distributed where !key.isEmpty:
      " DISTRIBUTED BY (\(key.map(SQL.identifier).joined(separator: ", ")))"
    case .replicated: " DISTRIBUTED REPLICATED"
    case .distributed, .local: .empty
    }
  }

  /// The call that places a table of Citus; nil for one that stays where it is.
  func call(table: QualifiedName, key: [Identifier]) -> SQL? {
    switch self {
    case .distributed(let shards, let other):
      guard let column = key.first else { return nil }
      var options: SQL = .empty
      if let other {
        options = ", colocate_with => \(other.quoted)"
      } else if let shards {
        options = ", shard_count => \(Int32(clamping: shards)), colocate_with => 'none'"
      }
      return "SELECT create_distributed_table(\(table.quoted), \(column.name)\(options))"
    case .replicated: return "SELECT create_reference_table(\(table.quoted))"
    case .local: return nil
    }
  }
}

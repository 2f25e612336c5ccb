internal import Basics
internal import ImageSearch
internal import PostgresClient
internal import VectorSQL

extension Check {
  /// Whether the table lies evenly on the nodes, with a valid index on each of its shards.
  static let shards = Check(name: "shards") { facts, expectations in
    guard let table = facts.table else { return .skipped(noColumn) }
    guard !facts.shards.isEmpty else {
      guard facts.server.engine.placement == .function, table.kind == .table else {
        return .skipped("the nodes' parts of the table could not be read")
      }
      let id = SQLValue.text(expectations.table.idColumn.name).literal
      return .warning(
        "the table lies on the coordinator alone; the workers have no part in it",
        fix: facts.asOwner(
          facts.dropOfKeys(expectations.table.idColumn)
            + Placement.call(table: SQLValue.text(table.name.quoted).literal, column: id) + ";"
        )
      )
    }
    let silent = facts.shards.filter { $0.problem != nil }
    if let first = silent.first {
      return .wrong(
        "\(silent.count) of \(facts.shards.count) shards do not answer, such as \(first.name) on \(first.node)"
          + "; searches and loads fail without them: \(first.problem ?? "")",
        fix: "start the server at \(first.node), or restore it; then run adbvec doctor again"
      )
    }
    let building = facts.shards.filter { $0.buildingIndexes > 0 }
    if let first = building.first {
      return .skipped(
        "indexes of \(building.count) of \(facts.shards.count) shards are being built, such as \(first.name) on "
          + "\(first.node); look again when they are done"
      )
    }
    let broken = facts.shards.filter { $0.invalidIndexes > 0 }
    if let first = broken.first {
      return .wrong(
        "\(broken.count) of \(facts.shards.count) shards have an index that a failed build left, such as \(first.name) on "
          + first.node,
        fix: facts.replacement(of: table.vectorIndexes)
      )
    }
    let bare = facts.shards.filter { $0.validIndexes == 0 && $0.rows != nil }
    if let first = bare.first, !table.vectorIndexes.isEmpty {
      return .wrong(
        "\(bare.count) of \(facts.shards.count) shards have no vector index, such as \(first.name) on \(first.node)",
        fix: facts.replacement(of: table.vectorIndexes)
      )
    }
    return recall(facts, table, expectations) ?? unevenness(facts, table, expectations) ?? bloat(facts, table)
      ?? buildMemory(facts) ?? cache(facts) ?? .ok(summary(facts.shards))
  }

  /// Small shards differ by chance.
  private static let smallRows = 1000
  private static let smallBytes = 16 << 20

  /// One shard, or one node, with much more than the mean: every search waits for the slowest.
  private static func unevenness(_ facts: Facts, _ table: VectorTable, _ expectations: Expectations)
    -> Judgement?
  {
    func share(_ values: [Int], above small: Int) -> Double? {
      guard values.count > 1, let largest = values.max() else { return nil }
      let mean = values.reduce(0, +) / values.count
      return mean > small ? Double(largest) / Double(mean) : nil
    }
    let rows = facts.shards.compactMap(\.rows)
    let parts =
      rows.count == facts.shards.count
      ? share(rows, above: smallRows) : share(facts.shards.map(\.bytes), above: smallBytes)
    if let parts, parts > 1.5 {
      return .warning(
        "the largest part has \(String(printf: "%.1f", parts)) times the mean, and every search waits for it",
        fix: facts.asOwner(spreading(facts, table.name.quoted, expectations.table.idColumn))
      )
    }
    return fullNode(facts)
  }

  /// What spreads the rows evenly: by their ids, or, where they are, over shards of equal ranges.
  private static func spreading(_ facts: Facts, _ name: String, _ id: Identifier) -> String {
    guard facts.server.engine.placement == .function else {
      // Without REORGANIZE nothing is done where the table is distributed by this column already.
      return "ALTER TABLE \(name) SET WITH (REORGANIZE=true)\(Placement.clause(by: [id.quoted]));"
    }
    let table = SQLValue.text(name).literal
    guard facts.placement.column != id.name else {
      let shards = Set(facts.shards.map(\.name)).count
      return "SELECT alter_distributed_table(\(table), shard_count => \(shards + shards % 2 + 2), "
        + "cascade_to_colocated => false);"
    }
    return facts.dropOfKeys(id)
      + "SELECT alter_distributed_table(\(table), distribution_column => \(SQLValue.text(id.name).literal));"
  }

  /// One node with much more than the mean, where moving a shard from it to the emptiest helps.
  private static func fullNode(_ facts: Facts) -> Judgement? {
    guard facts.server.engine.placement == .function, facts.placement.column != nil else { return nil }
    let empty = Dictionary(facts.placement.nodes.map { ($0, 0) }, uniquingKeysWith: { first, _ in first })
    let nodes = empty.merging(
      Dictionary(grouping: facts.shards, by: \.node).mapValues { $0.reduce(0) { $0 + $1.bytes } }
    ) { $1 }
    guard nodes.count > 1, let fullest = nodes.max(by: { ($0.value, $1.key) < ($1.value, $0.key) }),
      let least = nodes.values.min(),
      let part = facts.shards.filter({ $0.node == fullest.key }).map(\.bytes).min(),
      least + part < fullest.value
    else { return nil }
    let mean = nodes.values.reduce(0, +) / nodes.count
    guard mean > smallBytes, Double(fullest.value) > 1.5 * Double(mean) else { return nil }
    return .warning(
      "the node \(fullest.key) has \(String(printf: "%.1f", Double(fullest.value) / Double(mean))) times the mean "
        + "of \(nodes.count) nodes",
      fix: facts.rebalance
    )
  }

  /// Parts whose pages hold much that no search finds.
  private static func bloat(_ facts: Facts, _ table: VectorTable) -> Judgement? {
    let dead = facts.shards.filter { $0.deadRows > max(smallRows, ($0.rows ?? 0) / 5) }
    if let worst = dead.max(by: { $0.deadRows < $1.deadRows }) {
      return .warning(
        "\(dead.count) of \(facts.shards.count) shards hold rows that were deleted or replaced, such as \(worst.name) on "
          + "\(worst.node): \(worst.deadRows) beside \(worst.rows ?? 0); searches pass over them",
        fix: facts.asOwner("VACUUM \(table.name.quoted);")
      )
    }
    let sizes = facts.shards.compactMap { shard in
      shard.rows.flatMap { $0 > smallRows ? (shard, Double(shard.bytes) / Double($0)) : nil }
    }.sorted { $0.1 < $1.1 }
    guard let (worst, bytes) = sizes.last, worst.bytes > smallBytes, sizes.count > 1 else { return nil }
    let usual = sizes[(sizes.count - 1) / 2].1
    guard bytes > 2 * usual else { return nil }
    return .warning(
      "shard \(worst.name) on \(worst.node) takes \(Int(bytes)) bytes a row, half of the shards at most \(Int(usual)): its "
        + "pages are partly empty",
      fix: facts.asOwner("VACUUM (FULL, ANALYZE) \(table.name.quoted);")
        + " Searches and loads wait while it runs."
    )
  }

  /// One shard whose index finds less than the others do: the recall of all is hardly lower for it.
  private static func recall(
    _ facts: Facts,
    _ table: VectorTable,
    _ expectations: Expectations
  ) -> Judgement? {
    let known = facts.shards.filter { $0.neighbors >= 20 }
    guard let worst = known.min(by: { ($0.recall ?? 1) < ($1.recall ?? 1) }), let recall = worst.recall else {
      return nil
    }
    // Of few neighbours a good index misses more by chance: three standard deviations.
    let least = expectations.minimumRecall
    let chance = 3 * (least * (1 - least) / Double(worst.neighbors)).squareRoot()
    guard recall < least - chance else { return nil }
    let others = facts.shards.filter { $0.name != worst.name }
    let (found, wanted) = (
      others.reduce(0) { $0 + $1.foundNeighbors }, others.reduce(0) { $0 + $1.neighbors }
    )
    guard wanted > 0, Double(found) / Double(wanted) >= least else { return nil }
    return .wrong(
      "the index of shard \(worst.name) on \(worst.node) finds \(worst.foundNeighbors) of the \(worst.neighbors) "
        + "true neighbours that lie there, the others \(found) of \(wanted)",
      fix: facts.replacement(of: table.vectorIndexes)
    )
  }

  /// Indexes that do not fit in a node's memory are read from its disk by every search.
  private static func cache(_ facts: Facts) -> Judgement? {
    let nodes = Dictionary(grouping: facts.shards, by: \.node)
    for (node, shards) in nodes.sorted(by: { $0.key < $1.key }) {
      let bytes = shards.reduce(0) { $0 + $1.indexBytes }
      guard let cache = shards.compactMap(\.cache).min(), bytes / 1024 > cache else { continue }
      return .warning(
        "the vector indexes on \(node) take \(bytes >> 20) MB, more than the \(cache >> 10) MB that it expects to keep "
          + "in memory (effective_cache_size)",
        fix:
          "raise effective_cache_size there if its memory is larger; else add a worker with citus_add_node and run "
          + facts.rebalance
      )
    }
    return nil
  }

  /// An index is built on the nodes with the rows, with the memory that these give to it.
  private static func buildMemory(_ facts: Facts) -> Judgement? {
    let known = Dictionary(
      facts.shards.compactMap { shard in shard.buildMemory.map { (shard.node, $0) } },
      uniquingKeysWith: { first, _ in first }
    )
    guard let least = known.min(by: { $0.value < $1.value }), let most = known.values.max(),
      least.value < most
    else { return nil }
    let setting =
      "ALTER DATABASE \(Quoting.doubling(facts.database)) SET maintenance_work_mem = "
      + SQLValue.text("\(most)kB").literal
    return .warning(
      "\(least.key) builds its indexes with \(least.value / 1024) MB, another node with \(most / 1024) MB "
        + "(maintenance_work_mem)",
      fix: facts.onPrimary("SELECT * FROM run_command_on_workers(\(SQLValue.text(setting).literal));")
    )
  }

  private static func summary(_ shards: [Facts.Shard]) -> String {
    let nodes = Set(shards.map(\.node)).count
    let bytes = shards.map(\.bytes)
    var text = "\(shards.count) on \(nodes) \(nodes == 1 ? "node" : "nodes")"
    let rows = shards.compactMap(\.rows)
    if rows.count == shards.count, let least = rows.min(), let most = rows.max() {
      text += ", \(least) to \(most) rows"
    }
    let megabytes = (bytes.min() ?? 0, bytes.max() ?? 0)
    text += ", \(megabytes.0 >> 20) to \(megabytes.1 >> 20) MB each"
    let indexes = Dictionary(grouping: shards, by: \.node).mapValues { $0.reduce(0) { $0 + $1.indexBytes } }
    if let most = indexes.values.max(), most > 0, let cache = shards.compactMap(\.cache).min() {
      text +=
        "; vector indexes of \(most >> 20) MB on a node, which expects to keep \(cache >> 10) MB in memory"
    }
    let recalls = shards.compactMap(\.recall)
    guard let least = recalls.min(), let best = recalls.max() else { return text }
    return text + "; recall \(Int(least * 100)) to \(Int(best * 100)) %"
  }
}

extension Facts {
  /// What comes before rows can be spread by their ids: nothing that is unique may lack the id.
  fileprivate func dropOfKeys(_ id: Identifier) -> String {
    let keys = placement.keysWithoutID.joined(separator: ", ")
    return keys.isEmpty ? "" : "extend or drop \(keys), without \(id.quoted); then "
  }

  /// Moves shards from full nodes to others; without logical decoding writers of a shard wait while it moves.
  fileprivate var rebalance: String {
    onPrimary(
      placement.movesWhileWritten
        ? "SELECT citus_rebalance_start();"
        : "SELECT citus_rebalance_start(shard_transfer_mode => 'block_writes');"
    )
  }

  /// Drops indexes wherever they are left and makes them again on every shard. That of a partitioned table is not dropped
  /// concurrently, and its definition speaks of the table alone.
  fileprivate func replacement(of indexes: [VectorTable.Index]) -> String {
    let isPartitioned = table?.kind == .partitioned
    let drop = isPartitioned ? "DROP INDEX IF EXISTS" : "DROP INDEX CONCURRENTLY IF EXISTS"
    return asOwner(
      indexes.map { index in
        let definition =
          isPartitioned ? index.definition.replacing(" ON ONLY ", with: " ON ") : index.definition
        return "\(drop) \(index.name); \(definition);"
      }.joined(separator: " ")
    )
  }
}

internal import ImageSearch
internal import PostgresClient
internal import VectorSQL

/// The files that put an index on the vectors' signs, a bit for each number, in the place of the one on the vectors.
///
/// Searches find candidates by it and order them by the vectors. The server makes the bits and keeps them true to their rows, so
/// that no row is written, no column is added and no trigger is needed.
public struct FirstPassFiles: Sendable {
  private let table: ChangedTable
  private let limits: GateLimits
  private let metric: Metric
  private let name: Identifier
  private let old: [VectorTable.Index]

  /// The files of such a change.
  /// - Throws: `ChangeError` where the server has no such index, or the table has one.
  public init(_ table: ChangedTable, limits: GateLimits) throws {
    let (change, name) = (table.change, table.change.table.quoted)
    guard ["vector", "halfvec"].contains(table.column.typeName), table.server.isPgvector(atLeast: [0, 7])
    else {
      throw ChangeError(
        "\(change.column.quoted) of \(name) has the type \(table.column.type), and this server makes no index on the bits of it. Fix: "
          + (table.column.typeName.hasSuffix("[]")
            ? "an ann index WITH (pq_enable = 1) keeps small codes of the vectors by itself"
            : "ALTER EXTENSION vector UPDATE, to pgvector 0.7 or later")
      )
    }
    guard table.column.declaredDimension != nil else {
      throw ChangeError(
        "\(change.column.quoted) of \(name) declares no dimension, which an index on bits needs. Fix: ALTER TABLE \(name) ALTER "
          + "COLUMN \(change.column.quoted) TYPE \(table.column.type)(\(table.dimension))"
      )
    }
    guard !table.isUnderWay else {
      throw ChangeError(
        "\(name) has columns of a change. Fix: finish it first, with 'adbvec migrate new --contract'"
      )
    }
    let indexes = table.catalog.vectorIndexes
    if let known = indexes.first(where: { $0.firstPassMetric != nil }) {
      throw ChangeError(
        "\(name) has an index on the bits of \(change.column.quoted) already: \(known.name). Fix: DROP INDEX CONCURRENTLY "
          + "\(known.name), in a migration before the change, to make another"
      )
    }
    old = indexes.filter { $0.expression == nil && $0.predicate == nil }
    let metrics = Set(old.compactMap(\.metric))
    guard metrics.count < 2 else {
      throw ChangeError(
        "\(old.map(\.name).joined(separator: ", ")) of \(name) serve several metrics, and an index on bits finds candidates for "
          + "one. Fix: DROP INDEX CONCURRENTLY those that no search uses, in a migration before the change"
      )
    }
    let recorded = table.recipe?.recipe[.metric].flatMap { Metric(name: $0) }
    metric = metrics.first ?? recorded ?? .l2
    (self.table, self.limits) = (table, limits)
    self.name = try Identifier(validating: "\(change.table.name.name)_\(change.column.name)_bits")
  }

  private var change: VectorChange { table.change }

  /// What such an index holds, as `CREATE INDEX` writes it between the parentheses.
  static func key(_ table: ChangedTable, _ column: Identifier, _ dimension: Int) -> String {
    let schema = table.server.qualifier(of: "vector").map { table.change.sql($0) + "." } ?? ""
    return
      "(\(schema)binary_quantize(\(table.change.sql(column)))::bit(\(dimension))) \(schema)bit_hamming_ops"
  }

  /// What tells searches that they may use the index, and by which metric they order what it finds.
  static func comment(_ index: String, _ metric: Metric) -> String {
    "COMMENT ON INDEX \(index) IS '\(VectorTable.Index.firstPassComment)\(metric)';"
  }

  /// An index, its gate, and the end of the old one where there is one.
  public func files(_ title: String) -> [ChangeFiles.File] {
    var files = [ChangeFiles.File("\(title) index", index), ChangeFiles.File("\(title) gate", gate)]
    if !old.isEmpty { files.append(ChangeFiles.File("\(title) switch", end)) }
    let summary = "-- Searches of \(change.sql(change.table)).\(change.sql(change.column)) by bits first"
    return files.enumerated().map { number, file in
      (file.name, "\(summary), step \(number + 1) of \(files.count).\n" + file.text)
    }
  }

  private var concurrently: String { table.server.supportsConcurrentIndex ? "CONCURRENTLY " : "" }

  /// With the memory that a graph of these bytes a row needs.
  private func building(_ create: String, bytes: Int) -> String {
    guard !table.server.isDistributed else { return create }
    let memory = ChangeEstimate.graphKilobytes(rows: ChangeEstimate.rows(table), dimension: bytes / 4)
    return """
      SET maintenance_work_mem = '\(max(65_536, min(memory, 2_097_151)))kB';
      \(create)
      RESET maintenance_work_mem;
      """
  }

  private var index: String {
    let graph = old.first { $0.method == "hnsw" }?.options ?? [:]
    let list = graph.sorted { $0.key < $1.key }.map { "\($0.key) = '\($0.value)'" }.joined(separator: ", ")
    let create = """
      CREATE INDEX \(concurrently)\(change.sql(name)) ON \(change.sql(change.table))
        USING hnsw (\(Self.key(table, change.column, table.dimension)))\(list.isEmpty ? "" : "\n  WITH (\(list))");
      """
    return """
      -- An index on the sign of each number, built beside the one that serves searches. Its comment tells searches that its
      -- candidates are to be ordered by the vectors themselves; they use it once no other index serves them.
      -- migrate:up transaction:false
      \(building(create, bytes: table.dimension / 8))
      \(Self.comment(change.inSchema(name), metric))

      -- migrate:down transaction:false
      DROP INDEX \(concurrently)IF EXISTS \(change.inSchema(name));

      """
  }

  private var gate: String {
    let table = [change.table.schema?.name, change.table.name.name].compactMap(\.self).joined(separator: ".")
    return """
      -- Searches by both indexes on a sample: the share of the true neighbours that each finds. Fewer than the limit end the run
      -- here. Numbers and chart are written beside this file.
      -- migrate:up transaction:false
      -- adbvec:gate table=\(table) column=\(change.column.name) of=\(change.column.name) id=\(change.idColumn.name) first-pass=bits
      --   \(limits.words)

      -- migrate:down transaction:false
      -- There is nothing to undo.

      """
  }

  private var end: String {
    let drops = old.map { "DROP INDEX \(concurrently)IF EXISTS \($0.name);" }.joined(separator: "\n")
    let creates = old.map { index in
      let definition =
        index.definition.hasPrefix("CREATE INDEX ") ? index.definition.dropFirst(13) : index.definition[...]
      return "CREATE INDEX \(concurrently)\(definition);"
    }
    return """
      -- Searches go by the bits as soon as the index on the vectors is gone. The way down builds that again, beside searches by
      -- the bits.
      -- migrate:up transaction:false
      \(drops)

      -- migrate:down transaction:false
      \(building(creates.joined(separator: "\n"), bytes: table.dimension * 4))

      """
  }
}

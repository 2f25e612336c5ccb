internal import Basics

/// An index on a vector column, with the metric that its queries use.
public struct IndexDefinition: Sendable {
  /// The table indexed.
  public var table: QualifiedName
  /// The column indexed.
  public var column: VectorColumn
  /// What near means; the same value that the queries carry.
  public var metric: Metric
  /// How the index works.
  public var method: IndexMethod
  /// The index's name; nil for one made of the table's and the column's names.
  public var name: Identifier?
  /// Skips the statement when an index of that name is there.
  public var ifNotExists = false
  /// Lets writers go on during the build; not inside a transaction.
  public var concurrently = false
  /// Rows that are in the index; nil for all.
  public var condition: Condition?

  /// An index on a column.
  public init(
    on table: QualifiedName,
    _ column: VectorColumn,
    by metric: Metric,
    using method: IndexMethod,
    name: Identifier? = nil
  ) {
    self.table = table
    self.column = column
    self.metric = metric
    self.method = method
    self.name = name
  }

  /// `CREATE INDEX` as a fragment.
  public var sql: SQL {
    .perDialect { dialect throws(RenderingError) in try dialect.renderIndex(self, dialect) }
  }

  /// `CREATE INDEX` as a statement.
  /// - Throws: `RenderingError` for an option out of range, or a method or metric that the dialect lacks.
  public func rendered(
    for dialect: Dialect,
    layout: TextLayout = .compact
  ) throws(RenderingError) -> Statement {
    try sql.rendered(for: dialect, layout: layout)
  }
}

extension IndexDefinition {
  /// The frame that all index methods share.
  ///
  /// A dialect of one's own calls this with its method, key and options.
  public func createIndex(
    _ dialect: Dialect,
    method: String,
    key: SQL,
    options: [SQL]
  ) throws(RenderingError) -> SQL {
    let concurrent = try word("CONCURRENTLY ", if: concurrently, dialect.capabilities.concurrently, dialect)
    let unlessThere = try word(
      "IF NOT EXISTS ",
      if: ifNotExists,
      dialect.capabilities.indexIfNotExists,
      dialect
    )
    let indexName = SQL.identifier(try effectiveName())
    let with = options.isEmpty ? SQL.empty : "WITH (\(options.joined(separator: ", ")))"
    let filter = condition.map { "WHERE \($0)" as SQL } ?? .empty
    return [
      "CREATE INDEX \(concurrent)\(unlessThere)\(indexName)",
      "ON \(table: table) USING \(.keyword(method)) (\(key))",
      with, filter,
    ].clauses
  }

  /// The name given, or one made of table, column and method, shortened with a checksum where it is too long.
  public func effectiveName() throws(RenderingError) -> Identifier {
    if let name { return name }
    let suffix = "_" + column.name.name + "_" + method.suffix
    let full = table.name.name + suffix
    guard full.utf8.count > Identifier.maximumBytes else { return Identifier(unchecked: full) }
    let mark = "_" + SQLValue.hex(FNV1a(full).value & 0xffff_ffff, digits: 8)
    var head = ""
    for scalar in full.unicodeScalars {
      let next = head + String(scalar)
      if next.utf8.count + mark.utf8.count > Identifier.maximumBytes { break }
      head = next
    }
    return Identifier(unchecked: head + mark)
  }

  private func word(
    _ word: SQL,
    if wanted: Bool,
    _ known: Bool,
    _ dialect: Dialect
  ) throws(RenderingError) -> SQL {
    guard wanted else { return .empty }
    guard known else {
      let name = try word.rendered(for: dialect).text
      throw RenderingError(
        .unsupportedFeature,
        "the dialect \(dialect) has no CREATE INDEX \(name)on this server; leave it out"
      )
    }
    return word
  }
}

extension IndexMethod {
  var suffix: String {
    switch self {
    case .hnsw: "hnsw"
    case .ivfflat: "ivfflat"
    case .ann: "ann"
    case .binaryQuantized: "bq"
    case .halfPrecision: "half"
    }
  }
}

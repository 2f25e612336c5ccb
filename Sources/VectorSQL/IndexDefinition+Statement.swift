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
    let mark = "_" + SQLValue.hex(full.stableHash & 0xffff_ffff, digits: 8)
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

extension String {
  /// FNV-1a, the same in every run and on every machine.
  var stableHash: UInt64 {
    utf8.reduce(0xcbf2_9ce4_8422_2325) { ($0 ^ UInt64($1)) &* 0x100_0000_01b3 }
  }
}

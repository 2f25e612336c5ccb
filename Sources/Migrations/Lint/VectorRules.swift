import Basics
internal import SQLLexer
internal import VectorSQL

/// What is wrong with vector columns and their indexes.
extension Linter {
  mutating func checkVectors(_ statement: SQLStatement) {
    if let shape = statement.tableShape { checkKeys(shape, statement) }
    if let index = statement.indexShape { check(index, statement) }
    checkStorage(statement)
    checkLoad(statement)
    checkSupport(statement)
  }

  private mutating func check(_ index: IndexShape, _ statement: SQLStatement) {
    let table = catalog.tables[LintCatalog.key(index.build.table)]
    if index.isUnique, let key = table?.distribution, capabilities.contains(.distribution) {
      checkKey(index.columns.compactMap(\.self), key, statement)
    }
    guard let options = IndexOption.known(by: index.method) else { return }
    checkOptions(index, options, statement)
    guard let name = index.columns.first.flatMap({ $0 }), let column = table?.columns[name] else { return }
    checkDimension(index, column, statement)
    checkMetric(index, column, statement)
    if index.method == "ann" {
      if !column.isPlain {
        report(
          .notPlain,
          "the column \(name) is not STORAGE PLAIN",
          hint: "ALTER TABLE \(index.build.table) ALTER COLUMN \(name) SET STORAGE PLAIN before the index",
          statement
        )
      }
      if ["1", "on", "true"].contains(index.option("pq_enable") ?? ""), table?.hasRows == false {
        report(
          .quantisesNothing,
          "the table is empty, and quantisation learns from its rows",
          hint: "load first; it pays above some 500,000 rows",
          statement
        )
      }
    }
  }

  private mutating func checkOptions(_ index: IndexShape, _ known: [IndexOption], _ statement: SQLStatement) {
    for option in index.options {
      guard let rule = known.first(where: { $0.name == option.name }) else {
        let near = Suggestion.nearest(to: option.name, in: known.map(\.name).sorted())
        report(
          .unknownOption,
          "\(index.method) has no option \(option.name)\(near)",
          statement,
          token: option.token
        )
        continue
      }
      if let version = productVersion, let versions = rule.versions, !versions.contains(version) {
        report(
          .unknownOption,
          "AnalyticDB \(version).0 refuses the option \(option.name)",
          statement,
          token: option.token
        )
      }
      if let range = rule.range, let value = Int(option.value), !range.contains(value) {
        report(
          .optionRange,
          "\(option.name) = \(value) is outside \(range.lowerBound)…\(range.upperBound)",
          statement,
          token: option.token
        )
      }
    }
    let (m, construction) = HNSWOptions.defaults
    if index.method == "hnsw", let m = Int(index.option("m") ?? String(m)),
      let construction = Int(index.option("ef_construction") ?? String(construction)), construction < 2 * m
    {
      report(.optionRange, "ef_construction = \(construction) is below 2 * m = \(2 * m)", statement)
    }
    if index.method == "ann", index.option("dim") == nil {
      report(.noDimension, "an ann index needs the option dim", statement)
    }
  }

  private mutating func checkDimension(
    _ index: IndexShape,
    _ column: LintCatalog.Column,
    _ statement: SQLStatement
  ) {
    let wanted = column.dimensions ?? declaredDimension
    if let dim = index.option("dim").flatMap({ Int($0) }), let wanted, dim != wanted {
      report(
        .dimension,
        "the index has dim = \(dim), the column \(wanted)",
        hint: "write {{dim}} in both places",
        statement
      )
    }
    guard index.method != "ann" else { return }
    guard let dimensions = column.dimensions else {
      if ["vector", "halfvec"].contains(column.type) {
        report(.noDimension, "the column has no dimensions", hint: "write \(column.type)(n)", statement)
      }
      return
    }
    let limits = Dialect.pgvector
    if let limit = limits.maximumIndexedDimension(ofType: column.type), dimensions > limit {
      let half =
        limits.maximumIndexedDimension(ofType: "halfvec").map { "use halfvec up to \($0), or " } ?? ""
      report(
        .tooManyDimensions,
        "\(column.type) can be indexed up to \(limit) dimensions, this has \(dimensions)",
        hint: column.type == "vector" ? half + "index binary_quantize(…)" : nil,
        statement
      )
    }
  }

  private var declaredDimension: Int? {
    guard case .int(let dim)? = parameters.values["dim"] else { return nil }
    return dim
  }

  private mutating func checkMetric(
    _ index: IndexShape,
    _ column: LintCatalog.Column,
    _ statement: SQLStatement
  ) {
    let parts = index.opclass?.split(separator: "_").map(String.init) ?? []
    if let type = parts.first, parts.count == 3, ["vector", "halfvec", "bit", "sparsevec"].contains(type),
      type != column.type, index.method != "ann"
    {
      report(
        .opclass,
        "\(index.opclass ?? "") is for \(type), the column is \(column.type)",
        hint: "use \(column.type)_\(parts[1])_ops",
        statement
      )
    }
    guard case .choice(let wanted)? = parameters.values["distance"] else { return }
    let served =
      index.method == "ann" ? index.option("distancemeasure") ?? "l2" : parts.count == 3 ? parts[1] : nil
    if let served, served != wanted {
      report(.metric, "the index serves \(served), the parameter distance is \(wanted)", statement)
    }
  }

  private mutating func checkStorage(_ statement: SQLStatement) {
    guard let table = statement.alteredTable else { return }
    for index in statement.tokens.indices {
      guard let name = statement.alteredColumn(at: index),
        statement.hasWords("set", "storage", "plain", at: index + 1),
        let column = catalog.tables[table]?.columns[name]
      else { continue }
      // The page's head and line pointer, the row's head, an integer key, and the value's own head.
      let width = (column.type == "halfvec" ? 2 : 4) * (column.dimensions ?? declaredDimension ?? 0) + 64
      if width > pageSize {
        report(
          .plainTooWide,
          "a row with this vector takes \(width) bytes, a page has \(pageSize)",
          hint: "leave its storage as it is",
          statement,
          token: index
        )
      }
    }
  }

  private mutating func checkLoad(_ statement: SQLStatement) {
    guard let name = statement.loadedTable, let table = catalog.tables[name], table.vectorIndexes > 0 else {
      return
    }
    report(
      .indexBeforeLoad,
      "\(name) has a vector index already, and every row is put into it one by one",
      hint: "load first, then build the index",
      statement
    )
  }

  private mutating func checkKeys(_ shape: TableShape, _ statement: SQLStatement) {
    guard capabilities.contains(.distribution), let key = shape.distribution else { return }
    for columns in shape.keys { checkKey(columns, key, statement) }
  }

  private mutating func checkKey(_ columns: [String], _ key: [String], _ statement: SQLStatement) {
    guard key.isEmpty || !key.allSatisfy(columns.contains) else { return }
    let distribution = key.isEmpty ? "RANDOMLY" : "BY (\(key.joined(separator: ", ")))"
    report(
      .distributionKey,
      "the key (\(columns.joined(separator: ", "))) does not contain the table's distribution \(distribution)",
      hint: "add the distribution column to the key",
      statement
    )
  }

  private mutating func checkSupport(_ statement: SQLStatement) {
    if let name = statement.refusesTransaction, name.hasSuffix("INDEX CONCURRENTLY"),
      name.hasPrefix("CREATE"),
      !capabilities.contains(.concurrentIndex)
    {
      report(
        .unsupported,
        "\(name) is not supported on \(dialect)",
        hint: "leave CONCURRENTLY out",
        statement
      )
    }
    if statement.indexBuild != nil, statement.mentionsPhrase("if", "not", "exists"),
      !capabilities.contains(.indexIfNotExists)
    {
      report(
        .unsupported,
        "CREATE INDEX IF NOT EXISTS is not supported on \(dialect)",
        hint: "leave IF NOT EXISTS out",
        statement
      )
    }
    if statement.tableShape != nil, statement.distributionClause != nil, !capabilities.contains(.distribution)
    {
      report(
        .unsupported,
        "DISTRIBUTED is not supported on \(dialect)",
        hint: "put it inside {{#capability distribution}} … {{/capability}}",
        statement
      )
    }
    if dialect == .analyticDB, productVersion ?? 6 < 7, statement.mentionsPhrase("as", "identity") {
      report(
        .unsupported,
        "identity columns are not supported before AnalyticDB 7.0",
        hint: "use bigserial",
        statement
      )
    }
  }
}

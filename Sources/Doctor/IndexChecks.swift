internal import ImageSearch
internal import PostgresClient
internal import VectorSQL

extension Check {
  /// Whether there is a vector index that searches may use.
  static let index = Check(name: "index") { facts, expectations in
    guard let table = facts.table, facts.column(expectations) != nil else { return .skipped(noColumn) }
    guard table.hasRows else {
      return .skipped("a view has no index of its own; the plan shows whether a search uses one below it")
    }
    if expectations.dialect.indexExtension == .fastann, facts.server.canDistribute, !facts.server.hasAnnIndex
    {
      return .skipped("this server has no ann index for real[]: searches compare all rows")
    }
    if let build = facts.builds.first {
      return .skipped(
        "the index \(build.index) is being built by process \(build.pid); look again when it is done"
      )
    }
    if let broken = table.vectorIndexes.first(where: { !$0.isValid }) { return invalid(broken, facts) }
    let usable = table.vectorIndexes.filter(\.coversColumn)
    if !usable.isEmpty { return .ok(usable.map { "\($0.name), \($0.method)" }.joined(separator: "; ")) }
    let bare = facts.parts.filter { part in !part.indexes.contains(where: \.isValid) }
    if !facts.parts.isEmpty, bare.isEmpty {
      return .ok("each of the \(facts.parts.count) partitions has an index of its own")
    }
    if let first = bare.first, bare.count < facts.parts.count {
      let others = bare.count > 1 ? " and \(bare.count - 1) more partitions have" : " has"
      return .wrong(
        "the partition \(first.name)\(others) no vector index; searches compare all of its rows",
        fix: facts.create(expectations)
      )
    }
    if let used = facts.plan?.vectorIndex { return .ok("\(used), which a search uses") }
    if let partial = table.vectorIndexes.first { return restricted(partial, facts, expectations) }
    guard let column = facts.column(expectations), column.isSearched(in: expectations.dialect) else {
      return .skipped("the dialect \(expectations.dialect.name) cannot search the column's type")
    }
    guard facts.dimension(expectations) != nil || expectations.dialect.indexExtension == .fastann else {
      return .skipped("the column declares no dimension, and no vector tells it; an index needs one")
    }
    if let census = facts.vectors, census.leastDimension != census.greatestDimension {
      return .wrong(
        "the column has no vector index; every search compares all rows",
        fix: "correct or remove the rows of other dimensions first: \(census.rowsByDimension)"
      )
    }
    return .wrong(
      "the column has no vector index; every search compares all rows" + facts.lengthLimit(expectations),
      fix: facts.create(expectations)
    )
  }

  /// An index that is not valid: the parent of partitions whose parts are not attached, or a build that failed.
  private static func invalid(_ index: VectorTable.Index, _ facts: Facts) -> Judgement {
    if index.isPartitioned {
      let open = facts.parts.filter { part in !part.indexes.contains { $0.parent == index.name } }
      let statements = open.flatMap { part -> [String] in
        if let own = part.indexes.first(where: {
          $0.isValid && $0.parent == nil && index.resembles($0.definition)
        }) {
          return ["ALTER INDEX \(index.name) ATTACH PARTITION \(own.name);"]
        }
        let name = Facts.indexName(on: part.name, like: index.name)
        return [
          "CREATE INDEX \(name.bare) ON \(part.name)\(index.tail);",
          "ALTER INDEX \(index.name) ATTACH PARTITION \(name.qualified);",
        ]
      }
      return .wrong(
        "the index \(index.name) was made with ON ONLY and is not valid before each partition's index is attached; "
          + "\(open.count) of \(facts.parts.count) are not",
        fix: facts.asOwner(statements.joined(separator: " "))
      )
    }
    let isConcurrent = facts.server.supportsConcurrentIndex && facts.server.serverVersion >= 120_000
    return .wrong(
      "the index \(index.name) is invalid after a build that failed; no search uses it",
      fix: facts.asOwner("REINDEX INDEX \(isConcurrent ? "CONCURRENTLY " : "")\(index.name);")
    )
  }

  /// An index on an expression, or with a predicate, that searches of the column itself cannot use.
  private static func restricted(
    _ index: VectorTable.Index,
    _ facts: Facts,
    _ expectations: Expectations
  ) -> Judgement {
    if let expression = index.expression {
      return .wrong(
        "the index \(index.name) is on the expression \(expression); a search orders by the column itself and cannot "
          + "use it" + facts.lengthLimit(expectations),
        fix: facts.create(expectations)
      )
    }
    return .wrong(
      "the index \(index.name) holds only rows with \(index.predicate ?? "a condition"); a search without that "
        + "condition cannot use it",
      fix: facts.create(expectations)
    )
  }

  /// Whether the server can make the index that the configuration asks for.
  static let operatorClass = Check(name: "operator class") { facts, expectations in
    let metric = wantedMetric(facts, expectations)
    let element = facts.column(expectations)?.element
    if expectations.dialect.indexExtension == .fastann {
      return facts.server.hasAnnIndex
        ? .ok("ann for real[]") : .skipped("the extension is not installed")
    }
    guard facts.server.pgvectorVersion != nil else { return .skipped("the extension is not installed") }
    let name: String
    do { name = try expectations.dialect.spelling(of: metric, for: element).indexOption } catch {
      return .skipped("\(error)")
    }
    let bare = name.split(separator: ".").last.map(String.init) ?? name
    let methods = facts.operatorClasses.filter { $0.name == bare }.map(\.method).sorted()
    guard methods.contains("hnsw") else {
      return .wrong(
        "hnsw has no operator class \(name) in this database: pgvector \(facts.server.pgvectorVersion ?? "") is too old",
        fix: facts.onPrimary("ALTER EXTENSION vector UPDATE;")
      )
    }
    return .ok("\(name) for \(methods.joined(separator: " and "))")
  }

  /// Whether an index serves the metric that searches use.
  static let indexMetric = Check(name: "index metric") { facts, expectations in
    guard let indexes = facts.table?.vectorIndexes, let first = indexes.first else {
      return .skipped(noIndex)
    }
    guard let wanted = expectations.metric else {
      return .ok("\(first.metric?.description ?? first.operatorClass)")
    }
    guard !indexes.contains(where: { $0.metric == wanted }) else { return .ok("\(wanted)") }
    return .wrong(
      "the index \(first.name) serves \(first.metric?.description ?? first.operatorClass), "
        + "and the configuration asks for \(wanted)",
      fix: facts.recreate(first, expectations)
    )
  }

  /// Whether the index was built with the options of the configuration.
  static let indexOptions = Check(name: "index options") { facts, expectations in
    guard let index = facts.table?.vectorIndexes.first else { return .skipped(noIndex) }
    guard !expectations.indexOptions.isEmpty else {
      return .skipped("there are no migrations here to compare them with")
    }
    let graph = expectations.dialect.indexExtension == .fastann ? "ann" : "hnsw"
    guard index.method == graph else {
      return .skipped("the index is \(index.method); the configuration's options are those of \(graph)")
    }
    let differences = expectations.indexOptions.sorted(by: <).compactMap { name, wanted -> String? in
      let found = index.options[name] ?? standardOptions[index.method]?[name]
      return found == wanted ? nil : "\(name) is \(found ?? "the server's default") and should be \(wanted)"
    }
    guard differences.isEmpty else {
      return .wrong(
        "the index \(index.name) differs from the configuration: " + differences.joined(separator: "; "),
        fix: facts.recreate(index, expectations)
      )
    }
    return .ok(expectations.indexOptions.sorted(by: <).map { "\($0) = \($1)" }.joined(separator: ", "))
  }

  /// Options that an index has without naming them; pgvector's `hnsw.h`, AnalyticDB's documentation of `ann`.
  private static let standardOptions = [
    "hnsw": ["m": "16", "ef_construction": "64"],
    "ann": ["hnsw_m": "32", "pq_enable": "0"],
  ]

  static let noIndex = "the column has no vector index"

  static func wantedMetric(_ facts: Facts, _ expectations: Expectations) -> Metric {
    expectations.metric ?? facts.table?.vectorIndexes.first?.metric
      ?? facts.column(expectations)?.usualMetric ?? .l2
  }
}

extension VectorTable.Index {
  /// Whether it is the parent of indexes on partitions, made with ON ONLY.
  var isPartitioned: Bool { definition.contains(" ON ONLY ") }

  /// Whether a search that orders by the column itself, without a condition, may use it, if only to find candidates.
  var coversColumn: Bool { isValid && expression == nil && predicate == nil || firstPassMetric != nil }

  /// The definition from `USING` on: method, key, options.
  var tail: String {
    definition.ranges(of: " USING ").first.map { String(definition[$0.lowerBound...]) } ?? ""
  }

  /// Whether another definition indexes the same with the same options.
  func resembles(_ other: String) -> Bool {
    other.ranges(of: " USING ").first.map { String(other[$0.lowerBound...]) == tail } ?? false
  }
}

extension Facts {
  /// `CREATE INDEX` for what is wanted, as the dialect writes it. A column without a length gets one first: pgvector
  /// indexes no other.
  func create(_ expectations: Expectations) -> String { asOwner(statement(expectations, named: nil)) }

  private func statement(_ expectations: Expectations, named name: String?) -> String {
    guard let table, let column = column(expectations) else { return "adbvec migrate up" }
    let names = expectations.table
    let dialect = expectations.dialect
    let dimension = dimension(expectations)
    let isHalved = isLong(expectations) && mayBeHalved(expectations)
    let element = isHalved ? .half : column.element
    var definition = IndexDefinition(
      on: table.name,
      VectorColumn(names.vectorColumn, dim: dimension, element: element),
      by: Check.wantedMetric(self, expectations),
      using: dialect.indexExtension.graph(expectations.indexOptions)
    )
    definition.name = name.flatMap { try? QualifiedName(validating: $0).name }
    if isLong(expectations), !isHalved, case .hnsw(let options) = definition.method {
      definition.method = .binaryQuantized(options)
    }
    do {
      var statements = [try definition.rendered(for: dialect).text + ";"]
      let isBare = ["vector", "halfvec"].contains(column.typeName) && column.declaredDimension == nil
      if let dimension, isBare || column.isDomain || isHalved,
        let type = element.flatMap({ dialect.vectorTypes[$0] })
      {
        let column = "\(table.name.quoted) ALTER COLUMN \(names.vectorColumn.quoted)"
        statements.insert("ALTER TABLE \(column) TYPE \(type.columnType(dimension: dimension));", at: 0)
      }
      if case .binaryQuantized = definition.method {
        let index = QualifiedName(schema: table.name.schema, name: try definition.effectiveName())
        let comment = VectorTable.Index.firstPassComment + definition.metric.description
        statements.append("COMMENT ON INDEX \(index.quoted) IS '\(comment)';")
      }
      return statements.joined(separator: " ")
    } catch {
      return "correct what keeps an index from being made: \(error)"
    }
  }

  /// The dimension of the vectors, of the column, or of the configuration.
  func dimension(_ expectations: Expectations) -> Int? {
    vectors?.greatestDimension ?? column(expectations)?.declaredDimension ?? expectations.plausibleDimension
  }

  /// Whether the vectors are longer than an index of their type takes.
  private func isLong(_ expectations: Expectations) -> Bool {
    guard let type = column(expectations)?.element.flatMap({ expectations.dialect.vectorTypes[$0] }),
      let dimension = dimension(expectations)
    else { return false }
    return dimension > type.maximumIndexedDimension && expectations.dialect.quantizers[.binary] != nil
  }

  /// Whether an index takes the vectors when their numbers have half the precision.
  private func mayBeHalved(_ expectations: Expectations) -> Bool {
    guard column(expectations)?.element == .single, let half = expectations.dialect.vectorTypes[.half],
      let dimension = dimension(expectations)
    else { return false }
    return dimension <= half.maximumIndexedDimension
  }

  /// What the fix does with vectors that are too long for an index, as the end of a sentence.
  fileprivate func lengthLimit(_ expectations: Expectations) -> String {
    guard isLong(expectations), let column = column(expectations),
      let most = column.element.flatMap({ expectations.dialect.vectorTypes[$0] })?.maximumIndexedDimension
    else { return "" }
    return "; an index takes \(column.typeName) of up to \(most) dimensions, so "
      + (mayBeHalved(expectations)
        ? "the fix stores the numbers with half the precision"
        : "the fix indexes the signs of the numbers, and searches order what it finds by the vectors")
  }

  /// Replaces an index under its name.
  /// - Parameter denser: doubles the links per row that the index has now.
  func recreate(_ index: VectorTable.Index, _ expectations: Expectations, denser: Bool = false) -> String {
    var wanted = expectations
    if denser {
      let (links, building) =
        index.method == "ann" ? ("hnsw_m", "hnsw_ef_construction") : ("m", "ef_construction")
      let m = index.options[links].flatMap { Int($0) } ?? 16
      wanted.indexOptions[links] = "\(min(48, m * 2))"
      wanted.indexOptions[building] = "200"
    }
    return asOwner("DROP INDEX \(index.name); " + statement(wanted, named: index.name))
  }

  /// A name for a partition's index: the partition's, and the parent index's behind it, shortened to PostgreSQL's limit.
  static func indexName(on part: String, like index: String) -> (bare: String, qualified: String) {
    guard let table = try? QualifiedName(validating: part), let parent = try? QualifiedName(validating: index)
    else {
      return ("", "")
    }
    let full = "\(table.name.name)_\(parent.name.name)"
    var name = ""
    for scalar in full.unicodeScalars {
      guard name.utf8.count + UTF8.width(scalar) <= Identifier.maximumBytes else { break }
      name.unicodeScalars.append(scalar)
    }
    guard let bare = try? Identifier(validating: name) else { return ("", "") }
    return (bare.quoted, QualifiedName(schema: table.schema, name: bare).quoted)
  }
}

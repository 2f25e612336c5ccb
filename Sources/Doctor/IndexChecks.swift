internal import ImageSearch
internal import PostgresClient
internal import VectorSQL

extension Check {
  /// Whether there is a vector index that queries may use.
  static let index = Check(name: "index") { facts, expectations in
    guard let table = facts.table, facts.column(expectations) != nil else { return .skipped(noColumn) }
    guard !table.vectorIndexes.isEmpty else {
      return .wrong(
        "the column has no vector index; every search compares all rows",
        remedy: create(expectations, facts)
      )
    }
    if let broken = table.vectorIndexes.first(where: { !$0.isValid }) {
      return .wrong(
        "the index \(broken.name) is invalid after a build that failed; no search uses it",
        remedy: facts.server.supportsConcurrentIndex && facts.server.serverVersion >= 120_000
          ? "REINDEX INDEX CONCURRENTLY \(broken.name);" : "REINDEX INDEX \(broken.name);"
      )
    }
    return .ok(table.vectorIndexes.map { "\($0.name), \($0.method)" }.joined(separator: "; "))
  }

  /// Whether the server can make the index that the configuration asks for.
  static let operatorClass = Check(name: "operator class") { facts, expectations in
    let metric = wantedMetric(facts, expectations)
    let element = facts.column(expectations)?.element
    if expectations.dialect.indexExtension == .fastann {
      return facts.server.hasAnnIndex
        ? .ok("ann for real[]")
        : .wrong("ann has no operator class for real[]", remedy: "CREATE EXTENSION fastann CASCADE;")
    }
    guard facts.server.pgvectorVersion != nil else { return .skipped("the extension is not there") }
    let name: String
    do { name = try expectations.dialect.spelling(of: metric, for: element).indexOption } catch {
      return .skipped("\(error)")
    }
    let methods = facts.operatorClasses.filter { $0.name == name }.map(\.method).sorted()
    guard methods.contains("hnsw") else {
      return .wrong(
        "hnsw has no operator class \(name) in this database",
        remedy: "DROP EXTENSION vector CASCADE; CREATE EXTENSION vector; (or ALTER EXTENSION vector UPDATE;)"
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
      remedy: "DROP INDEX \(first.name); " + create(expectations, facts)
    )
  }

  /// Whether the index was built with the options of the configuration.
  static let indexOptions = Check(name: "index options") { facts, expectations in
    guard let index = facts.table?.vectorIndexes.first else { return .skipped(noIndex) }
    guard !expectations.indexOptions.isEmpty else {
      return .skipped("there are no migrations here to compare them with")
    }
    let differences = expectations.indexOptions.sorted(by: <).compactMap { name, wanted -> String? in
      let found = index.options[name] ?? standardOptions[index.method]?[name]
      return found == wanted ? nil : "\(name) is \(found ?? "the server's default") and should be \(wanted)"
    }
    guard differences.isEmpty else {
      return .wrong(
        "the index \(index.name) differs from the configuration: "
          + differences.joined(separator: "; "),
        remedy: "DROP INDEX \(index.name); " + create(expectations, facts)
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
    expectations.metric ?? facts.table?.vectorIndexes.first?.metric ?? .l2
  }

  /// `CREATE INDEX` for what is wanted, as the dialect writes it, under the name of the index that it replaces.
  private static func create(_ expectations: Expectations, _ facts: Facts) -> String {
    let names = expectations.table
    let column = facts.column(expectations)
    var definition = IndexDefinition(
      on: names.name,
      VectorColumn(
        names.vectorColumn,
        dim: facts.vectors?.greatestDimension ?? column?.declaredDimension ?? expectations.dimension,
        element: column?.element
      ),
      by: wantedMetric(facts, expectations),
      using: expectations.dialect.indexExtension.graph(expectations.indexOptions)
    )
    if let present = facts.table?.vectorIndexes.first?.name {
      definition.name = try? QualifiedName(validating: present).name
    }
    do { return try definition.rendered(for: expectations.dialect).text + ";" } catch {
      return "adbvec migrate up"
    }
  }
}

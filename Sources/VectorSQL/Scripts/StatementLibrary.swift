/// The table that a statement of the library is written for.
public struct SearchTarget: Sendable {
  /// The table.
  public var table: QualifiedName
  /// The column that names a row.
  public var key: Identifier
  /// The column that says what a row is.
  public var label: Identifier
  /// The column of vectors.
  public var column: VectorColumn
  /// What near means.
  public var metric: Metric
  /// A key of the column's type, which casts tell; an integer is the default of scripts, others are the first row's.
  public var exampleKey: SQLValue

  /// A table and its columns.
  public init(
    table: QualifiedName,
    key: Identifier,
    label: Identifier,
    column: VectorColumn,
    metric: Metric,
    exampleKey: SQLValue = .int8(0)
  ) {
    self.table = table
    self.key = key
    self.label = label
    self.column = column
    self.metric = metric
    self.exampleKey = exampleKey
  }

  /// The tutorial's table: `public.image_search (id, class, image_vector)`.
  public static let imageSearch = SearchTarget(
    table: "public.image_search",
    key: "id",
    label: "class",
    column: VectorColumn("image_vector", dim: nil),
    metric: .l2
  )
}

/// A ready statement: what `sql list` names and `sql show` prints.
public struct LibraryStatement: Sendable {
  /// The name, which is also the file's: `nearest_by_id`.
  public let name: String
  /// What it answers, in one sentence.
  public let summary: String
  let build: @Sendable (SearchTarget) -> Built

  struct Built: Sendable {
    var sql: SQL
    /// `SET LOCAL` statements, which may hold variables.
    var preamble: @Sendable (Dialect) throws(RenderingError) -> [SQL] = { _ in [] }
    /// Queries whose one row gives variables their defaults, by variable.
    var defaults: [String: SQL] = [:]

    init(
      sql: SQL,
      preamble: @escaping @Sendable (Dialect) throws(RenderingError) -> [SQL] = { _ in [] }
    ) {
      self.sql = sql
      self.preamble = preamble
    }

    init(sql: SQL, settings: @escaping @Sendable (Dialect) -> SearchSettings) {
      self.init(sql: sql) { dialect throws(RenderingError) in
        try settings(dialect).statements(for: dialect).map { SQL(trusted: $0.text) }
      }
    }
  }

  /// The statement as a fragment for one table.
  public func sql(for target: SearchTarget) -> SQL { build(target).sql }

  /// The statement as a script for psql; `psql -v id=42` changes a variable.
  /// - Throws: `RenderingError` when the dialect lacks something that the statement needs.
  public func script(
    for target: SearchTarget = .imageSearch,
    dialect: Dialect
  ) throws(RenderingError) -> SQLScript {
    let built = build(target)
    let parts = try SQLScript.psqlParts(built.preamble(dialect) + [built.sql], dialect)
    var header = "-- \(summary)\n"
    for variable in parts.variables {
      header += try defaultLines(variable, built.defaults[variable.name], dialect)
    }
    let settings = parts.texts.dropLast().map { Statement(trusted: $0) }
    let text = header + SQLScript.transaction(settings, (parts.texts.last ?? "") + ";\n")
    return SQLScript(text: SQLScript.inUTF8(text))
  }

  private func defaultLines(
    _ variable: SQLScript.Variable,
    _ query: SQL?,
    _ dialect: Dialect
  ) throws(RenderingError) -> String {
    let assignment: String
    if let query {
      assignment = try SQLScript.psqlParts([query], dialect).texts.joined() + " \\gset"
    } else {
      assignment = "\\set \(variable.name) \(variable.text)"
    }
    return "\\if :{?\(variable.name)} \\else\n\(assignment)\n\\endif\n"
  }

  /// All statements, in the order of `sql list`.
  public static let all: [LibraryStatement] = [
    .nearestByID, .nearestByVector, .nearestFiltered, .nearestExact, .nearestPerClass, .recall,
    .nearDuplicates, .classPurity, .indexStatus, .tableHealth,
  ]

  /// The statement of that name.
  public init?(name: String) {
    guard let statement = Self.all.first(where: { $0.name == name }) else { return nil }
    self = statement
  }

  init(name: String, summary: String, build: @escaping @Sendable (SearchTarget) -> Built) {
    self.name = name
    self.summary = summary
    self.build = build
  }
}

extension LibraryStatement {
  static let nearestByID = LibraryStatement(
    name: "nearest_by_id",
    summary: "The rows nearest to the row :id, which comes first itself."
  ) { target in near(target.search(to: target.row), target) }

  static let nearestByVector = LibraryStatement(
    name: "nearest_by_vector",
    summary: "The rows nearest to the vector :query (that of the first row, unless psql is given another)."
  ) { target in
    var built = search(target.search(to: .vector(SearchTarget.anyVector), checked: false))
    built.defaults["query"] =
      [
        "SELECT CAST(\(target.column.sql) AS text) AS \(id: "query")",
        "FROM \(table: target.table) WHERE \(target.column.sql) IS NOT NULL ORDER BY \(id: target.key) LIMIT 1",
      ].clauses
    return built
  }

  static let nearestFiltered = LibraryStatement(
    name: "nearest_filtered",
    summary:
      "The rows of the class :class nearest to the row :id (its own class, unless psql is given another)."
  ) { target in
    var query = target.search(to: target.row)
    query.filters = [.atom("\(id: target.label) = \(SQL.bind(.text(""), name: "class"))")]
    var built = near(query, target)
    built.defaults["class"] =
      [
        "SELECT \(id: target.label) AS \(id: "class")",
        "FROM \(table: target.table) WHERE \(id: target.key) = \(SQL.bind(target.exampleKey, name: "id"))",
      ].clauses
    return built
  }

  static let nearestExact = LibraryStatement(
    name: "nearest_exact",
    summary: "The rows nearest to the row :id by comparing with every row, without an index."
  ) { target in
    var query = target.search(to: target.row)
    query.exact = true
    query.tieBreak = target.key
    return near(query, target)
  }

  static let nearestPerClass = LibraryStatement(
    name: "nearest_per_class",
    summary: "The :top_k rows of each class nearest to the row :id, by comparing with every row."
  ) { target in
    var query = target.search(to: target.row, limit: 3)
    query.perValueOf = target.label
    query.tieBreak = target.key
    return near(query, target)
  }

  private static func near(_ query: VectorSearch, _ target: SearchTarget) -> Built {
    var built = search(query)
    if case .int8 = target.exampleKey { return built }
    built.defaults["id"] =
      [
        "SELECT CAST(\(id: target.key) AS text) AS \(id: "id")",
        "FROM \(table: target.table) ORDER BY \(id: target.key) LIMIT 1",
      ].clauses
    return built
  }

  private static func search(_ query: VectorSearch) -> Built {
    Built(sql: query.sql, settings: query.effectiveSettings)
  }
}

extension SearchTarget {
  static let anyVector: [Float] = [1]

  var row: VectorSearch.Subject { .row(key: key, value: exampleKey) }

  func search(
    to subject: VectorSearch.Subject,
    limit: Int = 10,
    checked: Bool = true
  ) -> VectorSearch {
    VectorSearch(
      table: table,
      columns: [key, label],
      nearest: checked ? column : VectorColumn(column.name, dim: nil, element: column.element),
      to: subject,
      by: metric,
      limit: limit
    )
  }

  var side: NeighborJoin.Side {
    NeighborJoin.Side(table: table, key: key, column: column, outputs: [key, label])
  }
}

internal import Basics
public import VectorSQL

/// A table with vectors, as the server's catalogue describes it.
public struct VectorTable: Sendable, Hashable {
  /// The name it was looked up by, with the schema it was found in.
  public let name: QualifiedName
  /// Its object id.
  public let oid: UInt32
  /// What it is.
  public let kind: Kind
  /// Its columns, in the table's order.
  public let columns: [Column]
  /// Its indexes on the vector column, valid or not.
  public let vectorIndexes: [Index]
  /// The partitions or children that hold its rows, each with its own indexes on the vector column.
  public var parts: [Part] = []
  /// The planner's estimate of its rows, its parts' included; negative before the first ANALYZE on PostgreSQL 14 and later.
  public let estimatedRows: Double
  /// Whether the user may drop and make indexes on it.
  public let isOwned: Bool
  /// Whether rows of it lie in other tables: partitions or children.
  public let hasParts: Bool
  /// Whether policies decide which rows this user may read and write; COPY is then refused.
  public let hasRowSecurity: Bool
  /// Whether a trigger may change or leave out rows; a partition may have one of its own.
  public let mayHaveTriggers: Bool

  /// What kind of relation it is: `pg_class.relkind`.
  public struct Kind: RawRepresentable, Sendable, Hashable {
    /// The catalogue's letter.
    public let rawValue: String

    /// The kind with that letter.
    public init(rawValue: String) { self.rawValue = rawValue }

    /// A table.
    public static let table = Kind(rawValue: "r")
    /// A table with partitions.
    public static let partitioned = Kind(rawValue: "p")
  }

  /// A column of the table.
  public struct Column: Sendable, Hashable {
    /// The name.
    public let name: String
    /// The type as SQL writes it: `integer`, `real[]`, `vector(1000)`.
    public let type: String
    /// The type's object id, which parameters are bound with.
    public let typeOID: UInt32
    /// Whether NULL is refused.
    public let isRequired: Bool
    /// Whether a row without a value for it gets one: a default, an identity or a generation expression.
    public let hasDefault: Bool
    /// Whether a valid unique index covers this column alone.
    public let isUnique: Bool
    /// How large values are kept: `p` PLAIN, `m` MAIN, `e` EXTERNAL, `x` EXTENDED.
    public let storage: String
    /// Whether the column is declared with a domain over ``type``; pgvector then finds no dimension to index by.
    public var isDomain = false
  }

  /// A partition or child that holds rows.
  public struct Part: Sendable, Hashable {
    /// The name, quoted and qualified where that is needed.
    public let name: String
    /// The planner's estimate of its rows; negative before the first ANALYZE on PostgreSQL 14 and later.
    public let estimatedRows: Double
    /// Its indexes on the vector column, valid or not.
    public let vectorIndexes: [Index]
  }

  /// An index on the vector column.
  public struct Index: Sendable, Hashable {
    /// The name, quoted and qualified where that is needed.
    public let name: String
    /// The access method: `hnsw`, `ivfflat`, `ann`.
    public let method: String
    /// The operator class, such as `vector_l2_ops`.
    public let operatorClass: String
    /// The WITH options, names in lower case: `dim` to `1000`.
    public let options: [String: String]
    /// The statement that makes it: `pg_get_indexdef`.
    public let definition: String
    /// Whether it is a partition's part of an index on the whole table, which cannot be dropped by itself.
    public let isAttached: Bool
    /// Whether queries may use it; a failed concurrent build leaves an index that they may not, and so does an index
    /// ON ONLY a partitioned table.
    public let isValid: Bool
    /// What is indexed when it is not the column itself: `(image_vector)::halfvec(1000)`.
    public var expression: String?
    /// The condition of a partial index.
    public var predicate: String?
    /// What `COMMENT ON INDEX` says of it.
    public var comment: String?
  }

  /// The indexes that can serve searches, on the table itself or on its parts; those that serve any search come first.
  public var searchableIndexes: [Index] {
    let all = (vectorIndexes + parts.flatMap(\.vectorIndexes)).filter { $0.isValid && $0.expression == nil }
    return all.filter(\.servesPlainSearches) + all.filter { !$0.servesPlainSearches }
  }

  /// The column of that name.
  public func column(_ name: Identifier) -> Column? {
    columns.first { $0.name == name.name }
  }

  /// The column of that name.
  /// - Throws: `VectorTableError` with code `missingColumn`.
  public func require(_ name: Identifier) throws -> Column {
    guard let column = column(name) else {
      throw VectorTableError(
        code: .missingColumn,
        description: "the table \(self.name.display) has no column \(name.quoted); it has "
          + columns.map(\.name).joined(separator: ", ")
      )
    }
    return column
  }
}

extension VectorTable.Index {
  /// The metric that the index serves; nil when its names tell none.
  public var metric: Metric? {
    if let firstPassMetric { return firstPassMetric }
    let spelling = method == "ann" ? (options["distancemeasure"] ?? "l2") : operatorClass
    let names = [
      ("l2", Metric.l2), ("cosine", .cosine), ("ip", .innerProduct), ("l1", .l1), ("hamming", .hamming),
      ("jaccard", .jaccard),
    ]
    for (part, metric) in names where spelling.lowercased().split(separator: "_").contains(Substring(part)) {
      // An index on the signs of a vector's numbers says nothing of the vectors themselves.
      if expression != nil, operatorClass.hasPrefix("bit_") { return nil }
      return metric
    }
    return nil
  }

  /// The metric of the searches that order the candidates of this index by their vectors, where it is one on the vectors' signs
  /// (`binary_quantize`) that a change of the table has made; its comment tells it. nil for every other index.
  public var firstPassMetric: Metric? {
    guard isValid, predicate == nil, operatorClass == "bit_hamming_ops",
      expression?.contains("binary_quantize") == true,
      let comment, comment.hasPrefix(Self.firstPassComment)
    else { return nil }
    return Metric(name: String(comment.dropFirst(Self.firstPassComment.count)))
  }

  /// The comment of such an index, before its metric.
  package static let firstPassComment = "first pass of searches by "

  /// What the settings of a search depend on; nil for a method that is not known.
  public var serving: ServingIndex? {
    ServingIndex.Kind(rawValue: method).map { ServingIndex($0, lists: options["lists"].flatMap { Int($0) }) }
  }

  /// Whether any search that compares the column itself can use it.
  public var servesPlainSearches: Bool { isValid && expression == nil && predicate == nil }

  /// The dimension that the index was told, where its method has to be told.
  public var dimension: Int? {
    options["dim"].flatMap { Int($0) }
  }
}

extension VectorTable.Column {
  /// `vector`, `halfvec`, `real[]`: the type without its length and without the schema of an extension that lies
  /// outside the search path.
  public var typeName: String {
    ColumnType(type).name
  }

  /// The length in `vector(1000)`; nil for types that declare none, such as `real[]`.
  public var declaredDimension: Int? {
    guard ["vector", "halfvec", "bit", "sparsevec"].contains(typeName) else { return nil }
    return Int(type.drop { $0 != "(" }.dropFirst().prefix { $0 != ")" })
  }

  /// What the column's elements are; nil for a column that is not a vector.
  public var element: VectorElement? {
    switch typeName {
    case "vector", "real[]": .single
    case "halfvec", "float2[]": .half
    case "sparsevec": .sparse
    case "bit": .bit
    case "smallint[]": .int16
    default: nil
    }
  }

  /// Whether a dialect has the column's type among those that it searches.
  package func isSearched(in dialect: Dialect) -> Bool {
    element.flatMap { dialect.vectorTypes[$0] }?.castName == typeName
  }

  /// What searches compare the column by where neither a setting nor an index says it.
  package var usualMetric: Metric { element == .bit ? .hamming : .l2 }

  /// Whether ``ImageID`` can stand for the column's values.
  public var canHoldIDs: Bool {
    let type = ColumnType(type)
    return type.readsAsItIs || ["uuid", "numeric", "citext"].contains(type.name)
  }
}

extension SearchPlan.IndexFacts {
  /// What the catalogue says of an index, as a plan is judged by it.
  public init(_ index: VectorTable.Index) {
    self.init(
      name: index.name,
      method: index.method,
      metricOption: index.method == "ann"
        ? (index.options["distancemeasure"] ?? "l2").lowercased() : index.operatorClass,
      isValid: index.isValid,
      expression: index.expression,
      predicate: index.predicate
    )
  }
}

extension VectorTable.Column {
  /// The bytes that a value with this many elements takes; nil for a column that is not a vector.
  ///
  /// Sources: PostgreSQL's `array.h` (a header of 24 bytes for one dimension) and pgvector's `vector.h`, `halfvec.h`
  /// (8 bytes).
  public func valueBytes(dimension: Int) -> Int? {
    switch typeName {
    case "real[]": 24 + 4 * dimension
    case "float2[]", "smallint[]": 24 + 2 * dimension
    case "double precision[]": 24 + 8 * dimension
    case "vector": 8 + 4 * dimension
    case "halfvec": 8 + 2 * dimension
    case "bit": 8 + (dimension + 7) / 8
    default: nil
    }
  }
}

extension VectorTable {
  /// The bytes that a row with such a vector kept in the row itself takes: the row's head, an id, a short label and
  /// the vector.
  public func rowBytes(_ column: Column, dimension: Int) -> Int? {
    column.valueBytes(dimension: dimension).map { 24 + 8 + 12 + $0 }
  }

  /// The bytes that a page has for one row: without the page's head, the line pointer and alignment.
  public static func pageRoom(blockSize: Int) -> Int { blockSize - 32 }
}

/// Why a table cannot be used for vectors.
public struct VectorTableError: Error, Sendable, Hashable, CustomStringConvertible {
  /// The kind of failure; open, so that a new kind breaks nobody's switch.
  public struct Code: Sendable, Hashable {
    package let name: String

    /// The table does not exist.
    public static let missingTable = Code(name: "missingTable")
    /// The table has no such column.
    public static let missingColumn = Code(name: "missingColumn")
    /// The column's type cannot hold what is asked of it.
    public static let wrongType = Code(name: "wrongType")
  }

  /// The kind of failure.
  public let code: Code
  /// One line: what, where, what to do.
  public let description: String

  /// An error with its line.
  public init(code: Code, description: String) {
    self.code = code
    self.description = description
  }

  static func missing(_ table: QualifiedName) -> VectorTableError {
    VectorTableError(
      code: .missingTable,
      description:
        "the table \(table.display) does not exist in this database. Fix: adbvec migrate up (adbvec doctor where that finds nothing to "
        + "do), or name another with --table"
    )
  }
}

extension VectorTableError: ReportedError {
  /// As JSON output shows it.
  package var reportedCode: String { snakeCase(code.name) }
}

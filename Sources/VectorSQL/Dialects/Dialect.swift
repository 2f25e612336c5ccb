/// How one kind of server spells vector search. A dialect is a value: its differences are data, in one place for all
/// searches, definitions and scripts.
public struct Dialect: Sendable, CustomStringConvertible {
  /// The name used on the command line: `pgvector`, `analyticdb`.
  public let name: String
  /// What the connected server can do beyond the dialect's common ground.
  public var capabilities: Capabilities
  /// The element type of a vector column that does not name one.
  public var defaultElement: VectorElement
  /// The vector types, by element.
  public var vectorTypes: [VectorElement: VectorType]
  /// The storage clause that keeps vectors in the main row, or nil where the server's own choice is best.
  public var plainVectorStorage: Bool
  /// The smaller copies of vectors that a first pass can compare.
  public var quantizers: [Quantization: Quantizer]
  /// How the `i`-th parameter is written.
  public var placeholder: @Sendable (_ number: Int) -> String
  /// Where the vector indexes come from.
  public var indexExtension: IndexExtension
  /// Writes `CREATE INDEX` for the methods that the dialect has.
  public var renderIndex: @Sendable (IndexDefinition, Dialect) throws(RenderingError) -> SQL
  /// Whether a search that an index may serve says that the vector is not null.
  ///
  /// A planner that scans the table instead of the index would otherwise return rows without a vector, last. Where a
  /// filter changes the kind of index scan (AnalyticDB), the condition is kept out.
  public var searchesLeaveOutNull: Bool
  /// Whether a distance is spelled over the elements of the vectors, so that no index serves it.
  public internal(set) var comparesElements = false
  /// The names and ranges of the search settings.
  public var settings: SettingsVocabulary
  /// The schema of the dialect's extension, where types, operators and functions must name it.
  public private(set) var extensionSchema: Identifier?
  /// Rewrites types and quantizers for an extension in a schema.
  var qualify: @Sendable (_ dialect: inout Dialect, _ schema: Identifier) -> Void = { _, _ in }

  /// A dialect from its parts.
  public init(
    name: String,
    capabilities: Capabilities,
    defaultElement: VectorElement,
    vectorTypes: [VectorElement: VectorType],
    plainVectorStorage: Bool,
    searchesLeaveOutNull: Bool = false,
    settings: SettingsVocabulary,
    quantizers: [Quantization: Quantizer] = [:],
    indexExtension: IndexExtension = .vector,
    placeholder: @escaping @Sendable (_ number: Int) -> String = { "$" + String($0) },
    renderIndex: @escaping @Sendable (IndexDefinition, Dialect) throws(RenderingError) -> SQL
  ) {
    self.name = name
    self.capabilities = capabilities
    self.defaultElement = defaultElement
    self.vectorTypes = vectorTypes
    self.plainVectorStorage = plainVectorStorage
    self.searchesLeaveOutNull = searchesLeaveOutNull
    self.settings = settings
    self.quantizers = quantizers
    self.indexExtension = indexExtension
    self.placeholder = placeholder
    self.renderIndex = renderIndex
  }

  /// The name.
  public var description: String { name }

  /// The dialects that the tool knows, in the order of its help.
  public static let all: [Dialect] = [.pgvector, .analyticDB]

  /// The dialect of that name, as people write it on a command line.
  public init?(name: String) {
    guard let dialect = Dialect.all.first(where: { $0.name == name.lowercased() }) else { return nil }
    self = dialect
  }

  /// The dialect with other capabilities, such as those read from the server.
  public func adapted(_ change: (inout Capabilities) -> Void) -> Dialect {
    var copy = self
    change(&copy.capabilities)
    return copy
  }

  /// The dialect for a server whose `search_path` does not have the extension's schema: every type, operator and
  /// function of the extension is written with it (`"extensions"."vector"`, `OPERATOR("extensions".<->)`).
  public func naming(extensionSchema schema: Identifier) -> Dialect {
    var copy = self
    qualify(&copy, schema)
    copy.extensionSchema = schema
    return copy
  }

  /// A name of the extension's, with its schema where that must be named.
  func extensionName(_ name: String) -> String {
    extensionSchema.map { $0.quoted + "." + name } ?? name
  }

  /// The dialect for columns of another element type: `.analyticDB.storing(.half)` searches `float2[]`.
  public func storing(_ element: VectorElement) -> Dialect {
    var copy = self
    copy.defaultElement = element
    return copy
  }

  /// The type of a column with these elements.
  /// - Throws: `RenderingError` with code `unsupportedElement`.
  public func type(of element: VectorElement?) throws(RenderingError) -> VectorType {
    guard let type = vectorTypes[element ?? defaultElement] else {
      throw RenderingError(
        .unsupportedElement,
        "the dialect \(name) has no vector type with \(element ?? defaultElement) elements"
      )
    }
    return type
  }

  /// The most dimensions that an index takes of the vector type of this name (`halfvec`); nil for other types.
  package func maximumIndexedDimension(ofType name: String) -> Int? {
    vectorTypes.values.first { $0.castName == name }?.maximumIndexedDimension
  }

  /// How the metric is written for columns with these elements.
  /// - Throws: `RenderingError` with code `unsupportedMetric` or `unsupportedElement`.
  public func spelling(
    of metric: Metric,
    for element: VectorElement?
  ) throws(RenderingError) -> MetricSpelling {
    let type = try type(of: element)
    guard let spelling = type.metrics[metric] else {
      let known = type.metrics.keys.map(\.description).sorted().joined(separator: ", ")
      throw RenderingError(
        .unsupportedMetric,
        "the dialect \(name) has no metric \(metric) for \(type.castName) columns; it has \(known)"
      )
    }
    return spelling
  }

  /// The value that carries a vector to a column with these elements.
  public func bind(_ vector: [Float], as element: VectorElement? = nil) throws(RenderingError) -> SQLValue {
    try type(of: element).encode(vector)
  }
}

/// What a server can do beyond its dialect's common ground; read from the connection, or assumed by the dialect.
public struct Capabilities: Sendable, Hashable {
  /// `DISTRIBUTED BY` in `CREATE TABLE` (AnalyticDB, Greenplum, Cloudberry).
  public var distributedBy: Bool
  /// `create_distributed_table` (Citus).
  public var citus: Bool
  /// `INSERT … ON CONFLICT`.
  public var onConflict: Bool
  /// `CREATE INDEX IF NOT EXISTS`.
  public var indexIfNotExists: Bool
  /// `CREATE INDEX CONCURRENTLY`.
  public var concurrently: Bool
  /// `WITH x AS MATERIALIZED` (PostgreSQL 12 and later).
  public var materializedCTE: Bool
  /// `LATERAL` joins whose inner side an index can serve.
  public var lateral: Bool
  /// pgvector's iterative scans (0.8.0 and later).
  public var iterativeScan: Bool
  /// The `external_storage` option of `ann` (AnalyticDB 6.0; 7.0 refuses it).
  public var externalStorage: Bool
  /// Progress views such as `pg_stat_progress_create_index` (PostgreSQL 12 and later).
  public var progressViews: Bool
  /// `OFFSET` behind a search that an index serves.
  public var searchOffset: Bool
  /// A sort key behind the distance in a search that an index serves.
  public var secondSortKey: Bool
  /// `FETCH FIRST n ROWS WITH TIES` (PostgreSQL 13 and later).
  public var withTies: Bool

  /// Capabilities by name; what is not given is absent.
  public init(
    distributedBy: Bool = false,
    citus: Bool = false,
    onConflict: Bool = false,
    indexIfNotExists: Bool = false,
    concurrently: Bool = false,
    materializedCTE: Bool = false,
    lateral: Bool = false,
    iterativeScan: Bool = false,
    externalStorage: Bool = false,
    progressViews: Bool = false,
    searchOffset: Bool = false,
    secondSortKey: Bool = false,
    withTies: Bool = false
  ) {
    self.distributedBy = distributedBy
    self.citus = citus
    self.onConflict = onConflict
    self.indexIfNotExists = indexIfNotExists
    self.concurrently = concurrently
    self.materializedCTE = materializedCTE
    self.lateral = lateral
    self.iterativeScan = iterativeScan
    self.externalStorage = externalStorage
    self.progressViews = progressViews
    self.searchOffset = searchOffset
    self.secondSortKey = secondSortKey
    self.withTies = withTies
  }
}

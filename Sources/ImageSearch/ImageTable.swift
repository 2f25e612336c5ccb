import Basics
public import PostgresClient
public import VectorSQL

/// A table of images: its columns, and everything about them that the SQL of a search depends on. Holds no connection.
public struct ImageTable: Sendable {
  /// The table.
  public var name: QualifiedName
  /// The column with the ids.
  public var idColumn: Identifier
  /// The column with the classes; used when the table has it.
  public var classColumn: Identifier
  /// The column with the vectors.
  public var vectorColumn: Identifier
  /// The column that says where each image came from; used when the table has it.
  public var sourceColumn: Identifier

  /// How the server spells vector search.
  public var dialect: Dialect
  /// How distance is measured.
  public var metric: Metric
  /// The vectors' dimension, where anything declares it.
  public var dimension: Int?
  /// The vectors' elements; nil takes the dialect's own.
  public var element: VectorElement?
  /// The type of the ids, as `format_type` writes it.
  public var idType: String
  /// The type of the classes, as `format_type` writes it; nil where the table has no such column.
  public var classType: String?
  /// Whether the table says where each image came from.
  public var hasSource: Bool
  /// The index that serves searches by ``metric``.
  public var index: ServingIndex?
  /// The index on the vectors' signs that finds candidates for searches by ``metric`` where no ``index`` serves them.
  public var firstPassIndex: ServingIndex?
  /// What a reader of results should know of the table, a sentence each.
  public var notices: [String] = []

  /// A table that nobody has looked at: the tutorial's `public.image_search (id, class, image_vector)` and its types.
  public init(
    name: QualifiedName = "public.image_search",
    idColumn: Identifier = "id",
    classColumn: Identifier = "class",
    vectorColumn: Identifier = "image_vector",
    sourceColumn: Identifier = "source",
    dialect: Dialect = .pgvector,
    metric: Metric = .l2
  ) {
    self.name = name
    self.idColumn = idColumn
    self.classColumn = classColumn
    self.vectorColumn = vectorColumn
    self.sourceColumn = sourceColumn
    self.dialect = dialect
    self.metric = metric
    idType = "integer"
    classType = "text"
    hasSource = false
  }

  /// The table as the server describes it.
  ///
  /// - Parameters:
  ///   - dialect: the dialect wanted; gets the capabilities of the server.
  ///   - metric: nil takes the index's, or l2 where there is no index.
  /// - Throws: `VectorTableError`, `ImageSearchError` with code `wrongTable`, `PostgresError`.
  public func read(
    dialect: Dialect,
    metric: Metric?,
    from connection: PostgresConnection
  ) async throws -> ImageTable {
    let server = try await connection.capabilities()
    try server.requireEntryNode()
    let dialect = try dialect.checked(against: server)
    let catalog = try await VectorTable.read(name, vectorColumn: vectorColumn, from: connection)
    let column = try catalog.require(vectorColumn)
    let id = try catalog.require(idColumn)
    guard let element = column.element, let type = dialect.vectorTypes[element],
      type.castName == column.typeName
    else {
      let other = Dialect.all.first { column.isSearched(in: $0) && (try? $0.checked(against: server)) != nil }
      let fix =
        other.map { "choose --dialect \($0.name)" }
        ?? "set vector-column in adbvec.yaml to a column of vectors; adbvec doctor says more"
      throw ImageSearchError(
        code: .wrongTable,
        description: "the column \(vectorColumn.quoted) has type \(column.type), which the dialect "
          + "\(dialect.name) cannot search. Fix: \(fix)"
      )
    }
    guard id.canHoldIDs else {
      throw ImageSearchError(
        code: .wrongTable,
        description:
          "the column \(idColumn.quoted) has type \(id.type); ids are integers, texts, UUIDs or numerics. "
          + "Fix: set id-column in adbvec.yaml to another column"
      )
    }
    var table = self
    table.notices = []
    table.dialect = dialect
    let indexes = catalog.searchableIndexes
    let firstPasses = (catalog.vectorIndexes + catalog.parts.flatMap(\.vectorIndexes)).filter {
      $0.firstPassMetric != nil
    }
    table.metric =
      metric ?? (indexes + firstPasses).lazy.compactMap(\.metric).first ?? column.usualMetric
    guard type.metrics[table.metric] != nil else {
      let known = type.metrics.keys.map(\.description).sorted().joined(separator: " or ")
      throw ImageSearchError(
        code: .badRequest,
        description:
          "\(vectorColumn.quoted) is \(column.type), which is not compared by \(table.metric). Fix: --metric \(known)"
      )
    }
    table.dimension = column.declaredDimension ?? catalog.vectorIndexes.lazy.compactMap(\.dimension).first
    table.element = element
    table.idType = id.type
    table.classType = catalog.column(classColumn)?.type
    table.hasSource = catalog.column(sourceColumn).map { ColumnType($0.type).isText } ?? false
    table.index = indexes.first { $0.metric == table.metric }?.serving
    if table.dimension != nil {
      table.firstPassIndex = firstPasses.first { $0.metric == table.metric }?.serving
    }
    if table.classType == nil {
      table.notices.append(
        "\(name.display) has no column \(classColumn.quoted), so no class is shown; class-column in adbvec.yaml names one"
      )
    }
    return table
  }
}

extension ImageTable {
  /// The search as a tree, from which both the statement that runs and the SQL for people are rendered.
  /// - Throws: `ImageSearchError` with code `badRequest` or `noSuchID`.
  public func search(_ query: ImageQuery) throws -> VectorSearch {
    guard (1...10_000).contains(query.options.topK) else {
      throw ImageSearchError(
        code: .badRequest,
        description: "the number of results must be 1…10000, not \(query.options.topK)"
      )
    }
    var search = VectorSearch(
      table: name,
      outputs: [idOutput, classOutput, sourceOutput].compactMap(\.self),
      nearest: VectorColumn(vectorColumn, dim: dimension, element: element),
      to: try subject(query),
      by: metric,
      limit: query.options.topK
    )
    if let name = query.options.class { search.filters.append(try isOfClass(name)) }
    if let condition = query.trustedCondition { search.filters.append(Condition(SQL(trusted: condition))) }
    search.filters += excluding(query.excluded)
    search.exact = query.options.exact || dialect.comparesElements
    if search.exact { search.tieBreak = idColumn }
    if let after = query.options.after { go(on: after, &search) }
    search.settings.efSearch = query.options.efSearch
    search.settings.probes = query.options.probes
    search.index = index
    if index == nil, let firstPassIndex, !query.options.exact {
      search.index = firstPassIndex
      search.firstPass = .binary(
        candidates: Self.candidates(for: search.fetched, wanted: query.options.efSearch)
      )
    }
    return search
  }

  /// How many rows a first pass finds: ten for each that is wanted, as far as one walk through a graph goes, and two beyond.
  private static func candidates(for rows: Int, wanted: Int?) -> Int {
    max(rows, wanted ?? max(2 * rows, min(1000, max(200, 10 * rows))))
  }

  private func subject(_ query: ImageQuery) throws -> VectorSearch.Subject {
    switch query.subject {
    case .vector(let vector): return .vector(vector)
    case .id(let id):
      let value = try value(of: id)
      return query.includesSubject
        ? .row(key: idColumn, value: value) : .otherThanRow(key: idColumn, value: value)
    }
  }

  /// An id that the column's type cannot hold is among no results anyway.
  private func excluding(_ ids: [ImageID]) -> [Condition] {
    let values = ids.compactMap { ColumnType(idType).idValue($0) }.map { SQL.bind($0) }
    return values.isEmpty ? [] : [Condition("\(id: idColumn) NOT IN (\(values.joined(separator: ", ")))")]
  }

  /// The page asks for the hits that are left out again too, and skips those before its distance.
  private func go(on after: ImageCursor, _ search: inout VectorSearch) {
    let last = after.shown.last ?? ImageID(0)
    let type = ColumnType(idType)
    search.limit = search.limit.map { $0 + after.shown.count }
    search.tieBreak = idColumn
    search.after = SearchCursor(
      distance: after.floor,
      // Ids that cannot be read as they are are compared as the texts that the search shows.
      key: type.readsAsItIs ? type.idValue(last) ?? .null : .text(last.description),
      seen: max(0, after.seen - after.shown.count)
    )
  }

  /// The id as the column's type.
  /// - Throws: `ImageSearchError` with code `noSuchID`.
  func value(of id: ImageID) throws -> SQLValue {
    guard let value = ColumnType(idType).idValue(id) else { throw noRow(id) }
    return value
  }

  func noRow(_ id: ImageID) -> ImageSearchError {
    ImageSearchError(code: .noSuchID, description: "no row of \(name.display) has the id \(id)")
  }

  /// The condition that a row is of a class; the class is cast to the column's type, so that an index on the column
  /// can serve it.
  /// - Throws: `ImageSearchError` with code `badRequest` where there are no classes.
  func isOfClass(_ name: String) throws -> Condition {
    guard let classType else {
      throw ImageSearchError(
        code: .badRequest,
        description:
          "\(self.name.display) has no column \(classColumn.quoted). Fix: set class-column in adbvec.yaml to the column of classes"
      )
    }
    let value = SQL.bind(.text(name), name: "class")
    let type = ColumnType(classType)
    if type.isText { return Condition("\(id: classColumn) = \(value)") }
    if type.name == "json" { return Condition("CAST(\(id: classColumn) AS text) = \(value)") }
    return Condition("\(id: classColumn) = CAST(\(value) AS \(SQL(trusted: classType)))")
  }

  /// The table as ready-made statements name it; an id of the column's type stands for those that others fill in.
  package var searchTarget: SearchTarget {
    SearchTarget(
      table: name,
      key: idColumn,
      label: classColumn,
      column: VectorColumn(vectorColumn, dim: nil, element: element),
      metric: metric,
      exampleKey: exampleID
    )
  }

  private var exampleID: SQLValue {
    let type = ColumnType(idType)
    switch type.name {
    case "uuid": return .uuid(high: 0, low: 0)
    case "numeric": return .numeric("0")
    default: return type.isText || type.name == "citext" ? .text("") : .int8(0)
    }
  }

  var idOutput: VectorSearch.Output {
    ColumnType(idType).readsAsItIs
      ? .init(column: idColumn) : .init("CAST(\(id: idColumn) AS text)", as: idColumn)
  }

  /// nil where the table has no classes; a column of another type than text is read as text.
  var classOutput: VectorSearch.Output? {
    guard let classType else { return nil }
    return ColumnType(classType).isText
      ? .init(column: classColumn) : .init("CAST(\(id: classColumn) AS text)", as: classColumn)
  }

  var sourceOutput: VectorSearch.Output? {
    hasSource ? .init(column: sourceColumn) : nil
  }
}

/// A type of the catalogue, as far as ids and classes depend on it.
struct ColumnType {
  /// The type without its length and without the schema of an extension.
  let name: String

  init(_ type: String) {
    let bare = type.prefix { $0 != "(" }
    // Quotes are around every name where quote_all_identifiers is on.
    name = (bare.split(separator: ".").last ?? bare).filter { $0 != "\"" }
  }

  var isText: Bool { ["text", "character varying", "character"].contains(name) }

  /// Whether a value can be read as an integer or a text without a cast.
  var readsAsItIs: Bool { isText || ["bigint", "integer", "smallint"].contains(name) }

  /// An id as a value of this type; nil for one that the type cannot hold.
  func idValue(_ id: ImageID) -> SQLValue? {
    switch name {
    case "bigint": id.number.map(SQLValue.int8)
    case "integer": id.number.flatMap { Int32(exactly: $0) }.map(SQLValue.int4)
    case "smallint": id.number.flatMap { Int16(exactly: $0) }.map(SQLValue.int2)
    case "numeric": Self.isDecimal(id.description) ? .numeric(id.description) : nil
    case "uuid": Self.uuid(id.description)
    case _ where isText || name == "citext": .text(id.description)
    default: nil
    }
  }

  /// Whether a text is digits with at most one point among them, and a minus before them at most.
  private static func isDecimal(_ text: String) -> Bool {
    let digits = text.utf8.drop { $0 == UInt8(ascii: "-") }
    return text.utf8.count - digits.count < 2 && digits.count { $0 == UInt8(ascii: ".") } < 2
      && digits.contains { $0 != UInt8(ascii: ".") }
      && digits.allSatisfy { (0x30...0x39).contains($0) || $0 == UInt8(ascii: ".") }
  }

  /// The 128 bits of 32 hexadecimal digits, with hyphens or without.
  private static func uuid(_ text: String) -> SQLValue? {
    let digits = text.filter { $0 != "-" && $0 != "{" && $0 != "}" }
    guard digits.utf8.count == 32, let high = UInt64(digits.prefix(16), radix: 16),
      let low = UInt64(digits.suffix(16), radix: 16)
    else { return nil }
    return .uuid(high: high, low: low)
  }
}

extension ServerCapabilities {
  /// Whether `real[]` can only be searched by comparing all rows: on Greenplum 6, for whose base there is no pgvector.
  fileprivate var isGreenplumWithoutIndex: Bool {
    product == .greenplum && serverVersion < 120_000 && !hasAnnIndex
  }

  /// What to do about a server without `ann`.
  fileprivate var withoutAnn: String {
    if product == .analyticDB { return "CREATE EXTENSION fastann" }
    return pgvectorVersion != nil
      ? "choose --dialect pgvector" : "use AnalyticDB, or a server with pgvector and --dialect pgvector"
  }
}

extension Dialect {
  /// The dialect with the capabilities that the server was found to have.
  /// - Throws: `ImageSearchError` with code `wrongTable` when the server cannot speak it at all.
  package func checked(against server: ServerCapabilities) throws -> Dialect {
    switch indexExtension {
    case .vector where server.pgvectorVersion == nil && !server.hasAnnIndex:
      throw ImageSearchError(
        code: .wrongTable,
        description:
          "this database has no extension vector. Fix: adbvec migrate up, which creates it and the table"
      )
    case .fastann where server.isGreenplumWithoutIndex: return .greenplumArrays
    case .fastann where !server.hasAnnIndex:
      throw ImageSearchError(
        code: .wrongTable,
        description: "this server has no ann index for real[] (\(server.product)). Fix: \(server.withoutAnn)"
      )
    default: break
    }
    let adapted = adapted { $0.adopt(server) }
    return server.qualifier(of: indexExtension.name).map { adapted.naming(extensionSchema: $0) } ?? adapted
  }
}

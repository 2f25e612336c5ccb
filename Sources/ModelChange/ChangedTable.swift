public import ImageSearch
public import PostgresClient
public import VectorSQL

/// A table as it is before its vectors change: everything that the files of the change depend on.
public struct ChangedTable: Sendable {
  /// The change.
  public let change: VectorChange
  /// What the catalogue says of the table.
  public let catalog: VectorTable
  /// The column of the vectors.
  public let column: VectorTable.Column
  /// The column of the classes; nil where the table has none.
  public let classColumn: Identifier?
  /// What made its vectors; nil where nobody recorded it.
  public var recipe: RecordedRecipe?
  /// What the server is.
  public let server: ServerCapabilities
  /// The column's dimension.
  public let dimension: Int
  /// What hangs on the column.
  let dependents: ColumnDependents
  /// Whether the columns of a change are there already.
  let isUnderWay: Bool
  /// What a person should know before the change, a sentence each.
  public var notes: [String] { dependents.notes }

  /// Reads it.
  /// - Throws: `VectorTableError`, `ChangeError` for a table whose vectors cannot be changed in place, `PostgresError`.
  public static func read(_ table: ImageTable, on connection: PostgresConnection) async throws -> ChangedTable
  {
    let catalog = try await VectorTable.read(table.name, vectorColumn: table.vectorColumn, from: connection)
    let server = try await connection.capabilities()
    let column = try catalog.require(table.vectorColumn)
    let name = QualifiedName(schema: catalog.name.schema, name: catalog.name.name)
    let hasSource = catalog.column(table.sourceColumn)?.typeName == "text"
    let change = try VectorChange(
      table: name,
      column: table.vectorColumn,
      idColumn: table.idColumn,
      sourceColumn: hasSource ? table.sourceColumn : nil
    )
    try await refuseOddTables(catalog, change, server, on: connection)
    guard try catalog.require(table.idColumn).isUnique else {
      let concurrently = server.supportsConcurrentIndex ? " CONCURRENTLY" : ""
      throw ChangeError(
        "the column \(table.idColumn.quoted) of \(name.quoted) has no unique index, by which rows are told apart. Fix: "
          + "CREATE UNIQUE INDEX\(concurrently) ON \(name.quoted) (\(table.idColumn.quoted))"
      )
    }
    guard let dimension = try await dimension(column, catalog, on: connection) else {
      throw ChangeError(
        "\(name.quoted) has no vectors in \(table.vectorColumn.quoted) and the column declares no dimension; there is nothing "
          + "to change"
      )
    }
    return ChangedTable(
      change: change,
      catalog: catalog,
      column: column,
      classColumn: catalog.column(table.classColumn) == nil ? nil : table.classColumn,
      recipe: try await RecipeStore(table: name, column: table.vectorColumn, on: connection).read(connection),
      server: server,
      dimension: dimension,
      dependents: try await ColumnDependents.read(catalog, change, server, on: connection),
      isUnderWay: isUnderWay(catalog, change)
    )
  }

  private static func dimension(
    _ column: VectorTable.Column,
    _ table: VectorTable,
    on connection: PostgresConnection
  ) async throws -> Int? {
    if let known = column.declaredDimension ?? table.vectorIndexes.lazy.compactMap(\.dimension).first {
      return known
    }
    let name = try Identifier(validating: column.name).quoted
    let rows = try await connection.query(
      Statement(
        trusted: "SELECT \(name)::real[] FROM \(table.name.quoted) WHERE \(name) IS NOT NULL LIMIT 1"
      )
    )
    return try rows.first?.value(at: 0, as: [Float].self).count
  }
}

extension ChangedTable {
  /// The types that its vectors may get.
  public var possibleTypes: [String] {
    column.typeName.hasSuffix("[]") ? ["real[]"] : ["vector", "halfvec", "bit"]
  }

  /// The type's name that new vectors get where none is asked for: a vector that no index takes becomes a halfvec.
  public func usualType(dimension: Int) -> String {
    let old = column.typeName
    let isTooLong = Dialect.pgvector.maximumIndexedDimension(ofType: old).map { dimension > $0 } ?? false
    return old == "vector" && isTooLong ? "halfvec" : old
  }

  /// The vectors that a model makes of the images.
  /// - Parameter type: the type's name, one of the possible.
  public func vectors(madeBy recipe: Recipe, dimension: Int, type: String) -> NewVectors {
    NewVectors(
      making: .images(recipe),
      type: sqlType(type, dimension: dimension),
      dimension: dimension,
      minimumAgreement: 0
    )
  }

  /// The vectors that a projection makes of the old ones.
  /// - Parameters:
  ///   - projection: its file and the digest of it.
  ///   - dimension: of what comes out.
  public func vectors(
    projectedBy projection: (file: String, digest: String),
    dimension: Int,
    type: String
  ) -> NewVectors {
    var made = recipe?.recipe ?? Recipe()
    made[.projection] = projection.digest
    made[.projectionFile] = projection.file
    return NewVectors(
      making: .projection(file: projection.file, made),
      type: sqlType(type, dimension: dimension),
      dimension: dimension,
      minimumAgreement: 0
    )
  }

  /// The old vectors in another type or length; nil where they are that already. Rounded, they keep their neighbours.
  public func vectors(convertedTo name: String, normalises: Bool) -> NewVectors? {
    let type = sqlType(name, dimension: dimension)
    guard type != column.type || normalises else { return nil }
    return NewVectors(
      making: .conversion(conversion(to: type, normalises: normalises)),
      type: type,
      dimension: dimension,
      minimumAgreement: normalises ? 0 : 0.9
    )
  }

  /// A vector type as SQL writes it here.
  func sqlType(_ name: String, dimension: Int) -> String {
    guard !name.hasSuffix("[]") else { return name }
    let schema = server.qualifier(of: "vector").map { change.sql($0) + "." } ?? ""
    return "\(schema)\(name)(\(dimension))"
  }

  /// A conversion of the column's vectors by the server.
  private func conversion(to type: String, normalises: Bool) -> VectorConversion {
    let hasFunction = !column.typeName.hasSuffix("[]") && server.isPgvector(atLeast: [0, 7])
    return VectorConversion(
      type: type,
      normalises: normalises,
      hasNormaliser: hasFunction,
      qualifier: server.qualifier(of: "vector").map { change.sql($0) + "." } ?? "",
      schema: server.extensions["vector"].map { change.sql($0.schema) + "." } ?? ""
    )
  }

  /// Refuses a change of a table whose images are not all there.
  /// - Throws: `ChangeError` with their number.
  public func refuseMissingImages(on connection: PostgresConnection) async throws {
    let request = BackfillRequest(
      change: change,
      column: change.next,
      making: .images(Recipe()),
      missing: .fail
    )
    let work = try await request.work(on: connection)
    try await request.refuseMissing(work, on: connection)
  }

  /// How many rows behind the switch have no vector because their image was not there, and how many got another source and
  /// kept their vectors.
  public func countUnfit(on connection: PostgresConnection) async throws -> (missing: Int, otherSource: Int) {
    let request = BackfillRequest(
      change: change,
      column: change.column,
      making: .images(Recipe()),
      missing: .keep
    )
    return (
      try await request.count(change.missing(change.column), on: connection),
      try await request.count(change.hasOtherSource, on: connection)
    )
  }
}

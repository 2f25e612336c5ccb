internal import ImageSearch
internal import PostgresClient
public import VectorSQL

/// The table that rows go to, and its columns.
public struct LoadTarget: Sendable, Hashable {
  /// The table.
  public var table: QualifiedName
  /// The integer key.
  public var idColumn: Identifier
  /// The class.
  public var labelColumn: Identifier
  /// The vector.
  public var vectorColumn: Identifier
  /// Where an image can be found again; written when the table has it and the rows come from images.
  public var sourceColumn: Identifier

  /// A target; the columns' names are the tutorial's unless they are given.
  public init(
    table: QualifiedName,
    idColumn: Identifier = "id",
    labelColumn: Identifier = "class",
    vectorColumn: Identifier = "image_vector",
    sourceColumn: Identifier = "source"
  ) {
    self.table = table
    self.idColumn = idColumn
    self.labelColumn = labelColumn
    self.vectorColumn = vectorColumn
    self.sourceColumn = sourceColumn
  }
}

/// The target as a load finds it on the server.
struct TargetTable: Sendable, Hashable {
  /// Its columns' parts.
  let target: LoadTarget
  /// What the catalogue says of it.
  let catalog: VectorTable
  /// Bytes in a page.
  let blockSize: Int
  /// Whether any row is there.
  let hasRows: Bool

  /// Whether a valid unique index covers the id column alone.
  var hasUniqueID: Bool { catalog.column(target.idColumn)?.isUnique == true }
  /// The indexes on the vector column.
  var vectorIndexes: [VectorTable.Index] { catalog.vectorIndexes }
  /// Whether the indexes can be dropped and made again from their definitions. Those of a partitioned table cannot:
  /// a definition speaks of the table alone (`ON ONLY`) and not of its parts.
  var hasDroppableIndexes: Bool {
    !catalog.hasParts && catalog.isOwned && !vectorIndexes.contains { $0.isAttached }
  }

  /// Reads the catalogue and looks for a row.
  /// - Throws: `LoadError` with code `table` when the name is no table's; `PostgresError`.
  static func read(_ target: LoadTarget, on connection: PostgresConnection) async throws -> TargetTable {
    let catalog: VectorTable
    do {
      catalog = try await VectorTable.read(target.table, vectorColumn: target.vectorColumn, from: connection)
    } catch let error as VectorTableError {
      throw LoadError(.table, error.description)
    }
    guard [.table, .partitioned].contains(catalog.kind) else {
      let name = target.table.quoted
      throw LoadError(
        .table,
        "\(name) is no table (relkind \(catalog.kind.rawValue)); name a table, partitioned or not"
      )
    }
    let rows = try await connection.query(
      Statement(trusted: "SELECT 1 FROM \(catalog.name.quoted) LIMIT 1")
    )
    return TargetTable(
      target: target,
      catalog: catalog,
      blockSize: try await connection.capabilities().blockSize,
      hasRows: !rows.isEmpty
    )
  }
}

internal import PostgresClient
public import VectorSQL

/// Which table and columns a search works on.
public struct ImageTable: Sendable, Hashable {
  /// The table.
  public var name: QualifiedName
  /// The column with the ids.
  public var idColumn: Identifier
  /// The column with the labels.
  public var labelColumn: Identifier
  /// The column with the vectors.
  public var vectorColumn: Identifier
  /// The column that says where each image came from; used when the table has it.
  public var sourceColumn: Identifier

  /// The tutorial's table: `public.image_search (id, class, image_vector)`, and `source` where a migration added it.
  public init(
    name: QualifiedName = "public.image_search",
    idColumn: Identifier = "id",
    labelColumn: Identifier = "class",
    vectorColumn: Identifier = "image_vector",
    sourceColumn: Identifier = "source"
  ) {
    self.name = name
    self.idColumn = idColumn
    self.labelColumn = labelColumn
    self.vectorColumn = vectorColumn
    self.sourceColumn = sourceColumn
  }
}

extension Dialect {
  /// The dialect with the capabilities that the server was found to have.
  /// - Throws: `ImageSearchError` with code `wrongTable` when the server cannot speak it at all.
  func checked(against server: ServerCapabilities) throws -> Dialect {
    switch indexExtension {
    case .vector where server.pgvectorVersion == nil && !server.hasAnnIndex:
      throw ImageSearchError(
        code: .wrongTable,
        description: "this database has no extension vector; create it: CREATE EXTENSION vector"
      )
    case .fastann where !server.hasAnnIndex:
      throw ImageSearchError(
        code: .wrongTable,
        description:
          "this server has no ann index for real[] (\(server.product)); create it: CREATE EXTENSION fastann, "
          + "or choose --dialect pgvector"
      )
    default: break
    }
    return adapted { capabilities in
      capabilities.distributedBy = server.canDistribute
      capabilities.citus = server.product == .citus
      capabilities.onConflict = server.supportsOnConflict
      capabilities.indexIfNotExists = server.supportsIndexIfNotExists
      capabilities.iterativeScan = server.hasIterativeScan
      capabilities.concurrently = server.supportsConcurrentIndex
      capabilities.progressViews = server.reportsIndexProgress
      capabilities.materializedCTE = server.serverVersion >= 120000
      // A distributed planner cannot put an index under a lateral join.
      capabilities.lateral = !server.canDistribute
      capabilities.externalStorage = server.productVersion?.hasPrefix("6.") == true && server.canDistribute
    }
  }
}

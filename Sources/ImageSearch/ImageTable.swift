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

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

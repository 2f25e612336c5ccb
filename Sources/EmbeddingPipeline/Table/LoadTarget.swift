public import VectorSQL

/// The table that rows go to, and its three columns.
public struct LoadTarget: Sendable, Hashable {
  /// The table.
  public var table: QualifiedName
  /// The integer key.
  public var idColumn: Identifier
  /// The class.
  public var labelColumn: Identifier
  /// The vector.
  public var vectorColumn: Identifier

  /// A target; the columns' names are the tutorial's unless they are given.
  public init(
    table: QualifiedName,
    idColumn: Identifier = "id",
    labelColumn: Identifier = "class",
    vectorColumn: Identifier = "image_vector"
  ) {
    self.table = table
    self.idColumn = idColumn
    self.labelColumn = labelColumn
    self.vectorColumn = vectorColumn
  }

  /// The three columns, quoted, as a list.
  var columnList: String {
    [idColumn, labelColumn, vectorColumn].map(\.quoted).joined(separator: ", ")
  }
}

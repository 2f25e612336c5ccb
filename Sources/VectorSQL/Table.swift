/// A table as Swift sees it: a plain struct whose properties are its columns.
///
///     struct Products: Table {
///       static let name: QualifiedName = "public.products"
///       let id = Column<Int64>("id"), price = Column<Double>("price")
///       let feature = VectorColumn("feature", dim: 512)
///     }
public protocol Table: Sendable {
  /// The table's name.
  static var name: QualifiedName { get }

  /// The columns.
  init()
}

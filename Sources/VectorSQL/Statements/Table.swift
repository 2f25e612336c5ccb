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

extension IndexDefinition {
  /// An index on a typed table's column.
  public init<T: Table>(
    on table: T.Type,
    _ column: KeyPath<T, VectorColumn>,
    by metric: Metric,
    using method: IndexMethod,
    name: Identifier? = nil
  ) {
    self.init(on: T.name, T()[keyPath: column], by: metric, using: method, name: name)
  }
}

extension NeighborJoin.Side {
  /// One side of a join, of a typed table; shows the key and the columns picked.
  public init<T: Table, Key: SQLEncodable, each E: SQLEncodable>(
    _ table: T.Type,
    key: KeyPath<T, Column<Key>>,
    column: KeyPath<T, VectorColumn>,
    showing pick: (T) -> (repeat Column<each E>)
  ) {
    let instance = T()
    var outputs = [instance[keyPath: key].name]
    for shown in repeat each pick(instance) {
      if !outputs.contains(shown.name) { outputs.append(shown.name) }
    }
    self.init(
      table: T.name,
      key: instance[keyPath: key].name,
      column: instance[keyPath: column],
      outputs: outputs
    )
  }
}

extension Selection {
  /// The rows nearest to several vectors at once, by the weighted sum of the distances.
  ///
  ///     Search(Products.self).select { $0.id }
  ///       .nearest(key: \.id, limit: 10) {
  ///         [.init($0.shape, near: a, by: .cosine, weight: 0.7), .init($0.text, near: b, by: .cosine, weight: 0.3)]
  ///       }
  public func nearest<Key: SQLEncodable>(
    key: KeyPath<T, Column<Key>>,
    limit: Int,
    candidates: Int? = nil,
    _ terms: (T) -> [WeightedSearch.Term]
  ) -> WeightedSearch {
    var search = WeightedSearch(
      table: T.name,
      columns: [],
      key: T()[keyPath: key].name,
      terms: terms(T()),
      limit: limit,
      candidates: candidates
    )
    search.outputs = outputs
    search.filters = filters
    return search
  }

  /// The rows nearest to a vector of bits.
  /// - Throws: `RenderingError` when the bits do not fit the column.
  public func nearest(
    _ column: KeyPath<T, VectorColumn>,
    toBits bits: [Bool],
    by metric: Metric,
    limit: Int
  ) throws(RenderingError) -> NearestSearch<T, repeat each Value> {
    try nearest(column, to: bits.map { $0 ? 1 : 0 }, by: metric, limit: limit)
  }
}

/// A table inside a statement about the tables `Scope`: its columns, by the names of their properties, written with the
/// table's alias where it has one.
@dynamicMemberLookup
public struct TableReference<T: Table, Scope>: Sendable {
  let alias: Identifier?
  private let table = T()

  init(alias: Identifier?) { self.alias = alias }

  /// A column of the table.
  public subscript<Value>(dynamicMember column: KeyPath<T, Column<Value>>) -> ColumnReference<Scope, Value> {
    ColumnReference(alias: alias, name: table[keyPath: column].name)
  }

  /// A column of vectors, to be written into a fragment.
  public subscript(dynamicMember column: KeyPath<T, VectorColumn>) -> SQL {
    let name = table[keyPath: column].sql
    return alias.map { "\(id: $0).\(name)" } ?? name
  }

  /// A condition that the table declares of its columns.
  public subscript(dynamicMember condition: KeyPath<T, Condition>) -> ScopedCondition<Scope> {
    .init(table[keyPath: condition].sql)
  }
}

/// A table that may have no row beside the other one's: each of its columns may be null.
@dynamicMemberLookup
public struct OptionalTableReference<T: Table, Scope>: Sendable {
  let alias: Identifier
  private let table = T()

  init(alias: Identifier) { self.alias = alias }

  /// A column of the table.
  public subscript<Value>(dynamicMember column: KeyPath<T, Column<Value>>) -> ColumnReference<Scope, Value?> {
    ColumnReference(alias: alias, name: table[keyPath: column].name)
  }

  /// A column of the table that is nullable already.
  public subscript<Value>(dynamicMember column: KeyPath<T, Column<Value?>>) -> ColumnReference<Scope, Value?>
  {
    ColumnReference(alias: alias, name: table[keyPath: column].name)
  }
}

/// A column of one of a statement's tables.
public struct ColumnReference<Scope, Value: SQLEncodable>: SQLExpression {
  let alias: Identifier?
  /// The column's name.
  public let name: Identifier

  /// The column with its table's alias, where it has one.
  public var sql: SQL { alias.map { "\(id: $0).\(id: name)" } ?? .identifier(name) }

  /// A name binds tighter than any operator.
  public var operand: SQL { sql }
}

extension Table {
  /// A condition on rows of this table, for a statement that is put together elsewhere.
  public static func condition(
    _ condition: (TableReference<Self, Self>) -> ScopedCondition<Self>
  ) -> ScopedCondition<Self> {
    condition(TableReference(alias: nil))
  }
}

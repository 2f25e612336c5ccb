/// A table inside a statement: its columns, by the names of their properties, written with the table's alias.
@dynamicMemberLookup
public struct TableReference<T: Table>: Sendable {
  let alias: Identifier
  private let table = T()

  init(alias: Identifier) { self.alias = alias }

  /// A column of the table.
  public subscript<Value>(dynamicMember column: KeyPath<T, Column<Value>>) -> ColumnReference<Value> {
    ColumnReference(alias: alias, name: table[keyPath: column].name)
  }

  /// A column of vectors, to be written into a fragment.
  public subscript(dynamicMember column: KeyPath<T, VectorColumn>) -> SQL {
    "\(id: alias).\(table[keyPath: column].sql)"
  }
}

/// A table that may have no row beside the other one's: each of its columns may be null.
@dynamicMemberLookup
public struct OptionalTableReference<T: Table>: Sendable {
  let alias: Identifier
  private let table = T()

  init(alias: Identifier) { self.alias = alias }

  /// A column of the table.
  public subscript<Value>(dynamicMember column: KeyPath<T, Column<Value>>) -> ColumnReference<Value?> {
    ColumnReference(alias: alias, name: table[keyPath: column].name)
  }

  /// A column of the table that is nullable already.
  public subscript<Value>(dynamicMember column: KeyPath<T, Column<Value?>>) -> ColumnReference<Value?> {
    ColumnReference(alias: alias, name: table[keyPath: column].name)
  }
}

/// A column of one of a statement's tables.
public struct ColumnReference<Value: SQLEncodable>: SQLExpression {
  let alias: Identifier
  /// The column's name.
  public let name: Identifier

  /// The column with its table's alias.
  public var sql: SQL { "\(id: alias).\(id: name)" }

  /// A name binds tighter than any operator.
  public var operand: SQL { sql }
}

/// A key of `ORDER BY`.
public struct Ordering: Sendable {
  let key: SQL
  let isDescending: Bool
  let nulls: Nulls?
  /// Whether the key may be null.
  let isNullable: Bool

  /// Where rows without a value go.
  public enum Nulls: Sendable, Hashable {
    /// Before all others.
    case first
    /// After all others.
    case last
  }

  var sql: SQL {
    let direction: SQL = isDescending ? " DESC" : ""
    let place: SQL =
      switch nulls {
      case nil: ""
      case .first: " NULLS FIRST"
      case .last: " NULLS LAST"
      }
    return "\(key)\(direction)\(place)"
  }

  private var nullsComeLast: Bool { nulls.map { $0 == .last } ?? !isDescending }

  /// The rows whose key comes after a value; nil where no key does.
  func isAfter(_ value: SQLValue) -> Condition? {
    guard value != .null else { return nullsComeLast ? nil : .atom("\(key) IS NOT NULL") }
    let symbol: SQL = isDescending ? "<" : ">"
    let later = Condition.atom("\(key) \(symbol) \(value)")
    return isNullable && nullsComeLast ? later.or(.atom("\(key) IS NULL")) : later
  }

  /// The rows whose key is a value.
  func isAt(_ value: SQLValue) -> Condition {
    value == .null ? .atom("\(key) IS NULL") : .atom("\(key) = \(value)")
  }
}

extension SQLExpression {
  /// Smallest first; nulls last unless told otherwise.
  public var ascending: Ordering { ascending(nulls: nil) }
  /// Greatest first; nulls first unless told otherwise.
  public var descending: Ordering { descending(nulls: nil) }

  /// Smallest first.
  public func ascending(nulls: Ordering.Nulls?) -> Ordering {
    ordering(isDescending: false, nulls)
  }

  /// Greatest first.
  public func descending(nulls: Ordering.Nulls?) -> Ordering {
    ordering(isDescending: true, nulls)
  }

  private func ordering(isDescending: Bool, _ nulls: Ordering.Nulls?) -> Ordering {
    // A type that is compared with another type than itself is an optional.
    let isNullable = Value.self != Value.Comparand.self
    return Ordering(key: operand, isDescending: isDescending, nulls: nulls, isNullable: isNullable)
  }

  /// `count(expression)`: the rows where it is not null.
  public var count: Expression<Int> { Expression(aggregate: "count(\(sql))") }
  /// `count(DISTINCT expression)`.
  public var countDistinct: Expression<Int> { Expression(aggregate: "count(DISTINCT \(sql))") }
  /// The least value; null where there are no rows.
  public var minimum: Expression<Value.Comparand?> { Expression(aggregate: "min(\(sql))") }
  /// The greatest value; null where there are no rows.
  public var maximum: Expression<Value.Comparand?> { Expression(aggregate: "max(\(sql))") }
  /// The mean as a `double precision`; null where there are no rows.
  public var average: Expression<Double?> { Expression(aggregate: "CAST(avg(\(sql)) AS double precision)") }
  /// The sum as a `double precision`; null where there are no rows.
  public var sum: Expression<Double?> { Expression(aggregate: "CAST(sum(\(sql)) AS double precision)") }
}

extension Expression where Value == Int {
  /// `count(*)`: the rows of a group.
  public static var rowCount: Expression<Int> { Expression(aggregate: "count(*)") }
}

extension Expression {
  /// A call, which needs no parentheses.
  fileprivate init(aggregate sql: SQL) { self.init(sql, isCall: true) }
}

/// Where a typed query begins: one table, or several that are joined, and the rows of them that are wanted.
///
///     let query = Select(from: Products.self)
///       .join(Shops.self) { $0.shopID.equals($1.id) }
///       .where { products, shops in products.price.isLess(than: 10) }
///       .columns { products, shops in (products.id, shops.name) }
///       .order { products, _ in [products.price.ascending, products.id.ascending] }
///       .limited(to: 20)
///
/// Inside the closures a table's columns are the properties of its declaration.
public struct Select<Scope: Sendable>: Sendable {
  let scope: Scope
  let source: SQL
  /// The names by which the tables are known.
  let aliases: [Identifier]
  var conditions: [Condition] = []

  /// Adds a condition; several must all hold.
  public func `where`(_ condition: (Scope) -> Condition) -> Self {
    var copy = self
    copy.conditions.append(condition(scope))
    return copy
  }

  /// Adds a condition when there is one to add.
  public func `where`(_ condition: Condition?) -> Self {
    var copy = self
    if let condition { copy.conditions.append(condition) }
    return copy
  }

  /// Chooses what each row shows; the types of the rows follow from the expressions.
  public func columns<each E: SQLExpression>(
    _ pick: (Scope) -> (repeat each E)
  ) -> Query<Scope, repeat (each E).Value> {
    var outputs: [VectorSearch.Output] = []
    for expression in repeat each pick(scope) {
      outputs.append(expression.output(number: outputs.count + 1))
    }
    return Query(select: self, outputs: outputs)
  }
}

extension Select {
  /// The rows of a table.
  public init<T: Table>(from table: T.Type) where Scope == TableReference<T> {
    scope = TableReference(alias: T.name.name)
    source = "\(table: T.name) AS \(id: T.name.name)"
    aliases = [T.name.name]
  }

  /// Each row beside the rows of another table that fit it. A table joined with itself is the second one under the alias
  /// `other`.
  public func join<T: Table, U: Table>(
    _ other: U.Type,
    on condition: (TableReference<T>, TableReference<U>) -> Condition
  ) -> Select<(TableReference<T>, TableReference<U>)> where Scope == TableReference<T> {
    let second = TableReference<U>(alias: alias(of: U.self))
    return joined("JOIN", U.name, second.alias, (scope, second), on: condition(scope, second))
  }

  /// Each row beside the rows of another table that fit it, and once beside nulls where none does.
  public func leftJoin<T: Table, U: Table>(
    _ other: U.Type,
    on condition: (TableReference<T>, TableReference<U>) -> Condition
  ) -> Select<(TableReference<T>, OptionalTableReference<U>)> where Scope == TableReference<T> {
    let second = TableReference<U>(alias: alias(of: U.self))
    let scopes = (scope, OptionalTableReference<U>(alias: second.alias))
    return joined("LEFT JOIN", U.name, second.alias, scopes, on: condition(scope, second))
  }

  /// Each pair of rows beside the rows of a third table that fit it.
  public func join<T: Table, U: Table, V: Table>(
    _ third: V.Type,
    on condition: (TableReference<T>, TableReference<U>, TableReference<V>) -> Condition
  ) -> Select<(TableReference<T>, TableReference<U>, TableReference<V>)>
  where Scope == (TableReference<T>, TableReference<U>) {
    let last = TableReference<V>(alias: alias(of: V.self))
    let on = condition(scope.0, scope.1, last)
    return joined("JOIN", V.name, last.alias, (scope.0, scope.1, last), on: on)
  }

  /// Each pair of rows beside the rows of a third table that fit it, and once beside nulls where none does.
  public func leftJoin<T: Table, U: Table, V: Table>(
    _ third: V.Type,
    on condition: (TableReference<T>, TableReference<U>, TableReference<V>) -> Condition
  ) -> Select<(TableReference<T>, TableReference<U>, OptionalTableReference<V>)>
  where Scope == (TableReference<T>, TableReference<U>) {
    let last = TableReference<V>(alias: alias(of: V.self))
    let scopes = (scope.0, scope.1, OptionalTableReference<V>(alias: last.alias))
    return joined("LEFT JOIN", V.name, last.alias, scopes, on: condition(scope.0, scope.1, last))
  }

  private func joined<Joined>(
    _ verb: SQL,
    _ table: QualifiedName,
    _ alias: Identifier,
    _ scope: Joined,
    on condition: Condition
  ) -> Select<Joined> {
    Select<Joined>(
      scope: scope,
      source: "\(source) \(verb) \(table: table) AS \(id: alias) ON \(condition)",
      aliases: aliases + [alias],
      conditions: conditions
    )
  }

  /// The table's name; where it is taken, as in a table joined with itself, `other`.
  private func alias<T: Table>(of: T.Type) -> Identifier {
    let free = [T.name.name, "other", "third"].first { !aliases.contains($0) }
    return free ?? T.name.name
  }
}

/// A complete typed query; ``Select`` makes it.
public struct Query<Scope: Sendable, each Value: SQLEncodable>: Sendable {
  private let select: Select<Scope>
  private let outputs: [VectorSearch.Output]
  private var groups: [SQL] = []
  private var groupConditions: [Condition] = []
  private var orderings: [Ordering] = []
  private var cursor: [SQLValue] = []
  private var limit: Int?

  init(select: Select<Scope>, outputs: [VectorSearch.Output]) {
    self.select = select
    self.outputs = outputs
  }

  /// One row for each combination of these values.
  public func grouped<each E: SQLExpression>(by keys: (Scope) -> (repeat each E)) -> Self {
    var copy = self
    for key in repeat each keys(select.scope) { copy.groups.append(key.operand) }
    return copy
  }

  /// Only groups that meet a condition, usually one on an aggregate.
  public func having(_ condition: (Scope) -> Condition) -> Self {
    var copy = self
    copy.groupConditions.append(condition(select.scope))
    return copy
  }

  /// The order of the rows; the first key counts most.
  public func order(by keys: (Scope) -> [Ordering]) -> Self {
    var copy = self
    copy.orderings = keys(select.scope)
    return copy
  }

  /// The most rows returned.
  public func limited(to count: Int) -> Self {
    var copy = self
    copy.limit = count
    return copy
  }

  /// The page after a row, given by its values of the keys of the order.
  ///
  /// The keys must be unique together, such as a price and then the id: rows of equal prices, or without one, are then
  /// neither shown twice nor left out.
  public func after(_ values: any SQLEncodable...) -> Self {
    var copy = self
    copy.cursor = values.map(\.sqlValue)
    return copy
  }

  /// The query as a fragment.
  public var sql: SQL {
    .perDialect { _ throws(RenderingError) in try body() }
  }

  /// The query as a statement.
  /// - Throws: `RenderingError` for a limit out of range, or a cursor that does not fit the order.
  public func rendered(
    for dialect: Dialect,
    layout: TextLayout = .compact
  ) throws(RenderingError) -> Statement {
    try sql.rendered(for: dialect, layout: layout)
  }

  private func body() throws(RenderingError) -> SQL {
    if let limit { try RenderingError.check(limit, in: 0...Int(Int32.max), "the number of rows") }
    let conditions = select.conditions + (cursor.isEmpty ? [] : [try isAfterCursor()])
    return [
      .select([outputs.map(\.declaration).joined(separator: ", ")]),
      "FROM \(select.source)",
      conditions.isEmpty ? .empty : "WHERE \(Condition.all(conditions))",
      groups.isEmpty ? .empty : "GROUP BY \(groups.joined(separator: ", "))",
      groupConditions.isEmpty ? .empty : "HAVING \(Condition.all(groupConditions))",
      orderings.isEmpty ? .empty : "ORDER BY \(orderings.map(\.sql).joined(separator: ", "))",
      limit.map { "LIMIT \(Int64($0))" } ?? .empty,
    ].clauses
  }

  /// `a > x OR (a = x AND b > y)`, each key in its own direction, nulls where the order puts them.
  private func isAfterCursor() throws(RenderingError) -> Condition {
    guard cursor.count == orderings.count else {
      throw RenderingError(
        .invalidShape,
        "the page begins after \(cursor.count) values, and the order has \(orderings.count) keys; give one for each"
      )
    }
    var alternatives: [Condition] = []
    var equal: [Condition] = []
    for (ordering, value) in zip(orderings, cursor) {
      if let after = ordering.isAfter(value) { alternatives.append(.all(equal + [after])) }
      equal.append(ordering.isAt(value))
    }
    return .any(alternatives)
  }
}

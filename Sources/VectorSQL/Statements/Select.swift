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
  public var count: ScopedExpression<Scope, Int> { ScopedExpression(aggregate: "count(\(sql))") }
  /// `count(DISTINCT expression)`.
  public var countDistinct: ScopedExpression<Scope, Int> {
    ScopedExpression(aggregate: "count(DISTINCT \(sql))")
  }
  /// The least value; null where there are no rows.
  public var minimum: ScopedExpression<Scope, Value.Comparand?> { ScopedExpression(aggregate: "min(\(sql))") }
  /// The greatest value; null where there are no rows.
  public var maximum: ScopedExpression<Scope, Value.Comparand?> { ScopedExpression(aggregate: "max(\(sql))") }
  /// The mean as a `double precision`; null where there are no rows.
  public var average: ScopedExpression<Scope, Double?> {
    ScopedExpression(aggregate: "CAST(avg(\(sql)) AS double precision)")
  }
  /// The sum as a `double precision`; null where there are no rows.
  public var sum: ScopedExpression<Scope, Double?> {
    ScopedExpression(aggregate: "CAST(sum(\(sql)) AS double precision)")
  }
}

extension ScopedExpression where Scope == Unscoped, Value == Int {
  /// `count(*)`: the rows of a group.
  public static var rowCount: Expression<Int> { Expression(aggregate: "count(*)") }
}

extension ScopedExpression {
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
public struct Select<References: Sendable, Scope>: Sendable {
  let references: References
  let source: SQL
  /// The names by which the tables are known.
  let aliases: [Identifier]
  var conditions: [Condition] = []

  /// Adds a condition; several must all hold.
  public func `where`(_ condition: (References) -> ScopedCondition<Scope>) -> Self {
    var copy = self
    copy.conditions.append(condition(references).unscoped)
    return copy
  }

  /// Adds a condition when there is one to add.
  public func `where`(_ condition: ScopedCondition<Scope>?) -> Self {
    var copy = self
    if let condition { copy.conditions.append(condition.unscoped) }
    return copy
  }

  /// Chooses what each row shows; the types of the rows follow from the expressions.
  public func columns<each E: SQLExpression>(
    _ pick: (References) -> (repeat each E)
  ) -> Query<References, repeat (each E).Value> {
    var outputs: [VectorSearch.Output] = []
    for expression in repeat each pick(references) {
      outputs.append(expression.output(number: outputs.count + 1))
    }
    return Query(
      references: references,
      source: source,
      conditions: conditions,
      outputs: outputs
    )
  }
}

extension Select where Scope: Table, References == TableReference<Scope, Scope> {
  /// The rows of a table.
  public init(from table: Scope.Type) {
    references = TableReference(alias: Scope.name.name)
    source = "\(table: Scope.name) AS \(id: Scope.name.name)"
    aliases = [Scope.name.name]
  }

  /// Each row beside the rows of another table that fit it. A table joined with itself is the second one under the alias
  /// `other`.
  public func join<U: Table>(
    _ other: U.Type,
    on condition: (TableReference<Scope, (Scope, U)>, TableReference<U, (Scope, U)>) -> ScopedCondition<
      (Scope, U)
    >
  ) -> Select<(TableReference<Scope, (Scope, U)>, TableReference<U, (Scope, U)>), (Scope, U)> {
    let alias = alias(of: U.self)
    let tables = (
      TableReference<Scope, (Scope, U)>(alias: references.alias), TableReference<U, (Scope, U)>(alias: alias)
    )
    return joined("JOIN", U.name, alias, tables, on: condition(tables.0, tables.1))
  }

  /// Each row beside the rows of another table that fit it, and once beside nulls where none does.
  public func leftJoin<U: Table>(
    _ other: U.Type,
    on condition: (TableReference<Scope, (Scope, U)>, TableReference<U, (Scope, U)>) -> ScopedCondition<
      (Scope, U)
    >
  ) -> Select<(TableReference<Scope, (Scope, U)>, OptionalTableReference<U, (Scope, U)>), (Scope, U)> {
    let alias = alias(of: U.self)
    let first = TableReference<Scope, (Scope, U)>(alias: references.alias)
    let on = condition(first, TableReference(alias: alias))
    return joined("LEFT JOIN", U.name, alias, (first, OptionalTableReference(alias: alias)), on: on)
  }
}

extension Select {
  /// Each pair of rows beside the rows of a third table that fit it.
  public func join<T: Table, U: Table, V: Table>(
    _ third: V.Type,
    on condition: (
      TableReference<T, (T, U, V)>, TableReference<U, (T, U, V)>, TableReference<V, (T, U, V)>
    ) -> ScopedCondition<(T, U, V)>
  ) -> Select<
    (TableReference<T, (T, U, V)>, TableReference<U, (T, U, V)>, TableReference<V, (T, U, V)>), (T, U, V)
  >
  where References == (TableReference<T, (T, U)>, TableReference<U, (T, U)>), Scope == (T, U) {
    let alias = alias(of: V.self)
    let tables = (
      TableReference<T, (T, U, V)>(alias: references.0.alias),
      TableReference<U, (T, U, V)>(alias: references.1.alias), TableReference<V, (T, U, V)>(alias: alias)
    )
    return joined("JOIN", V.name, alias, tables, on: condition(tables.0, tables.1, tables.2))
  }

  /// Each pair of rows beside the rows of a third table that fit it, and once beside nulls where none does.
  public func leftJoin<T: Table, U: Table, V: Table>(
    _ third: V.Type,
    on condition: (
      TableReference<T, (T, U, V)>, TableReference<U, (T, U, V)>, TableReference<V, (T, U, V)>
    ) -> ScopedCondition<(T, U, V)>
  ) -> Select<
    (TableReference<T, (T, U, V)>, TableReference<U, (T, U, V)>, OptionalTableReference<V, (T, U, V)>),
    (T, U, V)
  >
  where References == (TableReference<T, (T, U)>, TableReference<U, (T, U)>), Scope == (T, U) {
    let alias = alias(of: V.self)
    let first = TableReference<T, (T, U, V)>(alias: references.0.alias)
    let second = TableReference<U, (T, U, V)>(alias: references.1.alias)
    let on = condition(first, second, TableReference(alias: alias))
    return joined("LEFT JOIN", V.name, alias, (first, second, OptionalTableReference(alias: alias)), on: on)
  }

  private func joined<Joined, JoinedScope>(
    _ verb: SQL,
    _ table: QualifiedName,
    _ alias: Identifier,
    _ references: Joined,
    on condition: ScopedCondition<JoinedScope>
  ) -> Select<Joined, JoinedScope> {
    Select<Joined, JoinedScope>(
      references: references,
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
public struct Query<References: Sendable, each Value: SQLEncodable>: Sendable {
  private let references: References
  private let source: SQL
  private let conditions: [Condition]
  private let outputs: [VectorSearch.Output]
  private var groups: [SQL] = []
  private var groupConditions: [Condition] = []
  private var orderings: [Ordering] = []
  private var cursor: [SQLValue] = []
  private var limit: Int?

  init(references: References, source: SQL, conditions: [Condition], outputs: [VectorSearch.Output]) {
    self.references = references
    self.source = source
    self.conditions = conditions
    self.outputs = outputs
  }

  /// One row for each combination of these values.
  public func grouped<each E: SQLExpression>(by keys: (References) -> (repeat each E)) -> Self {
    var copy = self
    for key in repeat each keys(references) { copy.groups.append(key.operand) }
    return copy
  }

  /// Only groups that meet a condition, usually one on an aggregate.
  public func having<Scope>(_ condition: (References) -> ScopedCondition<Scope>) -> Self {
    var copy = self
    copy.groupConditions.append(condition(references).unscoped)
    return copy
  }

  /// The order of the rows; the first key counts most.
  public func order(by keys: (References) -> [Ordering]) -> Self {
    var copy = self
    copy.orderings = keys(references)
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
    let conditions = self.conditions + (cursor.isEmpty ? [] : [try isAfterCursor()])
    return [
      .select([outputs.map(\.declaration).joined(separator: ", ")]),
      "FROM \(source)",
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

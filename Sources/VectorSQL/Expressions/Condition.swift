/// What a `WHERE` clause asks of a row, bound to no table: for searches whose table is known at run time.
public typealias Condition = ScopedCondition<Unscoped>

/// The scope of what is bound to no table.
public enum Unscoped: Sendable {}

/// What a `WHERE` clause asks of a row of the tables `Scope`: a statement about other tables does not take it.
///
/// A condition written by hand gets its scope from where it stands: `.where { .init("lower(\(id: $0.title)) = \(title)") }`.
public struct ScopedCondition<Scope>: Sendable {
  /// The condition's text and values.
  public let sql: SQL
  private let binding: Binding
  private let conjuncts: [SQL]

  fileprivate enum Binding: Int, Sendable {
    case or, and, not, atom
  }

  /// A condition written by hand; it is put in parentheses where it is combined with others.
  public init(_ sql: SQL) {
    self.init(sql, .or)
  }

  /// The condition without its scope.
  var unscoped: Condition {
    Condition(sql, Condition.Binding(rawValue: binding.rawValue) ?? .or, conjuncts: conjuncts)
  }

  fileprivate init(_ sql: SQL, _ binding: Binding, conjuncts: [SQL] = []) {
    self.sql = sql
    self.binding = binding
    self.conjuncts = conjuncts
  }

  static func atom(_ sql: SQL) -> Self { ScopedCondition(sql, .atom) }

  /// Both conditions hold.
  public func and(_ other: Self) -> Self { .all([self, other]) }

  /// At least one of the conditions holds.
  public func or(_ other: Self) -> Self { .any([self, other]) }

  /// The condition does not hold.
  public var negated: Self { ScopedCondition("NOT \(protected(.not))", .not) }

  /// All conditions hold; an empty list always holds.
  public static func all(_ conditions: [Self]) -> Self {
    guard let first = conditions.first else { return .atom("TRUE") }
    guard conditions.count > 1 else { return first }
    let parts = conditions.flatMap { $0.binding == .and ? $0.conjuncts : [$0.protected(.and)] }
    return ScopedCondition(parts.joined(separator: .line.appending("AND ")).indented, .and, conjuncts: parts)
  }

  /// At least one condition holds; an empty list never holds.
  public static func any(_ conditions: [Self]) -> Self {
    guard let first = conditions.first else { return .atom("FALSE") }
    guard conditions.count > 1 else { return first }
    return ScopedCondition(conditions.map { $0.protected(.or) }.joined(separator: " OR "), .or)
  }

  private func protected(_ outer: Binding) -> SQL {
    binding.rawValue > outer.rawValue ? sql : "(\(sql))"
  }
}

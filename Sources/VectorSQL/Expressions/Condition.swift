/// What a `WHERE` clause asks of a row.
public struct Condition: Sendable {
  /// The condition's text and values.
  public let sql: SQL
  private let binding: Binding
  private let conjuncts: [SQL]

  private enum Binding: Int, Sendable {
    case or, and, not, atom
  }

  /// A condition written by hand; it is put in parentheses where it is combined with others.
  public init(_ sql: SQL) {
    self.init(sql, .or)
  }

  private init(_ sql: SQL, _ binding: Binding, conjuncts: [SQL] = []) {
    self.sql = sql
    self.binding = binding
    self.conjuncts = conjuncts
  }

  static func atom(_ sql: SQL) -> Condition { Condition(sql, .atom) }

  /// Both conditions hold.
  public func and(_ other: Condition) -> Condition { .all([self, other]) }

  /// At least one of the conditions holds.
  public func or(_ other: Condition) -> Condition { .any([self, other]) }

  /// The condition does not hold.
  public var negated: Condition { Condition("NOT \(protected(.not))", .not) }

  /// All conditions hold; an empty list always holds.
  public static func all(_ conditions: [Condition]) -> Condition {
    guard let first = conditions.first else { return .atom("TRUE") }
    guard conditions.count > 1 else { return first }
    let parts = conditions.flatMap { $0.binding == .and ? $0.conjuncts : [$0.protected(.and)] }
    return Condition(parts.joined(separator: .line.appending("AND ")).indented, .and, conjuncts: parts)
  }

  /// At least one condition holds; an empty list never holds.
  public static func any(_ conditions: [Condition]) -> Condition {
    guard let first = conditions.first else { return .atom("FALSE") }
    guard conditions.count > 1 else { return first }
    return Condition(conditions.map { $0.protected(.or) }.joined(separator: " OR "), .or)
  }

  private func protected(_ outer: Binding) -> SQL {
    binding.rawValue > outer.rawValue ? sql : "(\(sql))"
  }
}

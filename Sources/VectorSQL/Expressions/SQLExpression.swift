/// Something with a value in each row: a column, or what is computed from columns.
public protocol SQLExpression<Value>: Sendable {
  /// The Swift type of the value.
  associatedtype Value: SQLEncodable
  /// The table, or the joined tables, whose rows have the value; `Unscoped` where that is not known.
  associatedtype Scope

  /// The expression's text and values.
  var sql: SQL { get }
  /// The expression as an operand: in parentheses, unless it is a name.
  var operand: SQL { get }

  /// The expression as the `number`-th value that each row of a search shows.
  func output(number: Int) -> VectorSearch.Output
}

extension SQLExpression {
  /// In parentheses, so that what stands around it cannot change its meaning.
  public var operand: SQL { "(\(sql))" }

  /// What is computed gets a name by its place.
  public func output(number: Int) -> VectorSearch.Output {
    VectorSearch.Output(sql, as: Identifier(unchecked: "value_\(number)"))
  }
}

/// A computed value whose tables the caller vouches for.
public typealias Expression<Value: SQLEncodable> = ScopedExpression<Unscoped, Value>

/// A value computed from columns of the tables `Scope`.
public struct ScopedExpression<Scope, Value: SQLEncodable>: SQLExpression {
  /// The expression's text and values.
  public let sql: SQL
  private let isCall: Bool

  /// An expression whose type the caller vouches for.
  public init(_ sql: SQL) {
    self.init(sql, isCall: false)
  }

  /// - Parameter isCall: whether the text is a call, which needs no parentheses.
  init(_ sql: SQL, isCall: Bool) {
    self.sql = sql
    self.isCall = isCall
  }

  /// In parentheses, unless it is a call.
  public var operand: SQL { isCall ? sql : "(\(sql))" }
}

/// A column of a table, with the Swift type of its values.
public struct Column<Value: SQLEncodable>: SQLExpression {
  /// A column by itself does not know its table; inside the closure of a statement it does.
  public typealias Scope = Unscoped

  /// The column's name.
  public let name: Identifier

  /// A column of that name.
  public init(_ name: Identifier) {
    self.name = name
  }

  /// The quoted name.
  public var sql: SQL { .identifier(name) }

  /// The quoted name.
  public var operand: SQL { sql }

  /// A column keeps its name.
  public func output(number: Int) -> VectorSearch.Output { VectorSearch.Output(column: name) }
}

extension SQLExpression {
  private func compare(_ symbol: SQL, _ value: Value.Comparand) -> ScopedCondition<Scope> {
    .atom("\(operand) \(symbol) \(value)")
  }

  /// `= value`.
  public func equals(_ value: Value.Comparand) -> ScopedCondition<Scope> { compare("=", value) }

  /// `<> value`.
  public func isNot(_ value: Value.Comparand) -> ScopedCondition<Scope> { compare("<>", value) }

  /// `< value`.
  public func isLess(than value: Value.Comparand) -> ScopedCondition<Scope> { compare("<", value) }

  /// `<= value`.
  public func isAtMost(_ value: Value.Comparand) -> ScopedCondition<Scope> { compare("<=", value) }

  /// `> value`.
  public func isGreater(than value: Value.Comparand) -> ScopedCondition<Scope> { compare(">", value) }

  /// `>= value`.
  public func isAtLeast(_ value: Value.Comparand) -> ScopedCondition<Scope> { compare(">=", value) }

  /// `BETWEEN low AND high`, both ends included.
  public func isBetween(_ low: Value.Comparand, _ high: Value.Comparand) -> ScopedCondition<Scope> {
    .atom("\(operand) BETWEEN \(low) AND \(high)")
  }

  /// `IS NULL`.
  public var isNull: ScopedCondition<Scope> { .atom("\(operand) IS NULL") }

  /// `IS NOT NULL`.
  public var isNotNull: ScopedCondition<Scope> { .atom("\(operand) IS NOT NULL") }

  /// The same value as another expression of the same type and tables, such as a second column; either may be nullable.
  public func equals<Other: SQLExpression>(_ other: Other) -> ScopedCondition<Scope>
  where Other.Value.Comparand == Value.Comparand, Other.Scope == Scope { compare("=", to: other) }

  /// Another value than another expression of the same type and tables.
  public func isNot<Other: SQLExpression>(_ other: Other) -> ScopedCondition<Scope>
  where Other.Value.Comparand == Value.Comparand, Other.Scope == Scope { compare("<>", to: other) }

  /// Less than another expression of the same type and tables.
  public func isLess<Other: SQLExpression>(than other: Other) -> ScopedCondition<Scope>
  where Other.Value.Comparand == Value.Comparand, Other.Scope == Scope { compare("<", to: other) }

  /// At most another expression of the same type and tables.
  public func isAtMost<Other: SQLExpression>(_ other: Other) -> ScopedCondition<Scope>
  where Other.Value.Comparand == Value.Comparand, Other.Scope == Scope { compare("<=", to: other) }

  /// Greater than another expression of the same type and tables.
  public func isGreater<Other: SQLExpression>(than other: Other) -> ScopedCondition<Scope>
  where Other.Value.Comparand == Value.Comparand, Other.Scope == Scope { compare(">", to: other) }

  /// At least another expression of the same type and tables.
  public func isAtLeast<Other: SQLExpression>(_ other: Other) -> ScopedCondition<Scope>
  where Other.Value.Comparand == Value.Comparand, Other.Scope == Scope { compare(">=", to: other) }

  private func compare(_ symbol: SQL, to other: some SQLExpression) -> ScopedCondition<Scope> {
    .atom("\(operand) \(symbol) \(other.operand)")
  }
}

extension SQLExpression where Value.Comparand: SQLArrayElement {
  /// `= ANY(values)`: one parameter however many values, so the text does not grow with the list.
  public func isIn(_ values: [Value.Comparand]) -> ScopedCondition<Scope> {
    .atom("\(operand) = ANY(\(values))")
  }

  /// `<> ALL(values)`.
  public func isNotIn(_ values: [Value.Comparand]) -> ScopedCondition<Scope> {
    .atom("\(operand) <> ALL(\(values))")
  }
}

extension SQLExpression where Value.Comparand == String {
  /// `LIKE pattern`: `%` for any text, `_` for any character.
  public func isLike(_ pattern: String) -> ScopedCondition<Scope> { .atom("\(operand) LIKE \(pattern)") }

  /// `ILIKE pattern`: as `LIKE`, in any case.
  public func isLikeIgnoringCase(_ pattern: String) -> ScopedCondition<Scope> {
    .atom("\(operand) ILIKE \(pattern)")
  }

  /// Starts with the text, whose `%`, `_` and `\` stand for themselves.
  public func hasPrefix(_ text: String) -> ScopedCondition<Scope> { isLike(Self.escaped(text) + "%") }

  /// Contains the text, whose `%`, `_` and `\` stand for themselves.
  public func contains(_ text: String) -> ScopedCondition<Scope> { isLike("%" + Self.escaped(text) + "%") }

  private static func escaped(_ text: String) -> String {
    var result = ""
    for scalar in text.unicodeScalars {
      if scalar == "%" || scalar == "_" || scalar == "\\" { result += "\\" }
      result.unicodeScalars.append(scalar)
    }
    return result
  }
}

/// An array type, whose columns can be searched for elements.
public protocol SQLArray: SQLEncodable {
  /// The type of one element.
  associatedtype ArrayElement: SQLArrayElement
}

extension Array: SQLArray where Element: SQLArrayElement {
  /// The type of one element.
  public typealias ArrayElement = Element
}

extension SQLExpression where Value.Comparand: SQLArray {
  /// `@>`: the array has all of these elements.
  public func contains(all elements: Value.Comparand) -> ScopedCondition<Scope> {
    .atom("\(operand) @> \(elements)")
  }

  /// `&&`: the array has at least one of these elements.
  public func contains(anyOf elements: Value.Comparand) -> ScopedCondition<Scope> {
    .atom("\(operand) && \(elements)")
  }

  /// `= ANY`: the array has this element.
  public func contains(_ element: Value.Comparand.ArrayElement) -> ScopedCondition<Scope> {
    .atom("\(element) = ANY(\(operand))")
  }
}

extension SQLExpression where Value.Comparand == JSONDocument {
  /// `@>`: the document contains this one.
  public func contains(_ document: JSONDocument) -> ScopedCondition<Scope> {
    .atom("\(operand) @> \(document)")
  }

  /// `?`: the object has this key, or the array this string.
  public func hasKey(_ key: String) -> ScopedCondition<Scope> {
    .atom("\(operand) ? \(key)")
  }

  /// `->>`: the value under a key, as text; null where the key is missing.
  public func text(at key: String) -> ScopedExpression<Scope, String?> {
    ScopedExpression("\(operand) ->> \(key)")
  }
}

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
    var parts: [SQL] = []
    parts.reserveCapacity(conditions.count)
    for condition in conditions {
      if condition.binding == .and {
        parts += condition.conjuncts
      } else {
        parts.append(condition.protected(.and))
      }
    }
    return ScopedCondition(parts.joined(separator: .and).indented, .and, conjuncts: parts)
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

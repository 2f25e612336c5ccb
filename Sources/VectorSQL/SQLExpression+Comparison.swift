extension SQLExpression {
  private func compare(_ symbol: SQL, _ value: Value.Comparand) -> Condition {
    .atom("\(sql) \(symbol) \(value)")
  }

  /// `= value`.
  public func equals(_ value: Value.Comparand) -> Condition { compare("=", value) }

  /// `<> value`.
  public func isNot(_ value: Value.Comparand) -> Condition { compare("<>", value) }

  /// `< value`.
  public func isLess(than value: Value.Comparand) -> Condition { compare("<", value) }

  /// `<= value`.
  public func isAtMost(_ value: Value.Comparand) -> Condition { compare("<=", value) }

  /// `> value`.
  public func isGreater(than value: Value.Comparand) -> Condition { compare(">", value) }

  /// `>= value`.
  public func isAtLeast(_ value: Value.Comparand) -> Condition { compare(">=", value) }

  /// `BETWEEN low AND high`, both ends included.
  public func isBetween(_ low: Value.Comparand, _ high: Value.Comparand) -> Condition {
    .atom("\(sql) BETWEEN \(low) AND \(high)")
  }

  /// `IS NULL`.
  public var isNull: Condition { .atom("\(sql) IS NULL") }

  /// `IS NOT NULL`.
  public var isNotNull: Condition { .atom("\(sql) IS NOT NULL") }

  /// The same value as another expression of the same type.
  public func equals(_ other: some SQLExpression<Value>) -> Condition { .atom("\(sql) = \(other.sql)") }
}

extension SQLExpression where Value.Comparand: SQLArrayElement {
  /// `= ANY(values)`: one parameter however many values, so the text does not grow with the list.
  public func isIn(_ values: [Value.Comparand]) -> Condition {
    .atom("\(sql) = ANY(\(values))")
  }

  /// `<> ALL(values)`.
  public func isNotIn(_ values: [Value.Comparand]) -> Condition {
    .atom("\(sql) <> ALL(\(values))")
  }
}

extension SQLExpression where Value.Comparand == String {
  /// `LIKE pattern`: `%` for any text, `_` for any character.
  public func isLike(_ pattern: String) -> Condition { .atom("\(sql) LIKE \(pattern)") }

  /// `ILIKE pattern`: as `LIKE`, in any case.
  public func isLikeIgnoringCase(_ pattern: String) -> Condition { .atom("\(sql) ILIKE \(pattern)") }

  /// Starts with the text, whose `%`, `_` and `\` stand for themselves.
  public func hasPrefix(_ text: String) -> Condition { isLike(Self.escaped(text) + "%") }

  /// Contains the text, whose `%`, `_` and `\` stand for themselves.
  public func contains(_ text: String) -> Condition { isLike("%" + Self.escaped(text) + "%") }

  private static func escaped(_ text: String) -> String {
    var result = ""
    for scalar in text.unicodeScalars {
      if scalar == "%" || scalar == "_" || scalar == "\\" { result += "\\" }
      result.unicodeScalars.append(scalar)
    }
    return result
  }
}

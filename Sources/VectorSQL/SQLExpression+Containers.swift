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
  public func contains(all elements: Value.Comparand) -> Condition {
    .atom("\(sql) @> \(elements)")
  }

  /// `&&`: the array has at least one of these elements.
  public func contains(anyOf elements: Value.Comparand) -> Condition {
    .atom("\(sql) && \(elements)")
  }

  /// `= ANY`: the array has this element.
  public func contains(_ element: Value.Comparand.ArrayElement) -> Condition {
    .atom("\(element) = ANY(\(sql))")
  }
}

extension SQLExpression where Value.Comparand == JSONDocument {
  /// `@>`: the document contains this one.
  public func contains(_ document: JSONDocument) -> Condition {
    .atom("\(sql) @> \(document)")
  }

  /// `?`: the object has this key, or the array this string.
  public func hasKey(_ key: String) -> Condition {
    .atom("\(sql) ? \(key)")
  }

  /// `->>`: the value under a key, as text; null where the key is missing.
  public func text(at key: String) -> Expression<String?> {
    Expression("(\(sql) ->> \(key))")
  }
}

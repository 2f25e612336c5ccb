extension SQL: ExpressibleByStringInterpolation {
  /// Text known at compile time.
  public init(stringLiteral literal: StaticString) {
    segments = [.literal(literal)]
  }

  /// A literal with identifiers, fragments and bound values in it.
  public init(stringInterpolation: Interpolation) {
    segments = stringInterpolation.segments
  }

  /// Collects the parts of a literal; the type of each part decides whether it is text or bound.
  public struct Interpolation: StringInterpolationProtocol {
    var segments: [Segment] = []

    /// Makes room for the parts to come.
    public init(literalCapacity: Int, interpolationCount: Int) {
      segments.reserveCapacity(2 * interpolationCount + 1)
    }

    /// Text of the literal itself: `StaticString`, so no run-time text can come this way.
    public mutating func appendLiteral(_ literal: StaticString) {
      guard literal.utf8CodeUnitCountOrOne > 0 else { return }
      segments.append(.literal(literal))
    }

    /// An identifier, quoted.
    public mutating func appendInterpolation(id identifier: Identifier) {
      segments.append(.identifier(identifier))
    }

    /// A name with its schema, quoted.
    public mutating func appendInterpolation(table name: QualifiedName) {
      segments.append(.name(name))
    }

    /// A column of a table, quoted.
    public mutating func appendInterpolation<Value>(id column: Column<Value>) {
      segments.append(.identifier(column.name))
    }

    /// A vector column of a table, quoted.
    public mutating func appendInterpolation(id column: VectorColumn) {
      segments.append(.identifier(column.name))
    }

    /// Another fragment, with its values.
    public mutating func appendInterpolation(_ fragment: SQL) {
      segments.append(fragment: fragment)
    }

    /// A condition, with its values.
    public mutating func appendInterpolation(_ condition: Condition) {
      segments.append(fragment: condition.sql)
    }

    /// A bound value.
    public mutating func appendInterpolation(_ value: some SQLEncodable) {
      segments.append(.bind(value.sqlValue, name: nil))
    }

    /// A bound value of a type chosen by the caller.
    public mutating func appendInterpolation(_ value: SQLValue) {
      segments.append(.bind(value, name: nil))
    }

    /// A bound vector, with the dialect's cast.
    public mutating func appendInterpolation(_ vector: [Float]) {
      segments.append(.vector(VectorBind(elements: vector, element: nil)))
    }
  }
}

extension StaticString {
  fileprivate var utf8CodeUnitCountOrOne: Int {
    hasPointerRepresentation ? utf8CodeUnitCount : 1
  }
}

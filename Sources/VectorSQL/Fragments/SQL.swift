/// A piece of SQL: text that stood in the program, and values that travel beside it.
///
/// A fragment is written as a string literal. What is interpolated into it is bound, never pasted:
///
///     let sql: SQL = "SELECT * FROM \(table: table) WHERE \(id: "class") = \(userInput) LIMIT \(10)"
///     try sql.rendered(for: .pgvector)   // SELECT * FROM "t" WHERE "class" = $1 LIMIT $2
///
/// Only compile-time literals, identifiers (`\(id:)`, `\(table:)`) and other fragments become text. The one road from run-time
/// text to SQL is ``init(trusted:)``. Parameters are numbered when the whole is rendered, so fragments nest freely.
public struct SQL: Sendable {
  var segments: [Segment]

  enum Segment: Sendable {
    case literal(StaticString)
    case text(String)
    case identifier(Identifier)
    case name(QualifiedName)
    case nested([Segment])
    case bind(SQLValue, name: String?)
    case vector(VectorBind)
    case deferred(@Sendable (Dialect) throws(RenderingError) -> SQL)
    case layout(Layout)
    /// Writes nothing; the statement that it becomes part of needs these settings.
    case settings(SearchSettings)
  }

  enum Layout: Sendable {
    /// A blank on the wire, a new line for people.
    case line
    /// Nothing on the wire, a new line for people.
    case edge
    case indent
    case outdent
  }

  init(segments: [Segment]) {
    self.segments = segments
  }

  /// Text that the caller vouches for, such as a file of the project; never anything a user typed.
  ///
  /// The label is there to be searched for.
  public init(trusted text: String) {
    segments = [.text(text)]
  }

  /// A fragment without text.
  public static let empty = SQL(segments: [])

  /// Whether nothing would be rendered.
  public var isEmpty: Bool { segments.isEmpty }

  /// The fragment followed by another, with nothing in between.
  public func appending(_ other: SQL) -> SQL {
    var result = self
    result.append(other)
    return result
  }

  /// Appends another fragment in place, with nothing in between.
  public mutating func append(_ other: SQL) {
    segments.append(fragment: other)
  }

  /// A fragment whose text depends on the dialect, decided when it is rendered.
  public static func perDialect(
    _ choose: @escaping @Sendable (Dialect) throws(RenderingError) -> SQL
  ) -> SQL {
    SQL(segments: [.deferred(choose)])
  }

  /// The fragment together with the settings that it needs: the statement that it becomes part of carries them.
  public func requiring(_ settings: SearchSettings) -> SQL {
    settings == SearchSettings() ? self : SQL(segments: [.settings(settings), .nested(segments)])
  }

  /// A value sent beside the text; `name` is the variable that psql scripts use for it.
  public static func bind(_ value: SQLValue, name: StaticString? = nil) -> SQL {
    SQL(segments: [.bind(value, name: name?.description)])
  }

  /// A vector sent beside the text, with the cast that the dialect needs.
  ///
  /// Equal vectors of one rendering share one parameter, so an expression that needs the vector twice sends it once.
  public static func vector(_ elements: [Float], as element: VectorElement? = nil) -> SQL {
    SQL(segments: [.vector(VectorBind(elements: elements, element: element))])
  }

  /// An identifier, quoted.
  public static func identifier(_ identifier: Identifier) -> SQL {
    SQL(segments: [.identifier(identifier)])
  }

  /// A name with its schema, quoted.
  public static func name(_ name: QualifiedName) -> SQL {
    SQL(segments: [.name(name)])
  }
}

extension [SQL.Segment] {
  /// A fragment inside another is shared, not copied, unless it is small.
  mutating func append(fragment: SQL) {
    switch fragment.segments.count {
    case 0: break
    case 1: append(fragment.segments[0])
    default: append(.nested(fragment.segments))
    }
  }
}

struct VectorBind: Sendable, Hashable {
  var elements: [Float]
  var element: VectorElement?
}

extension Collection<SQL> {
  /// The fragments one after the other, with a separator between them.
  public func joined(separator: SQL) -> SQL {
    var result = SQL.empty
    result.segments.reserveCapacity(2 * count)
    var isFirst = true
    for fragment in self {
      if !isFirst { result.append(separator) }
      isFirst = false
      result.append(fragment)
    }
    return result
  }

  /// The fragments that have text, a line each for people.
  var clauses: SQL {
    var result = SQL.empty
    result.segments.reserveCapacity(2 * count)
    for fragment in self where !fragment.isEmpty {
      if !result.isEmpty { result.segments.append(.layout(.line)) }
      result.append(fragment)
    }
    return result
  }
}

extension SQL {
  static let line = SQL(segments: [.layout(.line)])

  /// Between conditions that must all hold.
  static let and = SQL(segments: [.layout(.line), .literal("AND ")])

  static func number(_ value: Int) -> SQL { SQL(segments: [.text(String(value))]) }

  static func keyword(_ text: String) -> SQL { SQL(segments: [.text(text)]) }

  /// `SELECT`, an item a line for people.
  static func select(_ items: [SQL]) -> SQL {
    let list: SQL = "SELECT \(items.joined(separator: SQL(segments: [.text(","), .layout(.line)])))"
    return list.indented
  }

  var indented: SQL {
    SQL(segments: [.layout(.indent), .nested(segments), .layout(.outdent)])
  }

  /// In parentheses, on lines of its own for people.
  var asBlock: SQL {
    SQL(
      segments: [
        .literal("("), .layout(.indent), .layout(.edge), .nested(segments), .layout(.outdent), .layout(.edge),
        .literal(")"),
      ]
    )
  }
}

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

    /// A column of one of a statement's tables, quoted.
    public mutating func appendInterpolation<Scope, Value>(id column: ColumnReference<Scope, Value>) {
      segments.append(fragment: column.sql)
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
    public mutating func appendInterpolation<Scope>(_ condition: ScopedCondition<Scope>) {
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

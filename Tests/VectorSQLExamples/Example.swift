package import VectorSQL

/// A use of the library beside the statements that it yields on each dialect.
///
/// The tests compare the text; the server tests run it.
package struct Example: Sendable, CustomStringConvertible {
  package let name: String
  package let goldens: [String: Golden]
  package let binds: [SQLValue]
  private let analyticDBBinds: [SQLValue]?
  private let render: @Sendable (Dialect, TextLayout) throws(RenderingError) -> [Statement]

  /// What a dialect makes of an example.
  package enum Golden: Sendable, ExpressibleByStringLiteral {
    /// The statements, laid out for people, with semicolons between them.
    case text(String)
    /// The dialect has no way to say it.
    case refused(RenderingError.Code)

    package init(stringLiteral value: String) { self = .text(value) }
  }

  package var description: String { name }

  /// The statements of the example; settings come first.
  package func statements(
    _ dialect: Dialect,
    _ layout: TextLayout = .compact
  ) throws(RenderingError) -> [Statement] {
    try render(dialect, layout)
  }

  /// The values expected on a dialect, which sends vectors in its own type.
  package func expectedBinds(_ dialect: Dialect) -> [SQLValue] {
    guard dialect.name == Dialect.analyticDB.name else { return binds }
    return analyticDBBinds
      ?? binds.map { if case .vector(let elements) = $0 { .float4Array(elements) } else { $0 } }
  }

  package init(
    _ name: String,
    binds: [SQLValue] = [],
    analyticDBBinds: [SQLValue]? = nil,
    pgvector: Golden,
    analyticDB: Golden,
    statements: @escaping @Sendable (Dialect, TextLayout) throws(RenderingError) -> [Statement]
  ) {
    self.name = name
    self.binds = binds
    self.analyticDBBinds = analyticDBBinds
    goldens = [Dialect.pgvector.name: pgvector, Dialect.analyticDB.name: analyticDB]
    render = statements
  }

  /// An example of one fragment.
  package init(
    _ name: String,
    _ sql: SQL,
    binds: [SQLValue] = [],
    analyticDBBinds: [SQLValue]? = nil,
    pgvector: Golden,
    analyticDB: Golden
  ) {
    self.init(
      name,
      binds: binds,
      analyticDBBinds: analyticDBBinds,
      pgvector: pgvector,
      analyticDB: analyticDB
    ) {
      dialect,
      layout throws(RenderingError) in
      [try sql.rendered(for: dialect, layout: layout)]
    }
  }

  /// All examples.
  package static let all: [Example] = [
    metrics, elements, searches, conditions, passes, joins, schema, insertions, everyday,
  ]
  .flatMap { $0 }
}

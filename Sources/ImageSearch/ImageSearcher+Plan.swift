public import PostgresClient
internal import ImageSearch
public import VectorSQL

extension ImageSearcher {
  /// What the server would do for a search: whether a vector index serves it and, if not, why.
  ///
  /// The search is planned with its settings and not run.
  /// - Throws: as ``search(_:)``.
  public func plan(_ request: ImageSearchRequest) async throws -> ExplainedSearch {
    let search = try query.search(request)
    let rendered = try search.rendered(for: query.dialect)
    return try await connections.withConnection { connection in
      let table = try await VectorTable.read(
        query.table.name,
        vectorColumn: query.table.vectorColumn,
        from: connection
      )
      let lines = try await connection.transaction { connection in
        for setting in rendered.settings { try await connection.query(setting) }
        return try await connection.explain(rendered.query)
      }
      let plan = try SearchPlan(
        explain: lines,
        of: search,
        indexes: table.vectorIndexes.map(SearchPlan.IndexFacts.init),
        dialect: query.dialect
      )
      return ExplainedSearch(lines: lines, plan: plan)
    }
  }
}

/// A plan as the server printed it, and what it means for vectors.
public struct ExplainedSearch: Sendable, Hashable {
  /// The lines of `EXPLAIN`.
  public let lines: [String]
  /// Whether a vector index is used, and why not.
  public let plan: SearchPlan
}

extension PostgresConnection {
  /// The lines of `EXPLAIN` of a statement.
  public func explain(_ statement: Statement) async throws -> [String] {
    try await query(Statement(trusted: "EXPLAIN " + statement.text, binds: statement.binds))
      .map { try $0.value(at: 0, as: String.self) }
  }
}

public import PostgresClient
public import VectorSQL

extension ImageSearcher {
  /// What the server would do for a search: whether a vector index serves it and, if not, why.
  ///
  /// The search is planned with its settings and not run.
  /// - Throws: as ``search(_:)``.
  public func plan(_ query: ImageQuery) async throws -> ExplainedSearch {
    let search = try table.search(query)
    let rendered = try search.rendered(for: table.dialect)
    return try await connections.withConnection { connection in
      let catalog = try await VectorTable.read(
        table.name,
        vectorColumn: table.vectorColumn,
        from: connection
      )
      let lines = try await connection.transaction { connection in
        for setting in rendered.settings { try await connection.query(setting) }
        return try await connection.explain(search, for: table.dialect)
      }
      let plan = try SearchPlan(
        explain: lines,
        of: search,
        indexes: (catalog.vectorIndexes + catalog.parts.flatMap(\.vectorIndexes)).map(
          SearchPlan.IndexFacts.init
        ),
        dialect: table.dialect
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

  /// The lines of `EXPLAIN` of a search, with the plans of all shards where there are any; inside the transaction that has
  /// its settings.
  package func explain(_ search: VectorSearch, for dialect: Dialect) async throws -> [String] {
    guard try await capabilities().engine.explainsParameters else {
      try await run("SET LOCAL citus.explain_all_tasks = on")
      return try await explain(try search.sql.renderedWithConstants(for: dialect))
    }
    return try await explain(try search.sql.rendered(for: dialect))
  }
}

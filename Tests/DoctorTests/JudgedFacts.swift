import Testing
import VectorSQL

@testable import Doctor
@testable import ImageSearch
@testable import PostgresClient

/// Facts as a server with one table has them, changed by each test, and what a check says of them.
protocol JudgedFacts: Sendable {}

extension JudgedFacts {
  func server(_ change: (inout ServerCapabilities) -> Void = { _ in }) -> ServerCapabilities {
    var server = ServerCapabilities(serverVersion: 180_000, versionText: "PostgreSQL 18.0")
    server.extensions["vector"] = .init(version: "0.8.6", schema: "public")
    change(&server)
    return server
  }

  func table(
    _ type: String = "vector(4)",
    storage: String = "p",
    index: VectorTable.Index? = Self.index()
  ) -> VectorTable {
    VectorTable(
      name: "public.image_search",
      oid: 1,
      kind: .table,
      columns: [
        column("id", "integer", isRequired: true, storage: "p"), column("class", "text", storage: "x"),
        column("image_vector", type, storage: storage),
      ],
      vectorIndexes: index.map { [$0] } ?? [],
      estimatedRows: 1000,
      isOwned: true,
      hasParts: false,
      hasRowSecurity: false,
      mayHaveTriggers: false
    )
  }

  func column(_ name: String, _ type: String, isRequired: Bool = false, storage: String)
    -> VectorTable.Column
  {
    .init(
      name: name,
      type: type,
      typeOID: 1,
      isRequired: isRequired,
      hasDefault: false,
      isUnique: name == "id",
      storage: storage
    )
  }

  static func index(
    _ operatorClass: String = "vector_l2_ops",
    isValid: Bool = true
  ) -> VectorTable.Index {
    .init(
      name: "i",
      method: "hnsw",
      operatorClass: operatorClass,
      options: [:],
      definition: "",
      isAttached: false,
      isValid: isValid
    )
  }

  func finding(
    _ check: String,
    _ facts: Facts,
    dialect: Dialect = .pgvector,
    _ change: (inout Expectations) -> Void = { _ in }
  ) throws -> Finding {
    var expectations = Expectations(table: ImageTable(), dialect: dialect)
    change(&expectations)
    return try #require(Doctor.judge(facts, expectations).first { $0.check == check })
  }

  func facts(
    _ table: VectorTable?,
    _ change: (inout Facts) throws -> Void = { _ in }
  ) rethrows -> Facts {
    var facts = Facts(server: server(), database: "shop")
    facts.table = table
    try change(&facts)
    return facts
  }

  func plan(uses index: String?) throws -> SearchPlan {
    let lines = index.map {
      ["Limit", "  ->  Index Scan using \($0) on image_search", "        Order By: (v <-> x)"]
    }
    return try SearchPlan(
      explain: lines ?? ["Seq Scan on image_search  (cost=0.00..10.00 rows=1000 width=4)"],
      of: Self.search,
      indexes: [],
      dialect: .pgvector
    )
  }

  /// Greenplum 6, whose base has neither pgvector nor `ann`.
  func greenplum6(_ table: VectorTable?, _ change: (inout Facts) -> Void = { _ in }) -> Facts {
    facts(table) {
      $0.server = ServerCapabilities(
        product: .greenplum,
        productVersion: "6.24.3",
        serverVersion: 90_426,
        versionText: "PostgreSQL 9.4.26 (Greenplum Database 6.24.3)",
        blockSize: 32_768
      )
      change(&$0)
    }
  }

  /// A search of the table.
  static var search: VectorSearch {
    VectorSearch(
      table: "public.image_search",
      columns: ["id"],
      nearest: VectorColumn("image_vector", dim: 4),
      to: .vector([1, 2, 3, 4]),
      by: .l2,
      limit: 10
    )
  }
}

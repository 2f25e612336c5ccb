internal import ImageSearch
internal import PostgresClient
internal import VectorSQL

extension Check {
  /// What the server is. A sandbox says so: nobody shall take its numbers for AnalyticDB's.
  static let engine = Check(name: "engine") { facts, _ in
    let server = facts.server
    let base = "PostgreSQL \(server.serverVersion / 10_000)"
    if server.serverVersion < 90_400 {
      return .wrong(
        "the server is built on \(server.versionText), which is older than PostgreSQL 9.4",
        remedy: "use PostgreSQL 13 or later, AnalyticDB 6.0 or later"
      )
    }
    if server.isSandbox {
      return .ok(
        "\(base) with adbvec's sandbox of AnalyticDB (fastann \(server.fastannVersion ?? "?")): "
          + "for development, not AnalyticDB itself"
      )
    }
    let version = server.productVersion.map { " \($0)" } ?? ""
    return .ok(server.product == .postgreSQL ? base : "\(server.product)\(version) on \(base)")
  }

  /// The extension that the dialect's types and index come from.
  static let `extension` = Check(name: "extension") { facts, expectations in
    let server = facts.server
    if expectations.dialect.indexExtension == .fastann {
      guard server.hasAnnIndex else {
        return .wrong(
          "this database has no ann index for real[]",
          remedy: "CREATE EXTENSION fastann CASCADE;"
        )
      }
      return .ok("fastann \(server.fastannVersion ?? "of the server"), with ann for real[]")
    }
    guard let version = server.pgvectorVersion else {
      return .wrong("this database has no extension vector", remedy: "CREATE EXTENSION vector;")
    }
    return .ok(
      "pgvector \(version)" + (server.hasIterativeScan ? "" : ", without iterative scans (0.8.0 has them)")
    )
  }

  /// Whether the dialect is the server's, and the column's type is one of the dialect's.
  static let dialect = Check(name: "dialect") { facts, expectations in
    let dialect = expectations.dialect
    if facts.server.product == .analyticDB, dialect.indexExtension != .fastann {
      return .wrong(
        "the server is AnalyticDB and the dialect is \(dialect.name); distances and settings differ",
        remedy: "adbvec … --dialect analyticdb"
      )
    }
    guard let column = facts.column(expectations) else { return .ok("\(dialect.name)") }
    if let element = column.element, dialect.vectorTypes[element]?.castName == column.typeName {
      return .ok("\(dialect.name) searches \(column.type)")
    }
    let other = Dialect.all.first { other in
      column.element.map { other.vectorTypes[$0]?.castName == column.typeName } ?? false
    }
    return .wrong(
      "the column \(expectations.table.vectorColumn.quoted) has type \(column.type), "
        + "which the dialect \(dialect.name) cannot search",
      remedy: other.map { "adbvec … --dialect \($0.name)" }
        ?? "choose a column of vectors with vector-column in adbvec.yaml or ADBVEC_VECTOR_COLUMN"
    )
  }
}

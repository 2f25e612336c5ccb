internal import Basics
internal import ImageSearch
internal import PostgresClient
internal import VectorSQL

extension Check {
  /// What the server is. A sandbox says so: nobody must take its numbers for AnalyticDB's.
  static let engine = Check(name: "engine") { facts, _ in
    let server = facts.server
    let base = "PostgreSQL \(server.serverVersion / 10_000)"
    if server.serverVersion < 90_400 {
      return .wrong(
        "the server is built on \(server.versionText), which is older than PostgreSQL 9.4",
        fix: "use PostgreSQL 13 or later, or AnalyticDB 6.0 or later"
      )
    }
    if let (problem, fix) = server.wrongNode { return .wrong(problem, fix: fix) }
    if server.isSandbox {
      return .ok(
        "\(base) with adbvec's sandbox of AnalyticDB (fastann \(server.fastannVersion ?? "?")): "
          + "for development, not AnalyticDB itself"
      )
    }
    let version = server.productVersion.map { " \($0)" } ?? ""
    let product = server.product == .postgreSQL ? base : "\(server.product)\(version) on \(base)"
    let notes = [server.isStandby ? "a standby" : nil, server.isPooled ? "behind a connection pooler" : nil]
    return .ok(([product] + notes.compactMap(\.self)).joined(separator: ", "))
  }

  /// The extension that the dialect's types and index come from.
  static let `extension` = Check(name: "extension") { facts, expectations in
    let server = facts.server
    if expectations.dialect.indexExtension == .fastann {
      guard server.hasAnnIndex else {
        if server.product == .greenplum, server.serverVersion < 120_000 {
          return .warning(
            "this server has no ann index for real[]: searches compare all rows",
            fix: annFix(facts)
          )
        }
        return .wrong("this database has no ann index for real[]", fix: annFix(facts))
      }
      return .ok("fastann \(server.fastannVersion ?? "of the server"), with ann for real[]")
    }
    guard let installed = server.extensions["vector"] else {
      return .wrong("this database has no extension vector", fix: vectorFix(facts))
    }
    let place =
      installed.isOnSearchPath ? "" : " in the schema \(installed.schema.quoted), off the search path"
    let text = "pgvector \(installed.version)\(place)"
    let missing = releases.filter { !server.isPgvector(atLeast: $0.version) }
    guard let newest = missing.last else { return .ok(text) }
    let lacking = missing.map(\.what).joined(separator: "; ")
    return .warning("\(text) lacks \(lacking)", fix: update(facts, to: newest.version))
  }

  /// Releases of pgvector that fix security, corruption or short answers.
  private static let releases: [(version: [Int], what: String)] = [
    ([0, 8, 0], "iterative scans (0.8.0)"),
    ([0, 8, 2], "the fix of an overflow in parallel HNSW builds (0.8.2)"),
    ([0, 8, 4], "repairs of the HNSW graph by VACUUM (0.8.3, 0.8.4)"),
    ([0, 8, 6], "the fix of an overflow in IVFFlat (0.8.6)"),
  ]

  private static func update(_ facts: Facts, to version: [Int]) -> String {
    let wanted = version.map(String.init).joined(separator: ".")
    let available = facts.extensionFiles["vector"]?.version ?? ""
    guard ServerCapabilities.isVersion(available, atLeast: version) else {
      return
        "install pgvector \(wanted) or later on the server\(package(facts)), then ALTER EXTENSION vector UPDATE"
    }
    return facts.onPrimary("ALTER EXTENSION vector UPDATE;")
  }

  private static func package(_ facts: Facts) -> String {
    let major = facts.server.serverVersion / 10_000
    return facts.server.product == .postgreSQL && major >= 10
      ? " (Debian: apt install postgresql-\(major)-pgvector)" : ""
  }

  /// `CREATE EXTENSION vector` works only with its files on the server and with the right to create it.
  private static func vectorFix(_ facts: Facts) -> String {
    guard let files = facts.extensionFiles["vector"] else {
      guard facts.server.serverVersion >= 120_000 else {
        // pgvector 0.7.4 is the last release for PostgreSQL 12, and none runs on a base before 11.
        return
          "use \(facts.server.canDistribute ? "Greenplum 7 or Cloudberry, or " : "")a PostgreSQL from 13 on: no release of "
          + "pgvector runs on PostgreSQL \(facts.server.serverVersion / 10_000)"
      }
      return "install pgvector on the server first\(package(facts)); a managed service has it in its list of "
        + "extensions; then run adbvec doctor again"
    }
    guard files.mayCreate else {
      return
        "ask a superuser to create the extension vector in the database \(Quoting.doubling(facts.database))"
    }
    return facts.onPrimary("CREATE EXTENSION vector;")
  }

  private static func annFix(_ facts: Facts) -> String {
    if facts.server.product == .analyticDB {
      return
        "enable the vector engine of the instance in the AnalyticDB console, then run adbvec doctor again"
    }
    guard let files = facts.extensionFiles["fastann"] else {
      return facts.server.pgvectorVersion != nil || facts.extensionFiles["vector"] != nil
        ? "adbvec doctor --dialect pgvector (the server is not AnalyticDB)"
        : "use AnalyticDB, or adbvec's sandbox of it: adbvec db start --dialect analyticdb"
    }
    guard files.mayCreate else {
      return
        "ask a superuser to create the extension fastann in the database \(Quoting.doubling(facts.database))"
    }
    return facts.onPrimary(
      facts.server.supportsExtensionCascade
        ? "CREATE EXTENSION fastann CASCADE;" : "CREATE EXTENSION fastann;"
    )
  }

  /// Whether the dialect is the server's, and the column's type is one of the dialect's.
  static let dialect = Check(name: "dialect") { facts, expectations in
    let dialect = expectations.dialect
    if facts.server.product == .analyticDB, dialect.indexExtension != .fastann {
      return .wrong(
        "the server is AnalyticDB and the dialect is \(dialect.name); distances and settings differ",
        fix: "adbvec doctor --dialect analyticdb, and dialect: analyticdb in adbvec.yaml"
      )
    }
    guard let column = facts.column(expectations) else { return .ok("\(dialect.name)") }
    if column.isSearched(in: dialect) { return .ok("\(dialect.name) searches \(column.type)") }
    let other = Dialect.all.first { column.isSearched(in: $0) && facts.mayHave($0.indexExtension) }
    return .wrong(
      "the column \(expectations.table.vectorColumn.quoted) has type \(column.type), "
        + "which the dialect \(dialect.name) cannot search",
      fix: other.map { "adbvec doctor --dialect \($0.name), and dialect: \($0.name) in adbvec.yaml" }
        ?? facts.vectorsOfArrays(expectations)
        ?? "choose a column of vectors with vector-column in adbvec.yaml or ADBVEC_VECTOR_COLUMN"
    )
  }
}

extension Facts {
  /// Whether a dialect's extension is there, or its files are.
  fileprivate func mayHave(_ indexes: IndexExtension) -> Bool {
    switch indexes {
    case .fastann:
      server.hasAnnIndex || server.product == .analyticDB || extensionFiles["fastann"] != nil
    case .vector: server.pgvectorVersion != nil || extensionFiles["vector"] != nil
    }
  }

  /// Makes pgvector's vectors of a column of arrays, which all have one length.
  fileprivate func vectorsOfArrays(_ expectations: Expectations) -> String? {
    guard let table, table.hasRows, let column = column(expectations), column.typeName == "real[]",
      let dimension = vectors?.greatestDimension, dimension == vectors?.leastDimension,
      let type = expectations.dialect.vectorTypes[.single]?.columnType(dimension: dimension)
    else { return nil }
    let name = expectations.table.vectorColumn.quoted
    return asOwner("ALTER TABLE \(table.name.quoted) ALTER COLUMN \(name) TYPE \(type);")
  }

  /// A statement that a standby refuses, with the word where to run it.
  func onPrimary(_ sql: String) -> String {
    server.isStandby ? "on the primary server: \(sql)" : sql
  }

  /// A statement that only the table's owner may run, with the word who must.
  func asOwner(_ sql: String) -> String {
    guard let table, !table.isOwned, !server.isSuperuser else { return onPrimary(sql) }
    return "as the owner of \(table.name.quoted): \(sql)"
  }
}

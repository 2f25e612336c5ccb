internal import ImageSearch
internal import PostgresClient
internal import VectorSQL

extension Check {
  /// The table and the columns that loads and searches name.
  static let table = Check(name: "table") { facts, expectations in
    let names = expectations.table
    guard let table = facts.table else {
      return .wrong("the table \(names.name.quoted) is not there", remedy: "adbvec migrate up")
    }
    let missing = [names.idColumn, names.labelColumn, names.vectorColumn].filter { table.column($0) == nil }
    guard missing.isEmpty else {
      return .wrong(
        "the table has no column \(missing.map(\.quoted).joined(separator: ", ")); it has "
          + table.columns.map(\.name).joined(separator: ", "),
        remedy: "adbvec migrate up, or name the columns in adbvec.yaml"
      )
    }
    let rows = facts.statistics.map { ", about \($0.liveRows) rows" } ?? ""
    return .ok("\(table.name.quoted)\(rows)")
  }

  /// One dimension everywhere: in the column, the index, the rows and the configuration.
  static let dimension = Check(name: "dimension") { facts, expectations in
    guard let table = facts.table, let column = facts.column(expectations) else { return .skipped(noColumn) }
    guard let census = facts.vectors, census.vectors > 0,
      let least = census.leastDimension, let greatest = census.greatestDimension
    else {
      return .skipped("the table has no vectors yet: adbvec embed-load, or adbvec load")
    }
    guard least == greatest else {
      return .wrong(
        "the rows have vectors of \(least) to \(greatest) dimensions; no search can compare them",
        remedy:
          "DELETE FROM \(table.name.quoted) WHERE array_length(\(quoted(expectations)), 1) <> \(greatest);"
      )
    }
    let declared = column.declaredDimension ?? table.vectorIndexes.lazy.compactMap(\.dimension).first
    if let declared, declared != least {
      return .wrong(
        "the rows have \(least) dimensions and the index takes \(declared)",
        remedy: "drop the index and make it with dim = \(least): adbvec sql show index_status names it"
      )
    }
    if let wanted = expectations.dimension, wanted != least {
      return .wrong(
        "the rows have \(least) dimensions and the configuration says dim = \(wanted)",
        remedy: "adbvec … --set dim=\(least), or load vectors of \(wanted) dimensions into a new table"
      )
    }
    let gaps = census.rows - census.vectors
    return .ok("\(least)" + (gaps > 0 ? "; \(gaps) of \(census.rows) rows looked at have no vector" : ""))
  }

  /// Where vectors are kept: in the row where the dialect asks for it, and only when they fit there.
  static let storage = Check(name: "storage") { facts, expectations in
    guard let table = facts.table, let column = facts.column(expectations) else { return .skipped(noColumn) }
    let alter = "ALTER TABLE \(table.name.quoted) ALTER COLUMN \(quoted(expectations)) SET STORAGE"
    let isPlain = column.storage == "p"
    let room = VectorTable.pageRoom(blockSize: facts.server.blockSize)
    let dimension = facts.vectors?.greatestDimension ?? column.declaredDimension ?? expectations.dimension
    let bytes = dimension.flatMap { table.rowBytes(column, dimension: $0) } ?? 0
    if let dimension, bytes > room {
      let size = "a row with \(dimension) numbers takes about \(bytes) bytes, and a page has room for \(room)"
      guard isPlain else { return .ok("\(name(ofStorage: column.storage)): \(size)") }
      return .wrong("\(size); PLAIN storage refuses such rows", remedy: "\(alter) EXTERNAL;")
    }
    if expectations.dialect.plainVectorStorage, !isPlain {
      return .wrong(
        "the vectors are not kept in the row (storage \(name(ofStorage: column.storage))), "
          + "so that each comparison reads them through TOAST",
        remedy: "\(alter) PLAIN; VACUUM FULL \(table.name.quoted);"
      )
    }
    return .ok("\(name(ofStorage: column.storage))")
  }

  static let noColumn = "the table or its column of vectors is not there"

  private static func name(ofStorage letter: String) -> String {
    ["p": "PLAIN", "m": "MAIN", "e": "EXTERNAL", "x": "EXTENDED"][letter] ?? letter
  }

  private static func quoted(_ expectations: Expectations) -> String {
    expectations.table.vectorColumn.quoted
  }
}

extension Facts {
  /// The column of vectors.
  func column(_ expectations: Expectations) -> VectorTable.Column? {
    table?.column(expectations.table.vectorColumn)
  }
}

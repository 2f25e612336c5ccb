internal import ImageSearch
internal import PostgresClient
internal import VectorSQL

extension Check {
  /// The table and the columns that loads and searches name.
  static let table = Check(name: "table") { facts, expectations in
    let names = expectations.table
    guard let table = facts.table else {
      return .wrong(
        "the table \(names.name.quoted) does not exist",
        fix: facts.onPrimary(wayToTable(facts.appliedMigrations))
      )
    }
    let missing = [names.idColumn, names.classColumn, names.vectorColumn].filter { table.column($0) == nil }
    guard missing.isEmpty else {
      return .wrong(
        "the table has no column \(missing.map(\.quoted).joined(separator: ", ")); it has "
          + table.columns.map(\.name).joined(separator: ", "),
        fix: "name the columns in adbvec.yaml (id-column, class-column, vector-column)"
      )
    }
    let parts = facts.parts.isEmpty ? "" : " in \(facts.parts.count) partitions"
    let rows = facts.statistics.map { ", about \($0.liveRows) rows\(parts)" } ?? ""
    return .ok("\(kindName(table))\(table.name.quoted)\(rows)")
  }

  /// Migrations that the history holds as applied are not run again.
  private static func wayToTable(_ applied: [String]) -> String {
    guard let first = applied.first else { return "adbvec migrate up (or name the table with --table)" }
    let last = applied.last.map { $0 == first ? "" : "…\($0)" } ?? ""
    return
      "name the table with --table; or, if it was dropped by hand, adbvec migrate repair --mark-pending VERSION for "
      + "each of its versions (\(first)\(last)), then adbvec migrate up"
  }

  private static func kindName(_ table: VectorTable) -> String {
    switch table.kind.rawValue {
    case "v": "the view "
    case "m": "the materialised view "
    case "f": "the foreign table "
    default: ""
    }
  }

  /// What made the vectors, as loads have recorded it.
  static let recipe = Check(name: "recipe") { facts, _ in
    guard facts.table != nil else { return .skipped(noColumn) }
    guard let recorded = facts.recipe else {
      return .skipped("nothing is recorded about what made the vectors")
    }
    guard recorded.count == 1 else {
      return .wrong(
        "\(recorded.count) different recipes were loaded into this table; their vectors cannot be compared",
        fix: "load each recipe into a table of its own: adbvec embed-load FOLDER --table NAME"
      )
    }
    let fields = recorded.recipe.fields.map { "\($0.field.rawValue) \($0.value)" }.joined(separator: ", ")
    return .ok(fields)
  }

  /// One dimension everywhere: in the column, the index, the rows and the configuration.
  static let dimension = Check(name: "dimension") { facts, expectations in
    guard let table = facts.table, let column = facts.column(expectations) else { return .skipped(noColumn) }
    guard let census = facts.vectors else {
      return .skipped("vectors of type \(column.type) are not looked at")
    }
    guard census.vectors > 0, let least = census.leastDimension, let greatest = census.greatestDimension
    else {
      return .skipped("the table has no vectors yet: adbvec embed-load, or adbvec load")
    }
    guard least == greatest else {
      return .wrong(
        "the rows have vectors of \(least) to \(greatest) dimensions; no search can compare them",
        fix: "look at the rows that differ, then correct or remove them: \(census.rowsByDimension)"
      )
    }
    let index = table.vectorIndexes.first { $0.dimension != nil }
    if let declared = column.declaredDimension ?? index?.dimension, declared != least {
      return .wrong(
        "the rows have \(least) dimensions and the index takes \(declared)",
        fix: index.map { facts.recreate($0, expectations) } ?? "load vectors of \(declared) dimensions"
      )
    }
    // A change of model leaves the parameter of the migrations as it was; what is recorded of the vectors then decides.
    if facts.recipe == nil, let wanted = expectations.dimension, wanted != least {
      return .wrong(
        "the rows have \(least) dimensions and the configuration says dim = \(wanted)",
        fix:
          "set dim: \(least) under parameters in adbvec.yaml, or load vectors of \(wanted) dimensions into a new "
          + "table"
      )
    }
    return .ok("\(least)")
  }

  /// Rows that no search by distance can rank: without a vector, or of length zero under the cosine distance.
  static let vectors = Check(name: "vectors") { facts, expectations in
    guard let column = facts.column(expectations) else { return .skipped(noColumn) }
    guard let census = facts.vectors else {
      return .skipped("vectors of type \(column.type) are not looked at")
    }
    guard census.rows > 0 else { return .skipped("the table has no rows yet") }
    let gaps = census.rows - census.vectors
    let missing =
      gaps > 0 ? "\(gaps) of \(census.rows) rows looked at have no vector; searches leave them out" : nil
    guard census.zeros > 0, wantedMetric(facts, expectations) == .cosine else {
      return .ok(missing ?? "all \(census.rows) rows looked at have one")
    }
    let zeros =
      "\(census.zeros) of \(census.rows) rows looked at are zero vectors: their cosine distance is not a number, and "
      + "the index leaves them out"
    return .warning(
      [zeros, missing].compactMap(\.self).joined(separator: "; "),
      fix: "embed these images again, or leave the rows as they are: \(census.rowsOfZero)"
    )
  }

  /// Where vectors are kept: in the row where the dialect asks for it, and only when they fit there.
  static let storage = Check(name: "storage") { facts, expectations in
    guard let table = facts.table, let column = facts.column(expectations) else { return .skipped(noColumn) }
    guard table.hasRows else { return .skipped("\(kindName(table))has no storage of its own") }
    guard !facts.isAppendOptimised else {
      return .ok("append-optimised, which keeps vectors in blocks of its own")
    }
    let alter =
      "ALTER TABLE \(table.name.quoted) ALTER COLUMN \(expectations.table.vectorColumn.quoted) SET STORAGE"
    let isPlain = column.storage == "p"
    let room = VectorTable.pageRoom(blockSize: facts.server.blockSize)
    let dimension =
      facts.vectors?.greatestDimension ?? column.declaredDimension ?? expectations.plausibleDimension
    let bytes = dimension.flatMap { table.rowBytes(column, dimension: $0) } ?? 0
    let name = storageName(column.storage)
    if let dimension, bytes > room {
      let size = "a row with \(dimension) numbers takes about \(bytes) bytes, and a page has room for \(room)"
      guard isPlain else { return .ok("\(name): \(size)") }
      return .wrong("\(size); PLAIN storage refuses such rows", fix: facts.asOwner("\(alter) EXTERNAL;"))
    }
    if expectations.dialect.plainVectorStorage, !isPlain {
      if let rows = facts.smallRows {
        return .ok("\(name): the table has \(rows == 1 ? "1 row" : "\(rows) rows") only")
      }
      // PostgreSQL moves values out of rows of more than about a quarter of a page only (TOAST_TUPLE_THRESHOLD).
      if dimension != nil, bytes <= facts.server.blockSize / 4 {
        return .ok("\(name): rows of about \(bytes) bytes keep their vectors")
      }
      return .wrong(
        "the vectors are not kept in the row (storage \(name)), so that each comparison reads them through TOAST",
        fix: facts.asOwner("\(alter) PLAIN; VACUUM FULL \(table.name.quoted);")
      )
    }
    return .ok(name)
  }

  static let noColumn = "the table or its column of vectors does not exist"

  private static func storageName(_ letter: String) -> String {
    ["p": "PLAIN", "m": "MAIN", "e": "EXTERNAL", "x": "EXTENDED"][letter] ?? letter
  }
}

extension VectorTable {
  /// Whether it keeps rows itself or in its partitions; a view and a foreign table do not.
  var hasRows: Bool { !["v", "f"].contains(kind.rawValue) }
}

extension Facts {
  /// The number of rows of a table of segments that is read in a moment however its vectors are kept; nil for a larger
  /// one, and an empty one, whose rows are to come.
  fileprivate var smallRows: Int? {
    guard server.canDistribute, let rows = vectors?.rows, (1..<100).contains(rows) else { return nil }
    return rows
  }

  /// The column of vectors.
  func column(_ expectations: Expectations) -> VectorTable.Column? {
    table?.column(expectations.table.vectorColumn)
  }
}

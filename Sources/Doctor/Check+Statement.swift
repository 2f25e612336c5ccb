internal import ImageSearch
internal import PostgresClient
internal import VectorSQL

extension Check {
  /// A statement of the user's own: traps in its text, then what the server would do.
  static let statement = Check(name: "statement") { facts, expectations in
    guard let text = expectations.statement else { return .skipped("none was given") }
    let traps = QueryTraps(
      text,
      dialect: expectations.dialect,
      column: expectations.table.vectorColumn
    ).traps
    if !traps.isEmpty {
      return .wrong(
        traps.map(\.message).joined(separator: "; "),
        remedy: traps.map(\.remedy).joined(separator: "; ")
      )
    }
    switch facts.statementPlan {
    case nil: return .skipped("the server was not asked")
    case .refused(let reason): return .wrong(reason, remedy: "mend the statement")
    case .lines(let lines):
      guard let index = SearchPlan.orderingIndex(in: lines) else {
        return .wrong(
          "the server would not use a vector index for it",
          remedy: "order by the operator of the index's metric, with a constant or parameter of the column's "
            + "type on the other side, and a LIMIT; EXPLAIN shows the plan"
        )
      }
      return .ok("the server would use \(index)")
    }
  }
}

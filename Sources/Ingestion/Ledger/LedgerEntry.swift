internal import VectorSQL

/// A row of the record, ready to be inserted.
struct LedgerEntry: Sendable, Hashable {
  /// The table, quoted.
  let table: String
  /// Its columns' values, in order.
  let values: [SQLValue]

  /// The insertion with bound values.
  var statement: Statement {
    let parameters = values.indices.map { "$\($0 + 1)" }.joined(separator: ", ")
    return Statement(trusted: "INSERT INTO \(table) VALUES (\(parameters))", binds: values)
  }

  /// The insertion as text for a message of several statements, which carries no parameters.
  var script: String {
    "INSERT INTO \(table) VALUES (\(values.map(\.literal).joined(separator: ", ")))"
  }
}

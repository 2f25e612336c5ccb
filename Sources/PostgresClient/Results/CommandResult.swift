/// What one statement of a script answered; values are text, as the simple protocol sends them.
public struct CommandResult: Sendable, Hashable {
  /// The columns' names; empty for a command without rows.
  public let columns: [String]
  /// The rows; nil is NULL.
  public let rows: [[String?]]
  /// The command tag, such as `CREATE TABLE`.
  public let commandTag: String
}

extension CommandResult {
  init(_ storage: ResultStorage) {
    columns = (0..<storage.columnCount).map(storage.columnName)
    rows = (0..<storage.rowCount).map { row in
      (0..<storage.columnCount).map { column in
        storage.cell(row: row, column: column).map { String(decoding: $0, as: UTF8.self) }
      }
    }
    commandTag = storage.commandTag
  }
}

/// The rows that a query returned, all in memory, values in binary format.
public struct RowSet: Sendable, RandomAccessCollection {
  let storage: ResultStorage

  /// The columns' names and types.
  public var columns: [ColumnInfo] {
    (0..<storage.columnCount).map { column in
      ColumnInfo(name: storage.columnName(column), typeOID: storage.columnType(column))
    }
  }

  /// The command tag, such as `SELECT 20` or `INSERT 0 100`.
  public var commandTag: String { storage.commandTag }

  /// How many rows an INSERT, UPDATE, DELETE or COPY touched, or a SELECT returned.
  public var affectedRows: Int { storage.affectedRows }

  /// Always 0.
  public var startIndex: Int { 0 }
  /// The number of rows.
  public var endIndex: Int { storage.rowCount }

  /// The row at a position.
  public subscript(position: Int) -> Row {
    Row(storage: storage, index: position)
  }
}

/// A column of a result.
public struct ColumnInfo: Sendable, Hashable {
  /// The name, as the statement gave it.
  public let name: String
  /// The type's object id.
  public let typeOID: UInt32
}

/// Rows to put into a table, as statements with bound values.
public struct InsertStatement: Sendable {
  /// The most parameters that one statement can carry: the protocol counts them in 16 bits.
  public static let maximumBinds = 65_535

  /// The table.
  public var table: QualifiedName
  /// The columns, in the order of each row's values.
  public var columns: [Target]
  /// What happens to a row whose key is there already.
  public var conflict: ConflictPolicy

  /// An insertion into these columns.
  public init(into table: QualifiedName, columns: [Target], onConflict conflict: ConflictPolicy = .fail) {
    self.table = table
    self.columns = columns
    self.conflict = conflict
  }

  /// A column that rows are put into.
  public struct Target: Sendable, Hashable, ExpressibleByStringLiteral {
    /// The column's name.
    public let name: Identifier
    /// The vector column, where it is one: its values are cast and checked.
    public let vector: VectorColumn?

    /// An ordinary column.
    public init(_ name: Identifier) {
      self.name = name
      vector = nil
    }

    /// A column of vectors.
    public init(_ column: VectorColumn) {
      name = column.name
      vector = column
    }

    /// An ordinary column known at compile time.
    public init(stringLiteral literal: StaticString) {
      self.init(Identifier(stringLiteral: literal))
    }
  }

  /// What happens to a row whose key is in the table already.
  public enum ConflictPolicy: Sendable, Hashable {
    /// The statement fails and nothing is inserted.
    case fail
    /// The row is left out.
    case skip(key: [Identifier])
    /// The row there takes the new values; keys must not repeat among the rows of one statement.
    case update(key: [Identifier])
  }

  /// A value of a row.
  public enum Cell: Sendable, Hashable {
    /// An ordinary value.
    case value(SQLValue)
    /// A vector, encoded as the dialect's type.
    case vector([Float])
  }

  /// How many rows fit into one statement.
  public var rowsPerStatement: Int { max(1, Self.maximumBinds / max(1, columns.count)) }

  /// Rows as multi-row `INSERT … VALUES` statements, each below the limit of parameters.
  ///
  /// - Parameters:
  ///   - rows: The values of each row, in the order of the columns.
  ///   - rowsAtOnce: Rows in one statement; the text is the same for each full statement, so a server that caches
  ///     plans by text prepares it once.
  ///   - dialect: The dialect to write.
  /// - Throws: `RenderingError` for a row of another length, a vector that does not fit, or a conflict policy that
  ///   the dialect lacks (then ``staged(for:stage:)`` is the way).
  public func statements(
    rows: [[Cell]],
    rowsAtOnce: Int? = nil,
    for dialect: Dialect
  ) throws(RenderingError) -> [Statement] {
    let size = min(rowsPerStatement, max(1, rowsAtOnce ?? rowsPerStatement))
    var result: [Statement] = []
    var start = 0
    while start < rows.count {
      let end = min(rows.count, start + size)
      result.append(try statement(rows: rows[start..<end], for: dialect))
      start = end
    }
    return result
  }
}

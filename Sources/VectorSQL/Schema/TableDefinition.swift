/// A table with vectors: columns, key, where its rows live and how its vectors are stored.
public struct TableDefinition: Sendable {
  /// The table's name.
  public var name: QualifiedName
  /// The columns, in order.
  public var columns: [ColumnDefinition]
  /// The key's columns.
  public var primaryKey: [Identifier]
  /// The columns that decide on which node a row lies, where there are several; nil for those of the primary key.
  public var distributionKey: [Identifier]?
  /// Where its rows lie, where there are several nodes.
  public var placement = Placement.distributed()
  /// Skips the statement when a table of that name is there.
  public var ifNotExists = false

  /// A table from its parts.
  public init(_ name: QualifiedName, columns: [ColumnDefinition], primaryKey: [Identifier]) {
    self.name = name
    self.columns = columns
    self.primaryKey = primaryKey
  }

  /// A column of the table.
  public struct ColumnDefinition: Sendable {
    /// The column's name.
    public let name: Identifier
    /// What it holds.
    public let type: ColumnType
    /// Whether NULL is refused.
    public let notNull: Bool
    /// What a row takes that is given no value; nil for NULL. Values in it are written as constants.
    public let defaultValue: SQL?

    /// An ordinary column.
    public init(
      _ name: Identifier,
      _ type: ColumnType,
      notNull: Bool = false,
      default defaultValue: SQL? = nil
    ) {
      self.name = name
      self.type = type
      self.notNull = notNull
      self.defaultValue = defaultValue
    }

    /// A column of vectors.
    public init(_ column: VectorColumn, notNull: Bool = false) {
      self.init(column.name, .vector(column), notNull: notNull)
    }
  }

  /// What a column holds.
  public enum ColumnType: Sendable, Hashable {
    /// A type of PostgreSQL's own.
    case plain(PlainType)
    /// Vectors, in the dialect's type.
    case vector(VectorColumn)
  }

  /// The types of PostgreSQL that tables with vectors use.
  public enum PlainType: String, Sendable, Hashable, CaseIterable {
    /// The type of this name.
    case smallint, integer, bigint, real, boolean, text, jsonb, date, timestamptz, uuid, bytea
    /// 64-bit floats.
    case double = "double precision"
    /// Texts.
    case textArray = "text[]"
    /// 32-bit integers.
    case integerArray = "integer[]"
    /// 64-bit integers.
    case bigintArray = "bigint[]"
  }

  /// The statements that make the table, in order; run them in one transaction.
  /// - Throws: `RenderingError` for a column that the dialect has no type for, or vectors without a dimension.
  public func statements(for dialect: Dialect) throws(RenderingError) -> [Statement] {
    var result = [try create.rendered(for: dialect, layout: .compact)]
    for case .vector(let column) in columns.map(\.type) where dialect.plainVectorStorage {
      result.append(
        Statement(
          trusted: "ALTER TABLE \(name.quoted) ALTER COLUMN \(column.name.quoted) SET STORAGE PLAIN"
        )
      )
    }
    if dialect.capabilities.citus, let call = placement.call(table: name, key: distributionKey ?? primaryKey)
    {
      result.append(try call.rendered(for: dialect))
    }
    return result
  }

  /// `CREATE TABLE` as a fragment.
  public var create: SQL {
    .perDialect { dialect throws(RenderingError) in
      var lines = columns.map(\.declaration)
      let key = primaryKey.map(SQL.identifier).joined(separator: ", ")
      if !primaryKey.isEmpty { lines.append("PRIMARY KEY (\(key))") }
      let body = lines.joined(separator: SQL(segments: [.text(","), .layout(.line)])).asBlock
      let distributed: SQL =
        dialect.capabilities.distributedBy ? placement.clause(key: distributionKey ?? primaryKey) : .empty
      return "CREATE TABLE \(ifNotExists ? "IF NOT EXISTS " : .empty)\(table: name) \(body)\(distributed)"
    }
  }

  /// The statement for a table that adbvec keeps beside others, where it is missing: spread where every table is, otherwise on
  /// the node that clients connect to, the coordinator of Citus among them.
  package func creation(distributes: Bool) throws(RenderingError) -> Statement {
    var table = self
    table.ifNotExists = true
    table.placement = distributes ? .distributed() : .local
    return try table.create.rendered(for: .pgvector.adapted { $0.distributedBy = distributes })
  }
}

extension TableDefinition.ColumnDefinition {
  /// The column as `CREATE TABLE` and `ADD COLUMN` declare it.
  package var declaration: SQL {
    .perDialect { dialect throws(RenderingError) in
      let type: String
      switch self.type {
      case .plain(let plain): type = plain.rawValue
      case .vector(let vector): type = try Self.type(of: vector, dialect)
      }
      var declaration: SQL = "\(id: name) \(.keyword(type))\(notNull ? " NOT NULL" : .empty)"
      if let defaultValue {
        declaration.append(" DEFAULT \(.keyword(try defaultValue.renderedWithConstants(for: dialect).text))")
      }
      return declaration
    }
  }

  private static func type(of column: VectorColumn, _ dialect: Dialect) throws(RenderingError) -> String {
    let type = try dialect.type(of: column.element)
    guard type.declaresDimension else { return type.sqlName }
    guard let dimension = column.dimension else {
      throw RenderingError(.invalidShape, "the column \(column.name.quoted) needs a dimension")
    }
    return type.columnType(dimension: dimension)
  }
}

extension TableDefinition.ColumnType {
  /// `integer`.
  public static let integer = Self.plain(.integer)
  /// `bigint`.
  public static let bigint = Self.plain(.bigint)
  /// `text`.
  public static let text = Self.plain(.text)
  /// `boolean`.
  public static let boolean = Self.plain(.boolean)
  /// `timestamptz`.
  public static let timestamptz = Self.plain(.timestamptz)
  /// `double precision`.
  public static let double = Self.plain(.double)
  /// `jsonb`.
  public static let jsonb = Self.plain(.jsonb)
  /// `date`.
  public static let date = Self.plain(.date)
  /// `text[]`.
  public static let textArray = Self.plain(.textArray)
}

/// Where a table's rows lie on an engine with several nodes. On one node it says nothing.
public enum Placement: Sendable, Hashable {
  /// Spread by the first column of the table's `distributionKey` (Citus), or by all of them (`DISTRIBUTED BY`).
  ///
  /// - `shards`: how many parts on Citus; nil takes the server's `citus.shard_count`. Elsewhere there is one per segment.
  /// - `colocatedWith`: a table whose rows with the same value lie on the same node, on Citus; nil with a number of shards
  ///   starts a group of its own.
  case distributed(shards: Int? = nil, colocatedWith: QualifiedName? = nil)
  /// A copy of all rows on every node: `DISTRIBUTED REPLICATED`, a reference table of Citus.
  case replicated
  /// On the node that clients connect to alone; where every table is spread, by the engine's own choice.
  case local

  /// Behind `CREATE TABLE`, where the engine reads it there.
  package func clause(key: [Identifier]) -> SQL {
    switch self {
    case .distributed where !key.isEmpty: .keyword(Self.clause(by: key.map(\.quoted)))
    case .replicated: " DISTRIBUTED REPLICATED"
    case .distributed, .local: .empty
    }
  }

  /// What spreads rows by columns, as SQL writes them, behind a statement that makes a table: `DISTRIBUTED BY (a, b)`.
  package static func clause(by columns: [String]) -> String {
    " DISTRIBUTED BY (\(columns.joined(separator: ", ")))"
  }

  /// The call that spreads a table of Citus by a column; both are string constants, as the options are SQL.
  package static func call(table: String, column: String, options: String = "") -> String {
    "SELECT create_distributed_table(\(table), \(column)\(options))"
  }

  /// The call that copies a table of Citus, which a string constant names, to each node.
  package static func callReplicating(_ table: String) -> String { "SELECT create_reference_table(\(table))" }

  /// The call that places a table of Citus; nil for one that stays where it is.
  func call(table: QualifiedName, key: [Identifier]) -> SQL? {
    switch self {
    case .distributed(let shards, let other):
      guard let column = key.first else { return nil }
      var options: SQL = .empty
      if let other {
        options = ", colocate_with => \(other.quoted)"
      } else if let shards {
        options = ", shard_count => \(Int32(clamping: shards)), colocate_with => 'none'"
      }
      return "SELECT create_distributed_table(\(table.quoted), \(column.name)\(options))"
    case .replicated: return "SELECT create_reference_table(\(table.quoted))"
    case .local: return nil
    }
  }
}

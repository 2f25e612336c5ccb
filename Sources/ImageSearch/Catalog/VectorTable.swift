public import VectorSQL

/// A table with vectors, as the server's catalogue describes it.
public struct VectorTable: Sendable, Hashable {
  /// The name it was looked up by, with the schema it was found in.
  public let name: QualifiedName
  /// Its object id.
  public let oid: UInt32
  /// What it is.
  public let kind: Kind
  /// Its columns, in the table's order.
  public let columns: [Column]
  /// Its indexes on the vector column, valid or not.
  public let vectorIndexes: [Index]
  /// The planner's estimate of its rows; negative before the first ANALYZE on PostgreSQL 14 and later.
  public let estimatedRows: Double
  /// Whether the user may drop and make indexes on it.
  public let isOwned: Bool
  /// Whether rows of it lie in other tables: partitions or children.
  public let hasParts: Bool
  /// Whether policies decide which rows this user may read and write; COPY is then refused.
  public let hasRowSecurity: Bool
  /// Whether a trigger may change or leave out rows; a partition may have one of its own.
  public let mayHaveTriggers: Bool

  /// What kind of relation it is: `pg_class.relkind`.
  public struct Kind: RawRepresentable, Sendable, Hashable {
    /// The catalogue's letter.
    public let rawValue: String

    /// The kind with that letter.
    public init(rawValue: String) { self.rawValue = rawValue }

    /// A table.
    public static let table = Kind(rawValue: "r")
    /// A table with partitions.
    public static let partitioned = Kind(rawValue: "p")
  }

  /// A column of the table.
  public struct Column: Sendable, Hashable {
    /// The name.
    public let name: String
    /// The type as SQL writes it: `integer`, `real[]`, `vector(1000)`.
    public let type: String
    /// The type's object id, which parameters are bound with.
    public let typeOID: UInt32
    /// Whether NULL is refused.
    public let isRequired: Bool
    /// Whether a row without a value for it gets one: a default, an identity or a generation expression.
    public let hasDefault: Bool
    /// Whether a valid unique index covers this column alone.
    public let isUnique: Bool
    /// How large values are kept: `p` PLAIN, `m` MAIN, `e` EXTERNAL, `x` EXTENDED.
    public let storage: String
  }

  /// An index on the vector column.
  public struct Index: Sendable, Hashable {
    /// The name, quoted and qualified where that is needed.
    public let name: String
    /// The access method: `hnsw`, `ivfflat`, `ann`.
    public let method: String
    /// The operator class, such as `vector_l2_ops`.
    public let operatorClass: String
    /// The WITH options, names in lower case: `dim` to `1000`.
    public let options: [String: String]
    /// The statement that makes it: `pg_get_indexdef`.
    public let definition: String
    /// Whether it is a partition's part of an index on the whole table, which cannot be dropped by itself.
    public let isAttached: Bool
    /// Whether queries may use it; a failed concurrent build leaves an index that they may not.
    public let isValid: Bool
  }

  /// The column of that name.
  public func column(_ name: Identifier) -> Column? {
    columns.first { $0.name == name.name }
  }

  /// The column of that name.
  /// - Throws: `VectorTableError` with code `missingColumn`.
  public func require(_ name: Identifier) throws -> Column {
    guard let column = column(name) else {
      throw VectorTableError(
        code: .missingColumn,
        description: "the table \(self.name.display) has no column \(name.quoted); it has "
          + columns.map(\.name).joined(separator: ", ")
      )
    }
    return column
  }
}

extension VectorTable.Index {
  /// The metric that the index serves; nil when its names tell none.
  public var metric: Metric? {
    let spelling = method == "ann" ? (options["distancemeasure"] ?? "l2") : operatorClass
    for (part, metric) in [("l2", Metric.l2), ("cosine", .cosine), ("ip", .innerProduct), ("l1", .l1)]
    where spelling.lowercased().split(separator: "_").contains(Substring(part)) {
      return metric
    }
    return nil
  }

  /// The dimension that the index was told, where its method has to be told.
  public var dimension: Int? {
    options["dim"].flatMap { Int($0) }
  }
}

public import VectorSQL

/// A table with vectors, as the server's catalogue describes it.
public struct VectorTable: Sendable, Hashable {
  /// The name it was looked up by, with the schema it was found in.
  public let name: QualifiedName
  /// Its columns, in the table's order.
  public let columns: [Column]
  /// Its indexes on the vector column, valid or not.
  public let vectorIndexes: [Index]
  /// The planner's estimate of its rows; negative before the first ANALYZE on PostgreSQL 14 and later.
  public let estimatedRows: Double

  /// A column of the table.
  public struct Column: Sendable, Hashable {
    /// The name.
    public let name: String
    /// The type as SQL writes it: `integer`, `real[]`, `vector(1000)`.
    public let type: String
    /// Whether NULL is refused.
    public let isRequired: Bool
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

extension VectorTable.Column {
  /// `vector`, `halfvec`, `real[]`: the type without its length.
  public var typeName: String {
    String(type.prefix { $0 != "(" })
  }

  /// The length in `vector(1000)`; nil for types that declare none, such as `real[]`.
  public var declaredDimension: Int? {
    guard ["vector", "halfvec", "bit", "sparsevec"].contains(typeName) else { return nil }
    return Int(type.drop { $0 != "(" }.dropFirst().prefix { $0 != ")" })
  }

  /// What the column's elements are; nil for a column that is no vector.
  public var element: VectorElement? {
    switch typeName {
    case "vector", "real[]": .single
    case "halfvec", "float2[]": .half
    case "sparsevec": .sparse
    case "bit": .bit
    case "smallint[]": .int16
    default: nil
    }
  }

  /// Whether values can be sent as `int4`, `int8` …: the SQL value of an id in this column.
  public func idValue(_ id: Int64) -> SQLValue? {
    switch typeName {
    case "bigint": .int8(id)
    case "integer": Int32(exactly: id).map(SQLValue.int4)
    case "smallint": Int16(exactly: id).map(SQLValue.int2)
    case "text", "character varying": .text(String(id))
    default: nil
    }
  }
}

extension VectorTable.Index {
  /// The metric that the index serves.
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

internal import VectorSQL

/// What the catalogue says of a target table.
public struct TableShape: Sendable, Hashable {
  /// A column of it.
  public struct Column: Sendable, Hashable {
    /// The name.
    public var name: String
    /// The type's object id, which parameters are bound with.
    public var typeOID: UInt32
    /// The type's name without modifiers: `int4`, `text`, `_float4`, `vector`.
    public var typeName: String
    /// The type modifier; -1 for none. A vector's dimension.
    public var modifier: Int
    /// Whether NULL is refused.
    public var isNotNull: Bool
    /// Whether a row without a value for it gets one: a default, an identity or a generation expression.
    public var hasDefault: Bool
    /// `pg_attribute.attstorage`: `p` is PLAIN.
    public var storage: String
  }

  /// An index on the vector column.
  public struct VectorIndex: Sendable, Hashable {
    /// The index's quoted name, with its schema.
    public var name: String
    /// The access method: `hnsw`, `ivfflat`, `ann`.
    public var method: String
    /// The operator class.
    public var operatorClass: String
    /// `pg_class.reloptions`, `name=value` each.
    public var options: [String]
    /// `pg_get_indexdef`.
    public var definition: String
    /// Whether it can be used by queries.
    public var isValid: Bool
  }

  /// The table's object id.
  public var oid: UInt32
  /// `pg_class.relkind`: `r` for a table, `p` for a partitioned one.
  public var kind: String
  /// The columns, in order.
  public var columns: [Column]
  /// Whether a valid unique index covers the id column alone.
  public var hasUniqueID: Bool
  /// The indexes on the vector column.
  public var vectorIndexes: [VectorIndex]
  /// Bytes in a page.
  public var blockSize: Int
  /// Whether the user may drop and make indexes on it.
  public var isOwned: Bool
  /// Whether a trigger may change or leave out rows; a partition may have one of its own.
  public var mayHaveTriggers: Bool
  /// Whether any row is there.
  public var hasRows: Bool
}

extension TableShape.VectorIndex {
  /// The dimension that an `ann` index fixes for a column without one of its own.
  var dimension: Int? {
    options.lazy.compactMap { option in
      option.hasPrefix("dim=") ? Int(option.dropFirst(4).filter(\.isNumber)) : nil
    }.first
  }

  /// The metric that the index serves; nil when its name tells none.
  var metric: Metric? {
    let measure = options.first { $0.lowercased().hasPrefix("distancemeasure=") }?.split(separator: "=").last
    let words = (method == "ann" ? measure ?? "l2" : operatorClass[...]).lowercased().split(separator: "_")
    return [("l2", Metric.l2), ("cosine", .cosine), ("ip", .innerProduct), ("l1", .l1)]
      .first { words.contains(Substring($0.0)) }?.1
  }

  /// Whether rows are compared by angle, so that a vector of zeros has no place in it.
  var isCosine: Bool {
    operatorClass.contains("cosine")
      || options.contains {
        $0.lowercased().hasPrefix("distancemeasure=") && $0.lowercased().contains("cosine")
      }
  }
}

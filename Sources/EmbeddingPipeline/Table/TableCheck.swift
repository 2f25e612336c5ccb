internal import VectorSQL

/// What a load of vectors needs of its table, decided from the table's shape alone.
public struct TableCheck: Sendable, Hashable {
  /// How ids are sent.
  public enum IDType: Sendable, Hashable {
    case int2, int4, int8

    /// The type's name in SQL.
    var sqlName: String {
      switch self {
      case .int2: "smallint"
      case .int4: "integer"
      case .int8: "bigint"
      }
    }
  }

  /// How vectors are sent.
  public enum VectorType: Sendable, Hashable {
    /// `real[]`.
    case float4Array
    /// `double precision[]`.
    case float8Array
    /// pgvector's `vector`.
    case vector
    /// pgvector's `halfvec`.
    case halfvec
  }

  /// The id column's form.
  public let idType: IDType
  /// The vector column's form.
  public let vectorType: VectorType
  /// The vector column's type.
  public let vectorOID: UInt32
  /// The dimension that column or index ask for; nil when any will do.
  public let dimension: Int?
  /// Whether a class must be given.
  public let labelIsRequired: Bool
  /// Whether vectors of zeros are refused, because an index compares angles.
  public let refusesZeroVectors: Bool
  /// Whether the table has the column for where pictures came from.
  public let hasSource: Bool
  /// What the user should know though it stops nothing.
  public let warnings: [String]

  /// Checks a table.
  /// - Throws: `LoadError` with code `table`: the first thing that would make every row fail.
  public init(_ shape: TableShape, target: LoadTarget) throws {
    let name = target.table.quoted
    guard ["r", "p"].contains(shape.kind) else {
      throw LoadError(
        .table,
        "\(name) is no table (relkind \(shape.kind)); rows can only be loaded into a table"
      )
    }
    let id = try Self.column(target.idColumn.name, shape, name)
    let label = try Self.column(target.labelColumn.name, shape, name)
    let vector = try Self.column(target.vectorColumn.name, shape, name)
    idType = try Self.idType(id, name)
    guard ["text", "varchar", "bpchar", "name"].contains(label.typeName) else {
      throw LoadError(
        .table,
        "column \"\(label.name)\" of \(name) is \(label.typeName); the class needs text"
      )
    }
    (vectorType, dimension) = try Self.vector(vector, shape, name)
    vectorOID = vector.typeOID
    labelIsRequired = label.isNotNull
    refusesZeroVectors = shape.vectorIndexes.contains(where: \.isCosine)
    let source = shape.columns.first { $0.name == target.sourceColumn.name && $0.typeName == "text" }
    hasSource = source != nil
    let others = shape.columns.filter { ![id.name, label.name, vector.name].contains($0.name) }
    if let unfilled = others.first(where: { $0.isNotNull && !$0.hasDefault }) {
      throw LoadError(
        .table,
        "column \"\(unfilled.name)\" of \(name) is NOT NULL without a default, so no row can be loaded; give it a default"
      )
    }
    warnings =
      shape.hasUniqueID ? [] : ["\(name) has no unique index on \"\(id.name)\": duplicate ids will be stored"]
  }

  private static func column(_ name: String, _ shape: TableShape, _ table: String) throws -> TableShape.Column
  {
    guard let column = shape.columns.first(where: { $0.name == name }) else {
      let known = shape.columns.map { "\"\($0.name)\"" }.joined(separator: ", ")
      throw LoadError(.table, "\(table) has no column \"\(name)\"; it has \(known)")
    }
    return column
  }

  private static func idType(_ column: TableShape.Column, _ table: String) throws -> IDType {
    switch column.typeName {
    case "int2": return .int2
    case "int4": return .int4
    case "int8": return .int8
    default:
      throw LoadError(
        .table,
        "column \"\(column.name)\" of \(table) is \(column.typeName); ids need an integer type"
      )
    }
  }

  private static func vector(
    _ column: TableShape.Column,
    _ shape: TableShape,
    _ table: String
  ) throws -> (VectorType, Int?) {
    let declared = column.modifier > 0 ? column.modifier : nil
    let indexed = shape.vectorIndexes.lazy.compactMap(\.dimension).first
    switch column.typeName {
    case "_float4": return (.float4Array, indexed)
    case "_float8": return (.float8Array, indexed)
    case "vector": return (.vector, declared ?? indexed)
    case "halfvec": return (.halfvec, declared ?? indexed)
    default:
      throw LoadError(
        .table,
        "column \"\(column.name)\" of \(table) is \(column.typeName); vectors need real[], vector or halfvec"
      )
    }
  }
}

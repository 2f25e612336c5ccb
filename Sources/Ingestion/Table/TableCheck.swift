internal import ImageSearch
internal import VectorSQL

/// What a load of vectors needs of its table, decided from the table alone.
struct TableCheck: Sendable, Hashable {
  /// How ids are sent.
  enum IDType: Sendable, Hashable {
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
  enum VectorType: Sendable, Hashable {
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
  let idType: IDType
  /// The vector column's form.
  let vectorType: VectorType
  /// The vector column's type.
  let vectorOID: UInt32
  /// The dimension that column or index ask for; nil when any will do.
  let dimension: Int?
  /// Whether a class must be given.
  let labelIsRequired: Bool
  /// Whether vectors of zeros are refused, because an index compares angles.
  let refusesZeroVectors: Bool
  /// Whether the table has the column for where images came from.
  let hasSource: Bool
  /// What the user should know though it stops nothing.
  let warnings: [String]

  /// Checks a table.
  /// - Throws: `LoadError` with code `table`: the first thing that would make every row fail.
  init(_ table: TargetTable) throws {
    let target = table.target
    let name = target.table.quoted
    let id = try Self.column(target.idColumn, table)
    let label = try Self.column(target.labelColumn, table)
    let vector = try Self.column(target.vectorColumn, table)
    idType = try Self.idType(id, name)
    guard ["text", "character varying", "character", "name"].contains(label.typeName) else {
      throw LoadError(.table, "column \"\(label.name)\" of \(name) is \(label.type); the class needs text")
    }
    vectorType = try Self.vectorType(vector, name)
    vectorOID = vector.typeOID
    dimension = vector.declaredDimension ?? table.vectorIndexes.lazy.compactMap(\.dimension).first
    labelIsRequired = label.isRequired
    refusesZeroVectors = table.vectorIndexes.contains { $0.metric == .cosine }
    hasSource = table.catalog.column(target.sourceColumn)?.typeName == "text"
    let others = table.catalog.columns.filter { ![id.name, label.name, vector.name].contains($0.name) }
    if let unfilled = others.first(where: { $0.isRequired && !$0.hasDefault }) {
      throw LoadError(
        .table,
        "column \"\(unfilled.name)\" of \(name) is NOT NULL without a default, so no row can be loaded; give it a default"
      )
    }
    warnings =
      id.isUnique ? [] : ["\(name) has no unique index on \"\(id.name)\": duplicate ids will be stored"]
  }

  private static func column(_ name: Identifier, _ table: TargetTable) throws -> VectorTable.Column {
    do {
      return try table.catalog.require(name)
    } catch let error as VectorTableError {
      throw LoadError(.table, error.description)
    }
  }

  private static func idType(_ column: VectorTable.Column, _ table: String) throws -> IDType {
    switch column.typeName {
    case "smallint": return .int2
    case "integer": return .int4
    case "bigint": return .int8
    default:
      throw LoadError(
        .table,
        "column \"\(column.name)\" of \(table) is \(column.type); ids need an integer type"
      )
    }
  }

  private static func vectorType(_ column: VectorTable.Column, _ table: String) throws -> VectorType {
    switch column.typeName {
    case "real[]": return .float4Array
    case "double precision[]": return .float8Array
    case "vector": return .vector
    case "halfvec": return .halfvec
    default:
      throw LoadError(
        .table,
        "column \"\(column.name)\" of \(table) is \(column.type); vectors need real[], vector or halfvec"
      )
    }
  }
}

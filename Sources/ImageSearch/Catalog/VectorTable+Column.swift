public import VectorSQL

extension VectorTable.Column {
  /// `vector`, `halfvec`, `real[]`: the type without its length and without the schema of an extension that lies
  /// outside the search path.
  public var typeName: String {
    let bare = type.prefix { $0 != "(" }
    return String(bare.split(separator: ".").last ?? bare)
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

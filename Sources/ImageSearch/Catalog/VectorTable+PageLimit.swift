extension VectorTable.Column {
  /// The bytes that a value with this many elements takes; nil for a column that is no vector.
  ///
  /// Sources: PostgreSQL's `array.h` (a header of 24 bytes for one dimension) and pgvector's `vector.h`, `halfvec.h`
  /// (8 bytes).
  public func valueBytes(dimension: Int) -> Int? {
    switch typeName {
    case "real[]": 24 + 4 * dimension
    case "float2[]", "smallint[]": 24 + 2 * dimension
    case "double precision[]": 24 + 8 * dimension
    case "vector": 8 + 4 * dimension
    case "halfvec": 8 + 2 * dimension
    case "bit": 8 + (dimension + 7) / 8
    default: nil
    }
  }
}

extension VectorTable {
  /// The bytes that a row with such a vector kept in the row itself takes: the row's head, an id, a short label and
  /// the vector.
  public func rowBytes(_ column: Column, dimension: Int) -> Int? {
    column.valueBytes(dimension: dimension).map { 24 + 8 + 12 + $0 }
  }

  /// The bytes that a page has for one row: without the page's head, the line pointer and alignment.
  public static func pageRoom(blockSize: Int) -> Int { blockSize - 32 }
}

internal import CLibpq

/// Owns a libpq result.
///
/// `@unchecked Sendable`: a result is complete when this takes it over and nothing writes to it before `PQclear`.
final class ResultStorage: @unchecked Sendable {
  let pointer: OpaquePointer

  init(_ pointer: OpaquePointer) {
    self.pointer = pointer
  }

  deinit {
    PQclear(pointer)
  }

  var isSingleRow: Bool { PQresultStatus(pointer) == PGRES_SINGLE_TUPLE }
  var rowCount: Int { Int(PQntuples(pointer)) }
  var columnCount: Int { Int(PQnfields(pointer)) }
  var commandTag: String { String(cString: PQcmdStatus(pointer)) }
  var affectedRows: Int { Int(String(cString: PQcmdTuples(pointer))) ?? 0 }

  func columnName(_ column: Int) -> String {
    PQfname(pointer, Int32(column)).map { String(cString: $0) } ?? ""
  }

  func columnType(_ column: Int) -> UInt32 {
    PQftype(pointer, Int32(column))
  }

  /// The bytes of a value, or nil for NULL; they live as long as this object.
  func cell(row: Int, column: Int) -> UnsafeRawBufferPointer? {
    guard PQgetisnull(pointer, Int32(row), Int32(column)) == 0 else { return nil }
    return UnsafeRawBufferPointer(
      start: PQgetvalue(pointer, Int32(row), Int32(column)),
      count: Int(PQgetlength(pointer, Int32(row), Int32(column)))
    )
  }
}

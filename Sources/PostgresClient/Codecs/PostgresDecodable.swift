/// A Swift type that a column's binary value can be read as.
public protocol PostgresDecodable: Sendable {
  /// Reads a value.
  /// - Throws: `CellError` when the bytes, or NULL, do not fit.
  init(cell: BinaryCell) throws
}

/// One value of a result: its bytes in the type's binary format, nil for NULL.
public struct BinaryCell {
  /// The bytes; valid while the row is.
  public let bytes: UnsafeRawBufferPointer?
  /// The type's object id.
  public let typeOID: UInt32

  /// The bytes of a value that must not be NULL.
  /// - Throws: `CellError` for NULL.
  public func requireBytes() throws -> UnsafeRawBufferPointer {
    guard let bytes else { throw CellError(reason: "it is NULL") }
    return bytes
  }

  /// Refuses every type but some.
  /// - Throws: `CellError`.
  func require(_ types: [UInt32], _ name: String) throws {
    guard types.contains(typeOID) else { throw CellError(reason: "it is not \(name)") }
  }

  /// An integer that fills the whole value.
  /// - Throws: `CellError` when the length differs.
  func integer<Value: FixedWidthInteger>(_ type: Value.Type = Value.self) throws -> Value {
    var reader = WireReader(try requireBytes())
    let value = try reader.read(Value.self)
    try reader.expectEnd()
    return value
  }
}

/// Why a value cannot be read; `Row` adds the column.
public struct CellError: Error, Sendable, Hashable {
  /// The rest of the sentence “… cannot be read as Int32:”.
  public let reason: String

  /// An error with its reason.
  public init(reason: String) {
    self.reason = reason
  }
}

extension Optional: PostgresDecodable where Wrapped: PostgresDecodable {
  /// NULL is nil.
  public init(cell: BinaryCell) throws {
    self = cell.bytes == nil ? nil : try Wrapped(cell: cell)
  }
}

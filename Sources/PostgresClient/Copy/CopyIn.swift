internal import CLibpq

/// The open end of a `COPY … FROM STDIN`: takes the bytes of the format that the statement asked for.
///
/// Valid inside the closure of `PostgresConnection.copyIn` only, which ends the COPY.
public struct CopyIn {
  private let connection: OpaquePointer

  init(connection: OpaquePointer) {
    self.connection = connection
  }

  /// Sends bytes; they need not end where a row ends.
  /// - Throws: `PostgresError` when the connection is gone.
  public func write(_ bytes: UnsafeRawBufferPointer) throws {
    var rest = bytes
    while !rest.isEmpty {
      // libpq copies what it is given into its own buffer first: pieces keep that buffer small.
      let piece = UnsafeRawBufferPointer(rebasing: rest.prefix(Self.pieceSize))
      rest = UnsafeRawBufferPointer(rebasing: rest.dropFirst(piece.count))
      let base = piece.baseAddress?.assumingMemoryBound(to: CChar.self)
      guard PQputCopyData(connection, base, Int32(piece.count)) == 1 else {
        throw PostgresError(result: nil, connection: connection)
      }
    }
  }

  /// Sends bytes; as `write(_:)` of their storage.
  public func write(_ bytes: [UInt8]) throws {
    try bytes.withUnsafeBytes { try write($0) }
  }

  /// Sends what a buffer holds.
  public func write(_ buffer: WireBuffer) throws {
    try buffer.bytes.withUnsafeBytes { try write($0) }
  }

  private static let pieceSize = 1 << 16
}

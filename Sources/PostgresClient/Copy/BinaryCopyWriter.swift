/// Writes rows in COPY's binary format (PostgreSQL documentation, "COPY", Binary Format).
///
/// Rows are collected in one reused buffer and sent when it holds 64 KiB, so that memory does not grow with the rows.
public struct BinaryCopyWriter: ~Copyable {
  /// How many rows have been written.
  public private(set) var rowCount = 0

  private let stream: CopyIn
  private var buffer: WireBuffer

  /// Starts with the header: signature, flags (no OIDs), length of the header's extension.
  init(stream: CopyIn) {
    self.stream = stream
    buffer = WireBuffer(capacity: Self.flushSize * 2)
    BinaryCopyFormat.signature.withUnsafeBytes { buffer.append($0) }
    buffer.append(UInt32(0))
    buffer.append(UInt32(0))
  }

  /// Appends a row of `fields` fields; `encode` appends each with `appendField` or `appendNullField`.
  public mutating func row(fields: Int, _ encode: (inout WireBuffer) throws -> Void) throws {
    buffer.append(Int16(truncatingIfNeeded: fields))
    try encode(&buffer)
    rowCount += 1
    if buffer.count >= Self.flushSize { try flush() }
  }

  /// Writes the trailer.
  mutating func end() throws {
    buffer.append(Int16(-1))
    try flush()
  }

  private mutating func flush() throws {
    try stream.write(buffer)
    buffer.removeAll()
  }

  private static let flushSize = 1 << 16
}

/// What the writer and the reader of COPY's binary format agree on.
enum BinaryCopyFormat {
  /// `PGCOPY\n\377\r\n\0`.
  static let signature: [UInt8] = [0x50, 0x47, 0x43, 0x4F, 0x50, 0x59, 0x0A, 0xFF, 0x0D, 0x0A, 0x00]
}

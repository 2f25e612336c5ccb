/// A row of COPY's binary format; valid inside the closure that it is handed to.
public struct BinaryCopyRow {
  let fields: [UnsafeRawBufferPointer?]
  let types: [UInt32]

  /// The number of columns.
  public var count: Int { fields.count }

  /// The bytes of a column's value in its type's binary format; nil for NULL.
  public func bytes(at column: Int) -> UnsafeRawBufferPointer? {
    fields.indices.contains(column) ? fields[column] : nil
  }

  /// Reads one column.
  /// - Throws: `PostgresError` with code `decoding` or `unexpectedResult`.
  public func value<Value: PostgresDecodable>(at column: Int, as type: Value.Type = Value.self) throws
    -> Value
  {
    guard fields.indices.contains(column), types.indices.contains(column) else {
      throw PostgresError(
        code: .unexpectedResult,
        message: "the row has no column \(column); it has \(count)"
      )
    }
    do {
      return try Value(cell: BinaryCell(bytes: fields[column], typeOID: types[column]))
    } catch let problem as CellError {
      throw PostgresError(
        code: .decoding,
        message:
          "column \(column + 1) (type OID \(types[column])) cannot be read: \(problem.reason)"
      )
    }
  }
}

/// Takes the frame of COPY's binary format apart. libpq hands out whole rows, the header before the first of them.
struct BinaryCopyReader {
  private let types: [UInt32]
  private var sawHeader = false
  private var sawTrailer = false

  init(types: [UInt32]) {
    self.types = types
  }

  mutating func read(_ chunk: UnsafeRawBufferPointer, _ body: (BinaryCopyRow) throws -> Void) throws {
    var reader = WireReader(chunk)
    do {
      if !sawHeader { try readHeader(&reader) }
      while reader.remaining > 0 {
        guard !sawTrailer else { throw CellError(reason: "data follows the trailer") }
        let count = Int(try reader.read(Int16.self))
        if count == -1 {
          sawTrailer = true
          continue
        }
        guard count == types.count else {
          throw CellError(reason: "a row has \(count) fields where \(types.count) were expected")
        }
        var fields: [UnsafeRawBufferPointer?] = []
        fields.reserveCapacity(count)
        for _ in 0..<count {
          let length = Int(try reader.read(Int32.self))
          fields.append(length < 0 ? nil : try reader.read(count: length))
        }
        try body(BinaryCopyRow(fields: fields, types: types))
      }
    } catch let problem as CellError {
      throw PostgresError(code: .decoding, message: "the COPY data is broken: \(problem.reason)")
    }
  }

  private mutating func readHeader(_ reader: inout WireReader) throws {
    let signature = try reader.read(count: BinaryCopyFormat.signature.count)
    guard signature.elementsEqual(BinaryCopyFormat.signature) else {
      throw CellError(reason: "it does not start as binary COPY data does")
    }
    _ = try reader.read(UInt32.self)
    _ = try reader.read(count: Int(try reader.read(UInt32.self)))
    sawHeader = true
  }
}

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

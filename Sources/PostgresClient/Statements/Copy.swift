internal import CLibpq
public import VectorSQL

extension PostgresConnection {
  /// Runs `COPY … FROM STDIN` and lets `body` write the data, in the format that the statement names.
  ///
  /// `body` runs on the connection's own thread and may block. When it throws, the COPY fails as a whole and nothing of
  /// it stays.
  /// - Returns: how many rows the server took.
  /// - Throws: `PostgresError` with what the server said; what `body` threw; `CancellationError`.
  @discardableResult
  public func copyIn(_ statement: Statement, _ body: (CopyIn) throws -> Void) async throws -> Int {
    try await cancellable {
      let handle = try openHandle()
      try beginCopy(statement, PGRES_COPY_IN, handle)
      do {
        try body(CopyIn(connection: handle))
      } catch {
        let refusal = endCopyIn(handle, failure: "the client stopped")
        // A broken connection explains more than the write that noticed it.
        throw (refusal?.isConnectionProblem == true ? refusal : nil) ?? error
      }
      return try finishCopyIn(handle)
    }
  }

  /// As `copyIn(_:_:)` with the binary format's header and trailer written around the rows.
  @discardableResult
  public func copyInBinary(
    _ statement: Statement,
    _ body: (inout BinaryCopyWriter) throws -> Void
  ) async throws -> Int {
    try await copyIn(statement) { stream in
      var writer = BinaryCopyWriter(stream: stream)
      try body(&writer)
      try writer.end()
    }
  }

  func beginCopy(_ statement: Statement, _ expected: ExecStatusType, _ handle: OpaquePointer) throws {
    guard statement.binds.isEmpty else {
      throw PostgresError(code: .encoding, message: "COPY takes no parameters")
    }
    try Self.checkText(statement.text)
    let result = PQexec(handle, statement.text)
    guard let result, PQresultStatus(result) == expected else {
      _ = try accept(result, handle)
      throw PostgresError(
        code: .unexpectedResult,
        message: expected == PGRES_COPY_IN
          ? "The statement is not COPY … FROM STDIN." : "The statement is not COPY … TO STDOUT."
      )
    }
    PQclear(result)
  }

  private func finishCopyIn(_ handle: OpaquePointer) throws -> Int {
    guard PQputCopyEnd(handle, nil) == 1 else { throw PostgresError(result: nil, connection: handle) }
    return try lastResult(handle).affectedRows
  }

  private func endCopyIn(_ handle: OpaquePointer, failure: String) -> PostgresError? {
    _ = PQputCopyEnd(handle, failure)
    do {
      _ = try lastResult(handle)
      return nil
    } catch {
      return error as? PostgresError
    }
  }
}

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

extension PostgresConnection {
  /// Runs `COPY … TO STDOUT` and hands the data to `body`, a row or a part of the format's frame at a time.
  ///
  /// `body` runs on the connection's own thread and may block, which holds the server back: memory does not grow with
  /// the rows. When it throws, the statement is cancelled.
  /// - Returns: how many rows were sent.
  /// - Throws: `PostgresError`; what `body` threw; `CancellationError`.
  @discardableResult
  public func copyOut(
    _ statement: Statement,
    _ body: (UnsafeRawBufferPointer) throws -> Void
  ) async throws -> Int {
    try await cancellable {
      let handle = try openHandle()
      try beginCopy(statement, PGRES_COPY_OUT, handle)
      var failure: (any Error)?
      while true {
        var data: UnsafeMutablePointer<CChar>?
        let length = PQgetCopyData(handle, &data, 0)
        guard length > 0 else { break }
        defer { PQfreemem(data) }
        guard failure == nil else { continue }
        do {
          try body(UnsafeRawBufferPointer(start: data, count: Int(length)))
        } catch {
          failure = error
          cancelRunningStatement()
        }
      }
      let answer = Result { try lastResult(handle).affectedRows }
      if let failure { throw failure }
      return try answer.get()
    }
  }

  /// As `copyOut(_:_:)` for `(FORMAT binary)`, a decoded row at a time.
  ///
  /// - Parameter types: object ids of the columns' types, which the format does not carry; see `columnTypes(of:)`.
  @discardableResult
  public func copyOutBinary(
    _ statement: Statement,
    types: [UInt32],
    _ body: (BinaryCopyRow) throws -> Void
  ) async throws -> Int {
    var reader = BinaryCopyReader(types: types)
    return try await copyOut(statement) { chunk in
      try reader.read(chunk, body)
    }
  }

  /// The types of a query's columns, without running it.
  public func columnTypes(of statement: Statement) async throws -> [ColumnInfo] {
    try await cancellable {
      let handle = try openHandle()
      try Self.checkText(statement.text)
      let types = ParameterList(statement.binds).types
      // One round trip without a name: behind a pooler the next could be answered by another session.
      guard PQenterPipelineMode(handle) == 1 else { throw PostgresError(result: nil, connection: handle) }
      let isSent =
        PQsendPrepare(handle, "", statement.text, Int32(types.count), types) == 1
        && PQsendDescribePrepared(handle, "") == 1 && PQpipelineSync(handle) == 1
      guard isSent else {
        let refusal = PostgresError(result: nil, connection: handle)
        try leavePipeline(handle)
        throw refusal
      }
      var columns: [ColumnInfo] = []
      let failure = readAnswers(2, handle) { columns = RowSet(storage: $0).columns }.failure
      try leavePipeline(handle)
      if let failure { throw failure }
      return columns
    }
  }
}

extension PostgresConnection {
  /// Runs `COPY … FROM STDIN` with data that is at hand, in the format that the statement names.
  /// - Throws: `PostgresError`; nothing of the data stays. `CancellationError` when the task was cancelled.
  @discardableResult
  public func copyIn(_ statement: Statement, data: String) async throws -> CommandResult {
    try await cancellable {
      let handle = try openHandle()
      try beginCopy(statement, PGRES_COPY_IN, handle)
      try send(data, handle)
      let answer = PQgetResult(handle)
      while let rest = PQgetResult(handle) { PQclear(rest) }
      return CommandResult(try accept(answer, handle))
    }
  }

  private func send(_ data: String, _ handle: OpaquePointer) throws {
    var data = data
    let isSent = data.withUTF8 { bytes in
      stride(from: 0, to: bytes.count, by: 65_536).allSatisfy { start in
        let part = UnsafeBufferPointer(rebasing: bytes[start..<min(start + 65_536, bytes.count)])
        return part.withMemoryRebound(to: CChar.self) {
          PQputCopyData(handle, $0.baseAddress, Int32($0.count)) == 1
        }
      }
    }
    guard isSent, PQputCopyEnd(handle, nil) == 1 else { throw PostgresError(result: nil, connection: handle) }
  }
}

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

internal import ImageSearch
internal import ImageSources
internal import PostgresClient
internal import VectorSQL

/// Which writer a load gets, and why.
struct WriterChoice {
  let writer: any RowWriter
  /// For people: `binary COPY`, `multi-row INSERT …`.
  let reason: String
  /// What the user should know though it stops nothing.
  let warnings: [String]

  /// - Throws: `LoadError` with code `option` when method and policy do not fit the server or the table.
  init(
    _ options: LoadOptions,
    table: TargetTable,
    check: TableCheck,
    source: any BatchSource,
    server: ServerCapabilities
  ) throws {
    let target = table.target
    if options.onConflict != .fail, !table.hasUniqueID {
      throw LoadError(
        .option,
        "--on-conflict \(options.onConflict.rawValue) needs a unique index on \(target.idColumn.quoted) of "
          + "\(target.table.quoted); there is none"
      )
    }
    let statements = LoadStatements(
      target: target,
      policy: options.onConflict,
      writesSource: check.hasSource && source.hasPlaces,
      // The rows of parts have no system columns to return.
      tellsReplaced: server.product == .postgreSQL && !table.catalog.hasParts,
      hasOnConflict: server.supportsOnConflict,
      distributes: server.canDistribute
    )
    let encoder = RowEncoder(check: check, writesSource: statements.writesSource)
    let needsStage = options.onConflict != .fail
    switch options.method {
    case .insert where needsStage && !server.supportsOnConflict:
      throw LoadError(
        .option,
        "\(server.product) has no ON CONFLICT; use --method copy, which goes through a temporary table"
      )
    case .insert:
      (writer, reason) = Self.insert(statements, encoder, options)
    case .automatic where needsStage && server.supportsOnConflict || table.catalog.hasRowSecurity:
      (writer, reason) = Self.insert(statements, encoder, options)
    case _ where needsStage:
      writer = StagedCopyWriter(statements: statements, encoder: encoder)
      reason = "binary COPY through a temporary table"
    default:
      writer = CopyWriter(
        statements: statements,
        encoder: encoder,
        storesEveryRow: !table.catalog.mayHaveTriggers
      )
      reason = "binary COPY"
    }
    let isSilent = writer is InsertWriter && options.onConflict == .update && !statements.tellsReplaced
    warnings = isSilent ? ["the server does not tell which rows were replaced; they count as loaded"] : []
  }

  private static func insert(
    _ statements: LoadStatements,
    _ encoder: RowEncoder,
    _ options: LoadOptions
  ) -> (any RowWriter, String) {
    let rows = min(max(options.statementRows, 1), InsertStatement.maximumBinds / statements.columnCount)
    return (
      InsertWriter(statements: statements, encoder: encoder, statementRows: rows),
      "multi-row INSERT with binary parameters"
    )
  }
}

/// Writes the rows of a batch.
protocol RowWriter: Sendable {
  /// What a batch counts for once its rows are written, and its row of the record.
  typealias Account = @Sendable (LoadCounts) -> (counts: LoadCounts, entry: LedgerEntry?)

  /// What is needed once a connection.
  func prepare(_ connection: PostgresConnection) async throws
  /// Writes the rows inside a transaction that is open already; ids are distinct.
  /// - Returns: counts without the unreadable images.
  func write(_ rows: FeatureBatch, on connection: PostgresConnection) async throws -> LoadCounts
  /// Writes rows, or none, and their record in one transaction; stays on the caller's thread, which is the connection's.
  nonisolated(nonsending) func commit(
    _ rows: FeatureBatch,
    on connection: PostgresConnection,
    _ account: Account
  ) async throws
    -> LoadCounts
}

extension RowWriter {
  nonisolated(nonsending) func commit(
    _ rows: FeatureBatch,
    on connection: PostgresConnection,
    _ account: Account
  ) async throws
    -> LoadCounts
  {
    try await commitInSteps(rows, on: connection, account)
  }

  /// BEGIN, the rows, the record, COMMIT: the record may depend on what the server says of the rows.
  nonisolated(nonsending) func commitInSteps(
    _ rows: FeatureBatch,
    on connection: PostgresConnection,
    _ account: Account
  ) async throws
    -> LoadCounts
  {
    try await connection.transaction { connection in
      let written = rows.count > 0 ? try await write(rows, on: connection) : LoadCounts()
      let (counts, entry) = account(written)
      if let entry { try await connection.query(entry.statement, prepared: true) }
      return counts
    }
  }
}

/// Prepared multi-row INSERTs with binary parameters, all of a batch in one pipeline.
struct InsertWriter: RowWriter {
  let statements: LoadStatements
  let encoder: RowEncoder
  let statementRows: Int

  func prepare(_ connection: PostgresConnection) async throws {
    let types = Array(repeatElement(encoder.parameterTypes, count: statementRows).joined())
    try await connection.prepare(trusted: statements.insert(rows: statementRows), types: types)
  }

  func write(_ rows: FeatureBatch, on connection: PostgresConnection) async throws -> LoadCounts {
    let full = try statements.insert(rows: statementRows)
    let answers = try await connection.pipeline { sender in
      var parameters = ParameterList()
      for start in stride(from: 0, to: rows.count, by: statementRows) {
        let chunk = start..<min(start + statementRows, rows.count)
        parameters.removeAll()
        for row in chunk { encoder.append(row, of: rows, to: &parameters) }
        let text = chunk.count == statementRows ? full : try statements.insert(rows: chunk.count)
        try sender.send(trusted: text, parameters: parameters)
      }
    }
    var counts = LoadCounts()
    counts.loaded = answers.reduce(0) { $0 + $1.affectedRows }
    counts.skipped = rows.count - counts.loaded
    if statements.policy == .update, statements.tellsReplaced {
      let fresh = try answers.reduce(0) { sum, answer in
        try sum + answer.reduce(0) { try $0 + ($1.value(at: 0, as: Bool.self) ? 1 : 0) }
      }
      counts.replaced = counts.loaded - fresh
    }
    return counts
  }
}

/// Binary COPY straight into the table: the fastest way, for rows that conflict with none.
struct CopyWriter: RowWriter {
  let statements: LoadStatements
  let encoder: RowEncoder
  /// Whether no trigger can leave a row out, so that the record can be written before the rows.
  let storesEveryRow: Bool

  func prepare(_ connection: PostgresConnection) {}

  /// One message where the count is known beforehand: its statements are one transaction, and the server, which is the
  /// slower side, waits once a batch.
  nonisolated(nonsending) func commit(
    _ rows: FeatureBatch,
    on connection: PostgresConnection,
    _ account: Account
  ) async throws
    -> LoadCounts
  {
    guard storesEveryRow, rows.count > 0 else {
      return try await commitInSteps(rows, on: connection, account)
    }
    var written = LoadCounts()
    written.loaded = rows.count
    let (counts, entry) = account(written)
    let script = ([entry?.script].compactMap(\.self) + [statements.copy]).joined(separator: "; ")
    try await connection.copyInBinary(.init(trusted: script)) { writer in
      for row in 0..<rows.count { try encoder.append(row, of: rows, to: &writer) }
    }
    return counts
  }

  func write(_ rows: FeatureBatch, on connection: PostgresConnection) async throws -> LoadCounts {
    var counts = LoadCounts()
    counts.loaded = try await connection.copyInBinary(.init(trusted: statements.copy)) { writer in
      for row in 0..<rows.count { try encoder.append(row, of: rows, to: &writer) }
    }
    counts.skipped = rows.count - counts.loaded
    return counts
  }
}

/// Binary COPY into a temporary table, and from there into the target as the conflict policy says.
struct StagedCopyWriter: RowWriter {
  let statements: LoadStatements
  let encoder: RowEncoder

  func prepare(_ connection: PostgresConnection) async throws {
    try await connection.run(trusted: "DROP TABLE IF EXISTS \(LoadStatements.stage)")
    try await connection.run(trusted: statements.createStage)
    try await connection.run(trusted: statements.storeStagePlain)
  }

  func write(_ rows: FeatureBatch, on connection: PostgresConnection) async throws -> LoadCounts {
    try await connection.copyInBinary(.init(trusted: statements.copyToStage)) { writer in
      for row in 0..<rows.count { try encoder.append(row, of: rows, to: &writer) }
    }
    let merge = statements.merge
    let answers = try await connection.pipeline(merge.map { .init(trusted: $0.text) })
    var counts = LoadCounts()
    for (step, answer) in zip(merge, answers) {
      counts.loaded += answer.affectedRows
      if step.role == .replaced { counts.replaced += answer.affectedRows }
    }
    counts.skipped = rows.count - counts.loaded
    return counts
  }
}

/// Writes a row's values in the binary formats of its columns.
struct RowEncoder: Sendable {
  let check: TableCheck
  /// Whether the source column is written, too.
  let writesSource: Bool

  /// Appends the parameters of a row.
  func append(_ row: Int, of rows: FeatureBatch, to parameters: inout ParameterList) {
    parameters.append(type: idOID) { encodeID(rows.ids[row], into: &$0) }
    if let label = rows.labels[row] {
      parameters.append(type: Self.textOID) { $0.append(utf8: label) }
    } else {
      parameters.appendNull(type: Self.textOID)
    }
    rows.withVector(row) { vector in
      parameters.append(type: check.vectorOID) { encodeVector(vector, into: &$0) }
    }
    if writesSource {
      parameters.append(type: Self.textOID) { $0.append(utf8: rows.places[row].description) }
    }
  }

  /// Appends a row of COPY's binary format.
  func append(_ row: Int, of rows: FeatureBatch, to writer: inout BinaryCopyWriter) throws {
    try writer.row(fields: writesSource ? 4 : 3) { buffer in
      buffer.appendField { encodeID(rows.ids[row], into: &$0) }
      if let label = rows.labels[row] {
        buffer.appendField { $0.append(utf8: label) }
      } else {
        buffer.appendNullField()
      }
      rows.withVector(row) { vector in
        buffer.appendField { encodeVector(vector, into: &$0) }
      }
      if writesSource { buffer.appendField { $0.append(utf8: rows.places[row].description) } }
    }
  }

  /// The types of a row's parameters.
  var parameterTypes: [UInt32] {
    [idOID, Self.textOID, check.vectorOID] + (writesSource ? [Self.textOID] : [])
  }

  private var idOID: UInt32 {
    switch check.idType {
    case .int2: 21
    case .int4: 23
    case .int8: 20
    }
  }

  private static let textOID: UInt32 = 25

  private func encodeID(_ id: Int64, into buffer: inout WireBuffer) {
    switch check.idType {
    case .int2: buffer.append(Int16(truncatingIfNeeded: id))
    case .int4: buffer.append(Int32(truncatingIfNeeded: id))
    case .int8: buffer.append(id)
    }
  }

  private func encodeVector(_ vector: UnsafeBufferPointer<Float>, into buffer: inout WireBuffer) {
    switch check.vectorType {
    case .float4Array: buffer.append(float4Array: vector)
    case .float8Array: buffer.append(float8Array: vector)
    case .vector: buffer.append(vector: vector)
    case .halfvec: buffer.append(halfvec: vector)
    }
  }
}

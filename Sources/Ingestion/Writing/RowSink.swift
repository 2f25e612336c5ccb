internal import Basics
internal import ImageSearch
internal import ImageSources
internal import PostgresClient
internal import VectorSQL

/// Which sink a load gets, and why.
struct SinkChoice {
  let sink: any RowSink
  /// For people: `binary COPY`, `multi-row INSERT …`.
  let reason: String
  /// What the user should know though it stops nothing.
  let warnings: [String]

  /// - Throws: `LoadError` with code `option` when method and policy do not fit the server or the table.
  init(
    _ options: LoadOptions,
    policy: LoadOptions.ConflictPolicy,
    table: TargetTable,
    check: TableCheck,
    source: SourceTraits,
    server: ServerCapabilities
  ) throws {
    let target = table.target
    if policy != .fail, !table.hasUniqueID {
      throw LoadError(
        .option,
        "--on-conflict \(policy.rawValue) needs a unique index on \(target.idColumn.quoted) of "
          + "\(target.table.quoted); there is none"
      )
    }
    let writesSource = check.hasSource && source.hasPlaces
    guard writesSource || !check.sourceIsRequired else {
      throw LoadError(
        .table,
        "column \(target.sourceColumn.quoted) of \(target.table.quoted) is NOT NULL without a default, and the source "
          + "has no images to name. Fix: give it a default"
      )
    }
    let statements = LoadStatements(
      target: target,
      policy: policy,
      writesClass: source.hasClasses,
      writesSource: writesSource,
      writesHash: check.hasHash && source.hasHashes,
      // The rows of parts have no system columns to return.
      tellsReplaced: server.engine.tellsReplacedRows && !table.catalog.hasParts,
      hasOnConflict: server.supportsOnConflict,
      distributes: server.canDistribute,
      overridesIdentity: table.facts.idIsAlwaysGenerated
    )
    let encoder = RowEncoder(
      check: check,
      writesClass: statements.writesClass,
      writesSource: statements.writesSource,
      writesHash: statements.writesHash
    )
    let needsStage = policy != .fail
    switch options.method {
    case .insert where needsStage && !server.supportsOnConflict:
      throw LoadError(
        .option,
        "\(server.product) has no ON CONFLICT; use --method copy, which goes through a temporary table"
      )
    case .insert:
      (sink, reason) = Self.insert(statements, encoder, options)
    case .automatic where needsStage && server.supportsOnConflict || table.catalog.hasRowSecurity,
      .copy where needsStage && !server.engine.joinsTemporaryTables:
      (sink, reason) = Self.insert(statements, encoder, options)
    case _ where needsStage:
      sink = StagedCopySink(statements: statements, encoder: encoder)
      reason = "binary COPY through a temporary table"
    default:
      sink = CopySink(
        statements: statements,
        encoder: encoder,
        storesEveryRow: !table.catalog.mayHaveTriggers
      )
      reason = "binary COPY"
    }
    var warnings: [String] = []
    if sink is InsertSink, policy == .update, !statements.tellsReplaced {
      warnings.append("the server does not tell which rows were replaced; they count as loaded")
    }
    if source.hasPlaces, !check.hasSource, let column = table.catalog.column(target.sourceColumn) {
      warnings.append(
        "column \(target.sourceColumn.quoted) of \(target.table.quoted) is \(column.type) and not text that may be "
          + "written, so that nothing says where an image came from"
      )
    }
    self.warnings = warnings
  }

  private static func insert(
    _ statements: LoadStatements,
    _ encoder: RowEncoder,
    _ options: LoadOptions
  ) -> (any RowSink, String) {
    let rows = min(max(options.statementRows, 1), InsertStatement.maximumBinds / statements.columnCount)
    return (
      InsertSink(statements: statements, encoder: encoder, statementRows: rows),
      "multi-row INSERT with binary parameters"
    )
  }
}

/// What a transaction writes: rows, and what the journal keeps of them.
struct SinkBatch: Sendable {
  /// What is run first in the transaction; nil for nothing.
  var head: SQL?
  /// New rows, with distinct ids.
  var rows: FeatureBatch
  /// Rows whose images changed: they take the place of the rows with their ids.
  var changed: FeatureBatch
  /// What the journal keeps of images, as statements.
  var images: [SQL]
}

/// Writes the rows of a batch.
protocol RowSink: Sendable {
  /// What a batch counts for once its rows are written, and its row of the journal.
  typealias Account = @Sendable (LoadCounts) -> (counts: LoadCounts, entry: JournalEntry?)

  var statements: LoadStatements { get }
  var encoder: RowEncoder { get }

  /// What is needed once per connection.
  func prepare(_ connection: PostgresConnection) async throws
  /// Writes new rows inside a transaction that is open already.
  /// - Returns: counts without the unreadable images.
  func write(_ rows: FeatureBatch, on connection: PostgresConnection) async throws -> LoadCounts
  /// Writes a batch and its record in one transaction; stays on the caller's thread, which is the connection's.
  nonisolated(nonsending) func commit(
    _ batch: SinkBatch,
    on connection: PostgresConnection,
    _ account: Account
  ) async throws
    -> LoadCounts
}

extension RowSink {
  func prepare(_ connection: PostgresConnection) async throws {}

  nonisolated(nonsending) func commit(
    _ batch: SinkBatch,
    on connection: PostgresConnection,
    _ account: Account
  ) async throws
    -> LoadCounts
  {
    try await commitInSteps(batch, on: connection, account)
  }

  /// BEGIN, the rows, the record, COMMIT: the record may depend on what the server says of the rows.
  nonisolated(nonsending) func commitInSteps(
    _ batch: SinkBatch,
    on connection: PostgresConnection,
    _ account: Account
  ) async throws
    -> LoadCounts
  {
    let body = { @Sendable (connection: isolated PostgresConnection) async throws -> LoadCounts in
      var written = batch.rows.count > 0 ? try await write(batch.rows, on: connection) : LoadCounts()
      if batch.changed.count > 0 { written = written + (try await replace(batch.changed, on: connection)) }
      for statement in batch.images { try await connection.query(sql: statement) }
      let (counts, entry) = account(written)
      if let entry { try await connection.query(sql: entry.insertion, prepared: true) }
      return counts
    }
    guard let head = batch.head else { return try await connection.transaction(body) }
    return try await connection.transaction(first: head, body)
  }

  /// Replaces rows by their ids; a row that was deleted meanwhile is inserted.
  private func replace(
    _ rows: FeatureBatch,
    on connection: PostgresConnection
  ) async throws -> LoadCounts {
    let text = try statements.replace.rendered().text
    let answers = try await connection.pipeline { sender in
      var parameters = ParameterList()
      for row in 0..<rows.count {
        parameters.removeAll()
        encoder.append(row, of: rows, to: &parameters)
        try sender.send(trusted: text, parameters: parameters)
      }
    }
    var counts = LoadCounts()
    var deleted = FeatureBatch()
    for (row, answer) in answers.enumerated() {
      counts.loaded += answer.affectedRows
      counts.replaced += answer.affectedRows
      if answer.affectedRows == 0 { deleted.append(row, of: rows) }
    }
    return deleted.count > 0 ? counts + (try await write(deleted, on: connection)) : counts
  }
}

/// Prepared multi-row INSERTs with binary parameters, all of a batch in one pipeline.
struct InsertSink: RowSink {
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
struct CopySink: RowSink {
  let statements: LoadStatements
  let encoder: RowEncoder
  /// Whether no trigger can leave a row out, so that the record can be written before the rows.
  let storesEveryRow: Bool

  /// One message where the count is known beforehand: its statements are one transaction, and the server, which is the
  /// slower side, waits once per batch.
  nonisolated(nonsending) func commit(
    _ batch: SinkBatch,
    on connection: PostgresConnection,
    _ account: Account
  ) async throws
    -> LoadCounts
  {
    guard storesEveryRow, batch.rows.count > 0, batch.changed.count == 0 else {
      return try await commitInSteps(batch, on: connection, account)
    }
    var written = LoadCounts()
    written.loaded = batch.rows.count
    let (counts, entry) = account(written)
    let script = ([batch.head] + batch.images + [entry?.insertion, statements.copy]).compactMap(\.self)
      .joined(separator: "; ")
    let rows = batch.rows
    try await connection.copyInBinary(try script.renderedWithConstants()) { writer in
      for row in 0..<rows.count { try encoder.append(row, of: rows, to: &writer) }
    }
    return counts
  }

  func write(_ rows: FeatureBatch, on connection: PostgresConnection) async throws -> LoadCounts {
    var counts = LoadCounts()
    counts.loaded = try await connection.copyInBinary(try statements.copy.rendered()) { writer in
      for row in 0..<rows.count { try encoder.append(row, of: rows, to: &writer) }
    }
    counts.skipped = rows.count - counts.loaded
    return counts
  }
}

/// Binary COPY into a temporary table, and from there into the target as the conflict policy says.
struct StagedCopySink: RowSink {
  let statements: LoadStatements
  let encoder: RowEncoder

  func write(_ rows: FeatureBatch, on connection: PostgresConnection) async throws -> LoadCounts {
    try await connection.query(sql: statements.createStage)
    try await connection.query(sql: statements.storeStagePlain)
    try await connection.copyInBinary(try statements.copyToStage.rendered()) { writer in
      for row in 0..<rows.count { try encoder.append(row, of: rows, to: &writer) }
    }
    let merge = statements.merge
    let answers = try await connection.pipeline(try merge.map { try $0.sql.rendered() })
    var counts = LoadCounts()
    for (step, answer) in zip(merge, answers) {
      counts.loaded += answer.affectedRows
      if step.role == .replaced { counts.replaced += answer.affectedRows }
    }
    counts.skipped = rows.count - counts.loaded
    return counts
  }
}

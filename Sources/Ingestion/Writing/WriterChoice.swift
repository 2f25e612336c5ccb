internal import PostgresClient
internal import ImageSearch
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

internal import FoundationEssentials
internal import ImageSearch
internal import ImageSources
internal import PostgresClient
internal import VectorSQL

/// What a run decides under its lock: what earlier runs left, and what is still to be done.
struct LoadSession: Sendable {
  /// Nil when no record is kept.
  let journal: LoadJournal?
  let lock: LoadLock?
  /// The target as it is under the lock.
  let table: TargetTable
  /// What happens to rows that are in the table.
  let policy: LoadOptions.ConflictPolicy
  /// What earlier runs left; empty for a fresh start.
  let record: LoadRecord
  /// Of a folder.
  let plan: LoadPlan?
  /// Whether an earlier run did everything.
  let isFinished: Bool
  /// What the user should know though it stops nothing.
  let warnings: [String]

  private let isFresh: Bool
  /// Whether the recipe is written when the load begins.
  private let recordsRecipe: Bool
  private let recipe: Recipe?
  private let job: LoadJob
  private let server: ServerCapabilities

  /// Takes the lock and reads everything that decides; writes nothing but the mark that takes an unfinished load over.
  ///
  /// - Parameters:
  ///   - found: the target as it was found, which names the lock.
  ///   - fingerprint: what tells the source's content from another's; nil where it cannot be read again.
  /// - Throws: `LoadError` with code `resume`, `row`, `option` or `locked`; `RecipeMismatch`.
  init(
    _ job: LoadJob,
    found: TargetTable,
    fingerprint: SourceFingerprint?,
    server: ServerCapabilities,
    _ connection: PostgresConnection
  ) async throws {
    let options = job.options
    self.job = job
    self.server = server
    var recipe = options.recipe.map { Self.recipe($0, for: options.metric, found) }
    if options.continuation == .resume, fingerprint == nil {
      throw LoadError(
        .resume,
        "\(job.source.name) cannot be read again from the start, so it cannot be resumed"
      )
    }
    let isTracked = options.continuation != .untracked && fingerprint != nil
    let journal = LoadJournal(table: found.catalog.name, source: job.source.identity, server: server)
    let lock =
      isTracked && !options.isDryRun ? LoadLock(key: journal.key, settings: job.settings) : nil
    self.journal = isTracked ? journal : nil
    self.lock = lock
    do {
      try await lock?.acquire(patience: options.lockPatience)
      let files = try await job.source.images()
      if options.duplicates != nil, files == nil || !isTracked {
        throw LoadError(
          .option,
          files == nil
            ? "\(job.source.name): duplicates are looked for among image files. Fix: leave --duplicates out"
            : "what is a duplicate of what is kept in the journal of the load. Fix: leave --untracked out"
        )
      }
      if files != nil {
        try await lock?.awaitNumbering(of: found.catalog.name.quoted) {
          job.onEvent(.step("waiting for another load of images into this table to end"))
        }
      }
      let table = lock == nil ? found : try await TargetTable.read(job.target, on: connection)
      self.table = table
      try Self.checkIndexes(job, table, isTracked: isTracked)
      var warnings: [String] = []
      var recordsRecipe = try await Self.checkRecipe(recipe, job, table, connection, &warnings)
      var earlier = isTracked ? try await journal.read(connection) : nil
      if recipe == nil, files == nil, earlier == nil, table.hasRows {
        try await Self.warnOfUnknownRecipe(job, table, connection, &warnings)
      }
      if earlier != nil, let lock {
        try await journal.install(connection)
        try await journal.takeOver(connection)
        try await lock.awaitWriters(connection, patience: options.lockPatience)
        earlier = try await journal.read(connection)
      }
      let remembered = options.continuation == .resume ? earlier?.onConflict : nil
      var policy = options.onConflict ?? remembered ?? .fail
      var fresh = LoadRecord(
        tableOID: table.catalog.oid,
        fingerprint: fingerprint?.description ?? "",
        recipe: recipe?.json ?? "",
        onConflict: policy
      )
      // Indexes that an earlier run dropped must come back, also when this one fails.
      if let earlier, earlier.tableOID == table.catalog.oid {
        fresh.deferredIndexes = earlier.isFinished ? [] : earlier.deferredIndexes
        fresh.indexRestores = earlier.isFinished ? [] : earlier.indexRestores
      }
      if let files, isTracked || table.hasSource {
        let planner = FolderPlanner(
          job: job,
          table: table,
          journal: isTracked ? journal : nil,
          connection: connection
        )
        let plan = try await planner.plan(files, earlier, policy, fresh.fingerprint, &warnings)
        if recipe == nil, !plan.embedsNothing {
          recipe = try await job.source.recipe().map { Self.recipe($0, for: options.metric, table) }
          recordsRecipe = try await Self.checkRecipe(recipe, job, table, connection, &warnings)
        }
        fresh.recipe = recipe?.json ?? earlier?.recipe ?? ""
        await job.source.follow(plan)
        self.plan = plan
        // New ids are free, so that an id in the way is another writer's row and never the same image.
        policy = .fail
        isFinished =
          plan.isEmpty && plan.adopted.isEmpty
          && plan.retired(options.deleted, isConfirmed: options.confirmsDeletions).isEmpty
          && earlier?.isFinished ?? files.isEmpty && fresh.deferredIndexes.isEmpty
        isFresh = true
        record = fresh
      } else {
        plan = nil
        var next = LoadRecord.Continuation.fresh
        if let earlier {
          next = try earlier.continuation(
            try await Self.circumstances(job, table, earlier, fresh, connection)
          )
        }
        if next == .repair, policy == .fail { policy = .skip }
        if next != .finished { try await Self.checkPositions(job, table, connection) }
        fresh.onConflict = policy
        isFinished = next == .finished
        isFresh = next == .fresh || next == .repair
        record = isFresh ? fresh : earlier ?? fresh
      }
      self.policy = policy
      if isFinished, let wanted = options.onConflict, let before = earlier?.onConflict, wanted != before,
        plan == nil || wanted == .update
      {
        warnings.append(
          "the load ran to its end before, with --on-conflict \(before.rawValue), so that \(wanted.rawValue) changes nothing"
            + (wanted == .update ? ". Fix: --restart --on-conflict update writes every row again" : "")
        )
      }
      self.warnings = warnings
      self.recipe = recipe
      self.recordsRecipe = recordsRecipe
    } catch {
      await lock?.release()
      throw error
    }
  }

  /// Records of a file are known by their positions: where rows say that these are other images', they are not "there
  /// already".
  /// - Throws: `LoadError` with code `row`.
  private static func checkPositions(
    _ job: LoadJob,
    _ table: TargetTable,
    _ connection: PostgresConnection
  ) async throws {
    guard job.source.hasPlaces, table.hasSource, table.hasRows, table.idIsNumber,
      let count = try await job.source.expectedCount(), count > 0
    else { return }
    let source = table.target.sourceColumn
    let names = [job.source.identity, URL(fileURLWithPath: job.source.name).standardizedFileURL.path]
    let rows = try await connection.query(
      sql: """
        SELECT \(id: source) FROM \(table: table.catalog.name)
        WHERE \(id: table.target.idColumn) BETWEEN 0 AND \(count - 1)
          AND regexp_replace(\(id: source), '#[0-9]+$', '') <> ALL (\(names)) LIMIT 1
        """
    )
    guard let other = try rows.first?.value(at: 0, as: String.self) else { return }
    throw LoadError(
      .row,
      "\(job.source.name): ids from 0 to \(count - 1) are those of other images, such as \(other); records of a file are "
        + "known by their positions. Fix: load it into another table"
    )
  }

  private static func circumstances(
    _ job: LoadJob,
    _ table: TargetTable,
    _ earlier: LoadRecord,
    _ fresh: LoadRecord,
    _ connection: PostgresConnection
  ) async throws -> LoadRecord.Circumstances {
    // Version 1 wrote recipes in words; what matters is what they say.
    let agrees =
      Recipe(recorded: earlier.recipe).map { before in
        job.options.recipe.map { before.differences(from: $0).isEmpty } ?? false
      } ?? false
    return LoadRecord.Circumstances(
      wanted: job.options.continuation,
      tableOID: fresh.tableOID,
      rows: try await table.countRows(upTo: max(earlier.rowsWritten, 1), on: connection),
      hasUniqueID: table.hasUniqueID,
      fingerprint: fresh.fingerprint,
      recipe: agrees ? earlier.recipe : fresh.recipe,
      source: job.source.name,
      expected: try await job.source.expectedCount()
    )
  }

  /// The recipe with the metric that searches will compare the vectors by: the one that was chosen, else the index's.
  private static func recipe(_ recipe: Recipe, for metric: Metric?, _ table: TargetTable) -> Recipe {
    var recipe = recipe
    let known = metric ?? table.vectorIndexes.lazy.compactMap(\.metric).first
    recipe[.metric] = recipe[.metric] ?? known?.description
    return recipe
  }

  /// Refuses vectors of another recipe than the table's.
  /// - Returns: whether the recipe is to be recorded when the load begins.
  private static func checkRecipe(
    _ recipe: Recipe?,
    _ job: LoadJob,
    _ table: TargetTable,
    _ connection: PostgresConnection,
    _ warnings: inout [String]
  ) async throws -> Bool {
    guard let recipe else { return false }
    let store = try await RecipeStore(
      table: table.catalog.name,
      column: job.target.vectorColumn,
      on: connection
    )
    let recorded = try await store.read(connection)
    guard table.hasRows else { return true }
    guard let recorded else {
      warnings.append(
        "\(job.target.table.quoted) has rows and nothing says what made their vectors; if it was another model or other "
          + "settings, distances between them and the new ones mean nothing"
      )
      return false
    }
    try recorded.recipe.check(recipe, table: recorded.table)
    return false
  }

  /// A file of vectors does not say what made them.
  private static func warnOfUnknownRecipe(
    _ job: LoadJob,
    _ table: TargetTable,
    _ connection: PostgresConnection,
    _ warnings: inout [String]
  ) async throws {
    let column = job.target.vectorColumn
    let store = try await RecipeStore(table: table.catalog.name, column: column, on: connection)
    guard let recorded = try await store.read(connection) else { return }
    let known = [Recipe.Field.architecture, .feature].compactMap { recorded.recipe[$0] }
    warnings.append(
      "nothing says what made the vectors of \(job.source.name), and those of \(job.target.table.quoted) are of "
        + "\(known.joined(separator: ", ")): unless they were made alike, distances between them mean nothing. Fix: compare "
        + "with 'adbvec recipe show'"
    )
  }

  /// - Throws: `LoadError` with code `option` when indexes are to be dropped that would not come back.
  private static func checkIndexes(_ job: LoadJob, _ table: TargetTable, isTracked: Bool) throws {
    guard job.options.indexes == .defer, !table.vectorIndexes.isEmpty else { return }
    let name = table.target.table.quoted
    guard isTracked else {
      throw LoadError(
        .option,
        "deferring the indexes of \(name) needs the record of the load, which keeps their definitions. Fix: load from a "
          + "file and without --untracked, or choose --indexes keep"
      )
    }
    guard table.hasDroppableIndexes else {
      let reason =
        !table.catalog.isOwned
        ? "\(name) is another user's"
        : table.catalog.hasParts || table.vectorIndexes.contains { $0.isAttached }
          ? "\(name) is partitioned, or a partition" : "something else depends on an index of \(name)"
      throw LoadError(
        .option,
        "\(reason), so its indexes cannot be dropped and built again; choose --indexes keep"
      )
    }
  }

  /// How the server does what engines do in different ways.
  var engine: Engine { server.engine }

  /// What is done already.
  var done: DoneRanges { plan?.done ?? record.done }

  /// Where the source goes on.
  var start: SourcePlace {
    plan == nil ? record.place : SourcePlace(position: 0, offset: 0, line: 1)
  }

  /// The counts of earlier runs that this one goes on from.
  var countsBefore: LoadCounts { plan?.countsBefore ?? record.counts }

  /// Writes down that the load begins, and drops the indexes that are to be built behind it.
  /// - Returns: the record, with the indexes that must be built at the end.
  func begin(expected: Int?, _ connection: PostgresConnection) async throws -> LoadRecord {
    if !table.hasRows { try await recordRecipe(connection) }
    guard let journal else { return record }
    try await lock?.requireHeld(resumeAdvice: job.options.resumeAdvice)
    try await journal.install(connection)
    let dropped = isFresh && defers(expected) ? table.vectorIndexes : []
    if !dropped.isEmpty {
      job.onEvent(
        .step("dropping \(dropped.map(\.name).joined(separator: ", ")), to be built again behind the load")
      )
    }
    var begun = record
    if !dropped.isEmpty {
      begun.deferredIndexes += dropped.map(\.definition)
      begun.indexRestores += table.indexRestores
    }
    begun.isFinished = false
    try await journal.begin(
      begun,
      isFresh: isFresh,
      dropping: dropped.map(\.name),
      plan: plan,
      connection
    )
    return begun
  }

  /// The first vectors of a table say what it is about, and those of unknown origin that nothing is known.
  private func recordRecipe(_ connection: PostgresConnection) async throws {
    let store = try await RecipeStore(
      table: table.catalog.name,
      column: job.target.vectorColumn,
      on: connection
    )
    do {
      if recordsRecipe, let recipe {
        try await store.write(recipe, distributes: server.canDistribute, on: connection)
      } else if recipe == nil {
        try await store.forgetPredecessor(on: connection)
      }
    } catch let error as PostgresError where error.sqlState == "42501" {
      job.onEvent(
        .warning("this user may not write adbvec_recipe, so that it does not say what made the vectors")
      )
    }
  }

  /// What is committed by now, positions that earlier runs left done among it.
  func progress(_ connection: PostgresConnection) async throws -> LoadRecord? {
    try await journal?.read(connection)
  }

  private static let manyRows = 5_000

  private func defers(_ expected: Int?) -> Bool {
    switch job.options.indexes {
    case .keep: false
    case .defer: !table.vectorIndexes.isEmpty
    case .automatic:
      table.hasDroppableIndexes && !table.hasRows && !table.vectorIndexes.isEmpty
        && expected ?? Self.manyRows >= Self.manyRows
    }
  }
}

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
  private let run: LoadRun
  private let server: ServerCapabilities

  /// Takes the lock and reads everything that decides; writes nothing but the mark that takes an unfinished load over.
  ///
  /// - Parameter found: the target as it was found, which names the lock.
  /// - Throws: `LoadError` with code `resume`, `row`, `option` or `locked`; `RecipeMismatch`.
  init(_ run: LoadRun, found: TargetTable, server: ServerCapabilities) async throws {
    let options = run.options
    let connection = run.connection
    self.run = run
    self.server = server
    let fingerprint = try await run.fingerprint.value
    if options.continuation == .resume, fingerprint == nil {
      throw LoadError(
        .resume,
        "\(run.source.name) cannot be read again from the start, so it cannot be resumed"
      )
    }
    let isTracked = options.continuation != .untracked && fingerprint != nil
    let journal = LoadJournal(table: found.catalog.name, source: run.source.identity, server: server)
    let lock =
      isTracked && !options.isDryRun ? LoadLock(key: journal.key, settings: run.loader.settings) : nil
    self.journal = isTracked ? journal : nil
    self.lock = lock
    do {
      try await lock?.acquire(patience: options.lockPatience)
      let files = try await run.source.images()
      if files != nil {
        try await lock?.awaitNumbering(of: found.catalog.name.quoted) {
          run.onEvent(.step("waiting for another load of images into this table to end"))
        }
      }
      let table = lock == nil ? found : try await TargetTable.read(run.target, on: connection)
      self.table = table
      try Self.checkIndexes(run, table, isTracked: isTracked)
      var warnings: [String] = []
      recordsRecipe = try await Self.checkRecipe(run, table, &warnings)
      var earlier = isTracked ? try await journal.read(connection) : nil
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
        recipe: options.recipe?.json ?? "",
        onConflict: policy
      )
      // Indexes that an earlier run dropped must come back whatever this one does.
      if let earlier, earlier.tableOID == table.catalog.oid {
        fresh.deferredIndexes = earlier.isFinished ? [] : earlier.deferredIndexes
        fresh.indexRestores = earlier.isFinished ? [] : earlier.indexRestores
      }
      if let files, isTracked || table.hasSource {
        let planner = FolderPlanner(run: run, table: table, journal: isTracked ? journal : nil)
        let plan = try await planner.plan(files, earlier, policy, fresh.fingerprint, &warnings)
        await run.source.follow(plan)
        self.plan = plan
        // New ids are free, so that an id in the way is another writer's row and never the same image.
        policy = .fail
        isFinished = plan.isEmpty && earlier?.isFinished == true && fresh.deferredIndexes.isEmpty
        isFresh = true
        record = fresh
      } else {
        plan = nil
        var next = LoadRecord.Continuation.fresh
        if let earlier {
          next = try earlier.continuation(
            try await Self.circumstances(run, table, earlier, fresh)
          )
        }
        if next == .repair, policy == .fail { policy = .skip }
        if next == .fresh, policy != .fail { try await Self.checkPositions(run, table) }
        fresh.onConflict = policy
        isFinished = next == .finished
        isFresh = next == .fresh || next == .repair
        record = isFresh ? fresh : earlier ?? fresh
      }
      self.policy = policy
      if isFinished, let wanted = options.onConflict, let before = earlier?.onConflict, wanted != before {
        warnings.append(
          "the load ran to its end before, with --on-conflict \(before.rawValue), so that \(wanted.rawValue) changes nothing"
            + (wanted == .update ? ". Fix: --restart --on-conflict update writes every row again" : "")
        )
      }
      self.warnings = warnings
    } catch {
      await lock?.release()
      throw error
    }
  }

  /// Records of a file are known by their positions: where rows say that these are other images', they are not "there
  /// already".
  /// - Throws: `LoadError` with code `row`.
  private static func checkPositions(_ run: LoadRun, _ table: TargetTable) async throws {
    guard run.source.hasPlaces, table.hasSource, table.hasRows, !table.idIsText,
      let count = try await run.source.expectedCount(), count > 0
    else { return }
    let source = table.target.sourceColumn.quoted
    let names = [run.source.identity, URL(fileURLWithPath: run.source.name).standardizedFileURL.path]
    let rows = try await run.connection.query(
      Statement(
        trusted: """
          SELECT \(source) FROM \(table.catalog.name.quoted)
          WHERE \(table.target.idColumn.quoted) BETWEEN 0 AND $1
            AND regexp_replace(\(source), '#[0-9]+$', '') NOT IN ($2, $3) LIMIT 1
          """,
        binds: [.int8(Int64(count - 1))] + names.map { .text($0) }
      )
    )
    guard let other = try rows.first?.value(at: 0, as: String.self) else { return }
    throw LoadError(
      .row,
      "\(run.source.name): ids from 0 to \(count - 1) are those of other images, such as \(other); records of a file are "
        + "known by their positions. Fix: load it into another table"
    )
  }

  private static func circumstances(
    _ run: LoadRun,
    _ table: TargetTable,
    _ earlier: LoadRecord,
    _ fresh: LoadRecord
  ) async throws -> LoadRecord.Circumstances {
    // Version 1 wrote recipes in words; what matters is what they say.
    let agrees =
      Recipe(recorded: earlier.recipe).map { before in
        run.options.recipe.map { before.differences(from: $0).isEmpty } ?? false
      } ?? false
    return LoadRecord.Circumstances(
      wanted: run.options.continuation,
      tableOID: fresh.tableOID,
      rows: try await table.countRows(upTo: max(earlier.rowsWritten, 1), on: run.connection),
      hasUniqueID: table.hasUniqueID,
      fingerprint: fresh.fingerprint,
      recipe: agrees ? earlier.recipe : fresh.recipe,
      source: run.source.name,
      expected: try await run.source.expectedCount()
    )
  }

  /// Refuses vectors of another recipe than the table's.
  /// - Returns: whether the recipe is to be recorded when the load begins.
  private static func checkRecipe(
    _ run: LoadRun,
    _ table: TargetTable,
    _ warnings: inout [String]
  ) async throws -> Bool {
    guard let recipe = run.options.recipe else { return false }
    let store = try await RecipeStore(
      table: table.catalog.name,
      column: run.target.vectorColumn,
      on: run.connection
    )
    let recorded = try await store.read(run.connection)
    guard table.hasRows else { return true }
    guard let recorded else {
      warnings.append(
        "\(run.target.table.quoted) has rows and nothing says what made their vectors; if it was another model or other "
          + "settings, distances between them and the new ones mean nothing"
      )
      return false
    }
    try recorded.recipe.check(recipe, table: recorded.table)
    return false
  }

  /// - Throws: `LoadError` with code `option` when indexes are to be dropped that would not come back.
  private static func checkIndexes(_ run: LoadRun, _ table: TargetTable, isTracked: Bool) throws {
    guard run.options.indexes == .defer, !table.vectorIndexes.isEmpty else { return }
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

  /// What is done already.
  var done: DoneRanges { plan?.done ?? record.done }

  /// Where the source goes on.
  var start: SourcePlace {
    plan == nil ? record.place : SourcePlace(position: 0, offset: 0, line: 1)
  }

  /// The counts of earlier runs that this one goes on from.
  var countsBefore: LoadCounts {
    guard let plan else { return record.counts }
    return LoadCounts(
      loaded: 0,
      skipped: plan.done.count - plan.unreadable,
      replaced: 0,
      unreadable: plan.unreadable
    )
  }

  /// Writes down that the load begins, and drops the indexes that are to be built behind it.
  /// - Returns: the record, with the indexes that must be built at the end.
  func begin(expected: Int?, _ connection: PostgresConnection) async throws -> LoadRecord {
    if recordsRecipe, let recipe = run.options.recipe {
      let store = try await RecipeStore(
        table: table.catalog.name,
        column: run.target.vectorColumn,
        on: connection
      )
      do {
        try await store.write(recipe, distributes: server.canDistribute, on: connection)
      } catch let error as PostgresError where error.sqlState == "42501" {
        run.onEvent(
          .warning("this user may not create adbvec_recipe, so that nothing will say what made the vectors")
        )
      }
    }
    guard let journal else { return record }
    try await journal.install(connection)
    let dropped = isFresh && defers(expected) ? table.vectorIndexes : []
    if !dropped.isEmpty {
      run.onEvent(
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

  /// What is committed by now, positions that earlier runs left done among it.
  func progress(_ connection: PostgresConnection) async throws -> LoadRecord? {
    try await journal?.read(connection)
  }

  private static let manyRows = 5_000

  private func defers(_ expected: Int?) -> Bool {
    switch run.options.indexes {
    case .keep: false
    case .defer: !table.vectorIndexes.isEmpty
    case .automatic:
      table.hasDroppableIndexes && !table.hasRows && !table.vectorIndexes.isEmpty
        && expected ?? Self.manyRows >= Self.manyRows
    }
  }
}

/// Reads what the plan of a folder is made from.
private struct FolderPlanner {
  let run: LoadRun
  let table: TargetTable
  let journal: LoadJournal?

  func plan(
    _ files: [ImageFile],
    _ earlier: LoadRecord?,
    _ policy: LoadOptions.ConflictPolicy,
    _ fingerprint: String,
    _ warnings: inout [String]
  ) async throws -> LoadPlan {
    let record = earlier?.tableOID == table.catalog.oid ? earlier : nil
    let restarts = run.options.continuation == .restart
    var known: [PathKey: LoadPlan.Known] = [:]
    var needsSources = record == nil || restarts
    if let record, record.version == 1 {
      if record.fingerprint == fingerprint {
        known = try await version1(record, files)
      } else if table.hasSource || !table.hasRows {
        needsSources = true
      } else {
        throw LoadError(
          .resume,
          "\(run.source.name) changed since version 1 of adbvec loaded it, and neither its record nor the table says which "
            + "row is which image. Fix: load the folder into another table"
        )
      }
    } else if record != nil, let journal {
      known = try await journal.readImages(run.connection, target: table)
    }
    if let record, !record.isFinished, run.options.continuation == .ask, !known.isEmpty {
      throw LoadError(
        .resume,
        "a load of \(run.source.name) into this table stopped after \(known.count) images. Fix: go on with --resume"
      )
    }
    let present = needsSources && table.hasRows && table.hasSource ? try await sources(files) : [:]
    if record == nil, table.hasRows, !table.hasSource, policy != .fail {
      warnings.append(
        "\(table.target.table.quoted) has no column \(table.target.sourceColumn.quoted), so that images whose rows this "
          + "journal does not know cannot be recognised; they are loaded as new ones"
      )
    }
    let treatment: LoadPlan.Treatment =
      !restarts && record != nil
      ? .follow : [.fail: .refuse, .skip: .follow, .update: .embedAgain][policy] ?? .refuse
    var plan = try LoadPlan(
      files: files,
      known: known,
      present: present,
      treatment: treatment,
      source: run.source.name
    )
    if plan.vanished > 0, !run.source.isLimited {
      warnings.append(
        "\(plan.vanished) \(plan.vanished == 1 ? "image" : "images") loaded before \(plan.vanished == 1 ? "is" : "are") not "
          + "in \(run.source.name) any more; the rows stay"
      )
    }
    if treatment == .follow, !plan.changed.isEmpty {
      run.onEvent(
        .step(
          "\(plan.changed.count) \(plan.changed.count == 1 ? "image has" : "images have") changed since the load and "
            + "\(plan.changed.count == 1 ? "is" : "are") embedded again"
        )
      )
    }
    if !plan.new.isEmpty { try plan.assignIDs(run.source.imageIDs, taken: try await takenIDs(plan)) }
    return plan
  }

  /// What a record of version 1 says of the images: their positions in an unchanged folder, which were their ids.
  private func version1(_ record: LoadRecord, _ files: [ImageFile]) async throws -> [PathKey: LoadPlan.Known]
  {
    let ids = try await Set(
      run.connection.query(
        Statement(trusted: "SELECT \(idNumber) FROM \(table.catalog.name.quoted)")
      ).compactMap { try $0.value(at: 0, as: Int64?.self) }
    )
    let byPath = record.recipe.hasSuffix("ids by path")
    var known: [PathKey: LoadPlan.Known] = [:]
    for (position, file) in files.enumerated() where record.done.range(holding: position) != nil {
      let id = byPath ? ImageIDs.id(ofPath: file.pathBytes) : Int64(position)
      known[PathKey(file.path)] = LoadPlan.Known(
        id: id,
        byteCount: file.byteCount,
        modificationTime: file.modificationTime,
        isPresent: ids.contains(id)
      )
    }
    return known
  }

  /// Ids of rows whose source is one of the files, by path in the folder.
  private func sources(_ files: [ImageFile]) async throws -> [PathKey: Int64] {
    var paths: [PathKey: PathKey] = [:]
    for file in files {
      paths[PathKey(file.source)] = PathKey(file.path)
      paths[PathKey(file.resolvedSource)] = PathKey(file.path)
    }
    let source = table.target.sourceColumn.quoted
    let query = Statement(
      trusted: "SELECT \(idNumber), \(source) FROM \(table.catalog.name.quoted) WHERE \(source) IS NOT NULL"
    )
    var found: [PathKey: Int64] = [:]
    for row in try await run.connection.query(query) {
      let (id, text) = try row.decode(Int64?.self, String.self)
      if let id, let path = paths[PathKey(text)] { found[path] = id }
    }
    return found
  }

  /// The id as a number; NULL for a text that is not one.
  private var idNumber: String {
    let id = table.target.idColumn.quoted
    return table.idIsText ? "CASE WHEN \(id) ~ '^-?[0-9]{1,18}$' THEN \(id)::int8 END" : "\(id)::int8"
  }

  private func takenIDs(_ plan: LoadPlan) async throws -> LoadPlan.TakenIDs {
    var taken = LoadPlan.TakenIDs()
    guard table.hasRows else { return taken }
    let id = table.target.idColumn.quoted
    let name = table.catalog.name.quoted
    let connection = run.connection
    if run.source.imageIDs == .path {
      let wanted = plan.candidateIDs
      for start in stride(from: 0, to: wanted.count, by: 10_000) {
        let chunk = wanted[start..<min(start + 10_000, wanted.count)]
        let literal = "{" + chunk.map(String.init).joined(separator: ",") + "}"
        let rows = try await connection.query(
          Statement(
            trusted:
              "SELECT \(idNumber) FROM \(name) WHERE \(id) = ANY ($1::text::\(table.idIsText ? "text" : "int8")[])",
            binds: [.text(literal)]
          )
        )
        for row in rows { taken.paths.insert(try row.value(at: 0, as: Int64.self)) }
      }
      return taken
    }
    guard !table.idIsText else {
      throw LoadError(
        .option,
        "the ids of \(name) are text, so that there is no largest one to count on from. Fix: --ids path"
      )
    }
    let rows = try await connection.query(
      Statement(
        trusted:
          "SELECT max(\(id))::int8, count(CASE WHEN \(id) BETWEEN 0 AND $1 THEN 1 END) > 0 FROM \(name)",
        binds: [.int8(Int64(max(plan.files.count - 1, 0)))]
      )
    )
    if let row = rows.first {
      (taken.largest, taken.includesPositions) = try row.decode(Int64?.self, Bool.self)
    }
    return taken
  }
}

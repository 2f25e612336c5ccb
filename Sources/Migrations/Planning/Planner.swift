internal import SQLLexer

/// Compares files with history and says what is to be done; knows no server.
struct Planner: Sendable {
  let migrations: [RenderedMigration]
  let records: [HistoryRecord]
  /// Places in `migrations`: the values themselves are large.
  private let places: [MigrationID: Int]

  init(migrations: [RenderedMigration], records: [HistoryRecord]) {
    self.migrations = migrations
    self.records = records
    var places: [MigrationID: Int] = [:]
    places.reserveCapacity(migrations.count)
    for place in migrations.indices.reversed() { places[migrations[place].id.normalised] = place }
    self.places = places
  }

  /// The file of a version, however its number is written.
  func migration(_ id: MigrationID) -> RenderedMigration? {
    places[id.normalised].map { migrations[$0] }
  }

  /// Every migration that the files or the history know: versions by number, then repeatable files by name.
  func statuses() -> [MigrationStatus] {
    let highestFile =
      isOtherFolder ? nil : migrations.last { if case .version = $0.id { true } else { false } }?.id
    let highestApplied = records.lazy.filter(isDoneVersion).map(\.id).max()
    var recordPlaces: [MigrationID: Int] = [:]
    recordPlaces.reserveCapacity(records.count)
    for place in records.indices { recordPlaces[records[place].id.normalised] = place }
    var found = migrations.map { migration in
      let place = recordPlaces.removeValue(forKey: migration.id.normalised)
      return status(of: migration, place.map { records[$0] }, highestApplied)
    }
    guard !recordPlaces.isEmpty else { return found }
    for place in recordPlaces.values { found.append(orphan(records[place], highestFile)) }
    return found.sorted { $0.id < $1.id }
  }

  /// Whether the files know none of the versions that the history knows: then they are those of another database.
  private var isOtherFolder: Bool {
    let known = records.lazy.filter { record in
      guard case .version = record.id else { return false }
      return record.kind != .baseline && record.isPresent
    }
    return !known.isEmpty && known.allSatisfy { places[$0.id.normalised] == nil }
  }

  private func isDoneVersion(_ record: HistoryRecord) -> Bool {
    if case .version = record.id { return record.state == .applied }
    return false
  }

  private func status(
    of migration: RenderedMigration,
    _ record: HistoryRecord?,
    _ highestApplied: MigrationID?
  ) -> MigrationStatus {
    var status = MigrationStatus(
      id: migration.id,
      name: migration.parsed.name,
      file: migration.parsed.file.path,
      state: .pending,
      record: record
    )
    if let record { status.state = state(of: migration, record) }
    if status.state == .applied, let record {
      status.drift = drift(of: migration, record)
      status.redoCount = status.drift.isEmpty ? nil : redoCount(of: record)
    }
    if status.state == .partial, let record, !isPrefixUnchanged(migration.upSection, record) {
      status.drift = [.executedStatements(record.statementsDone)]
    }
    if case .version = migration.id, [.pending, .failed].contains(status.state), let highestApplied {
      status.isOutOfOrder = migration.id < highestApplied
    }
    return status
  }

  private func state(of migration: RenderedMigration, _ record: HistoryRecord) -> MigrationStatus.State {
    switch record.state {
    case .applied:
      if case .repeatable = migration.id, record.renderedHash != migration.renderedHash { return .changed }
      return .applied
    case .reverting: return .reverting
    case .running: return record.isPartial ? .partial : .pending
    case .failed: return record.isPartial ? .partial : .failed
    }
  }

  /// `redo` goes back by the order in which migrations were applied, so everything behind this one goes with it.
  private func redoCount(of record: HistoryRecord) -> Int? {
    let behind = records.filter { other in
      guard case .version = other.id else { return false }
      return other.state == .applied && other.appliedOrder >= record.appliedOrder
    }
    let canGoDown = behind.allSatisfy { other in
      guard let current = migration(other.id), current.parsed.templateHash == other.templateHash else {
        return false
      }
      return current.downSection.map { $0.options.irreversible == nil } ?? false
    }
    return canGoDown && !behind.isEmpty ? behind.count : nil
  }

  private func orphan(_ record: HistoryRecord, _ highestFile: MigrationID?) -> MigrationStatus {
    var status = MigrationStatus(
      id: record.id,
      name: record.name,
      file: nil,
      state: .missing,
      record: record
    )
    guard record.isPresent else { return status }
    if record.isPartial {
      status.drift = [.halfDone(HalfDone(record, file: fileInstead(of: record)))]
      return status
    }
    // A version above all files belongs to a newer release of the program; an older one can live with it.
    let isNewer = highestFile.map { record.id > $0 } ?? false
    let isRepeatable = if case .repeatable = record.id { true } else { false }
    if record.kind != .baseline, !isNewer || isRepeatable { status.drift = [.missingFile] }
    return status
  }

  /// The file that seems to be a record's under another version: it has its text or its name, and no record of its own.
  private func fileInstead(of record: HistoryRecord) -> String? {
    let free = migrations.filter { migration in !records.contains { $0.id.isSame(as: migration.id) } }
    let found =
      free.first { $0.parsed.templateHash == record.templateHash }
      ?? free.first { $0.parsed.name == record.name && !record.name.isEmpty }
    return found?.parsed.file.path
  }

  private func drift(of migration: RenderedMigration, _ record: HistoryRecord) -> [MigrationStatus.Drift] {
    var found: [MigrationStatus.Drift] = []
    if record.name != migration.parsed.name { found.append(.renamed(from: record.name)) }
    if case .repeatable = migration.id { return found }
    if record.templateHash != migration.parsed.templateHash { found.append(.edited) }
    if record.parametersHash != migration.parametersHash {
      let changes = changes(from: record.parameters, to: migration.parameters)
      // An edit may have brought new parameters in; those are part of the edit.
      let changed = found.contains(.edited) ? changes.filter { $0.was != nil && $0.now != nil } : changes
      if !changed.isEmpty { found.append(.parameters(changed)) }
    }
    if found.allSatisfy({ $0.code == "renamed" }), record.renderedHash != migration.renderedHash {
      found.append(.rendering)
    }
    return found
  }

  private func changes(from old: [String: String], to new: [String: String]) -> [MigrationStatus
    .ParameterChange]
  {
    Set(old.keys).union(new.keys).sorted().compactMap { name in
      old[name] == new[name] ? nil : .init(name: name, was: old[name], now: new[name])
    }
  }
}

extension Planner {
  /// What `up` has to do.
  /// - Throws: `MigrationErrors` for drift, order and half-done migrations that cannot go on.
  func up(_ target: MigrationTarget, allowOutOfOrder: Bool, ignoreDrift: Bool) throws -> [PlannedStep] {
    let limit = try target.version.map(knownFile)
    let statuses = statuses()
    var problems = ignoreDrift ? [] : statuses.lazy.filter { $0.state != .partial }.flatMap(driftErrors)
    problems += statuses.lazy.filter { $0.state == .reverting }.map(revertingError)
    var pending = Array(
      statuses.lazy.filter { status in status.isPending && limit.map { status.id <= $0 } ?? true }
    )
    if let count = target.count { pending = Array(pending.prefix(max(0, count))) }
    for status in pending where status.isOutOfOrder && !allowOutOfOrder && !allowsOutOfOrder(status.id) {
      problems.append(outOfOrderError(status))
    }
    let steps = pending.compactMap { status -> PlannedStep? in
      guard let migration = self.migration(status.id) else { return nil }
      return PlannedStep(
        migration: migration,
        direction: .up,
        record: status.record,
        section: migration.upSection
      )
    }
    problems += steps.compactMap(resumeError)
    guard problems.isEmpty else { throw MigrationErrors(errors: problems) }
    return steps
  }

  /// What `down` has to do; the parameters are those of the time when the migration ran.
  /// - Parameter rendered: a migration with the parameters of its record.
  func down(
    _ target: MigrationTarget,
    ignoreDrift: Bool,
    rendered: (RenderedMigration, HistoryRecord) throws -> RenderedMigration
  ) throws -> [PlannedStep] {
    let floor = try target.version.map(knownRecordOrZero)
    var candidates = records.filter { record in
      if case .repeatable = record.id { return false }
      return record.state == .applied || record.isPartial
    }
    candidates.sort { ($1.appliedOrder, $1.id) < ($0.appliedOrder, $0.id) }
    if let floor {
      candidates = candidates.filter { $0.id > floor }
    } else {
      candidates = Array(candidates.prefix(max(0, target.count ?? 1)))
    }
    var problems: [MigrationError] = []
    var steps: [PlannedStep] = []
    for record in candidates {
      do {
        steps.append(try downStep(record, ignoreDrift: ignoreDrift, rendered: rendered))
      } catch let error as MigrationError {
        problems.append(error)
      }
    }
    problems += steps.compactMap(resumeError)
    guard problems.isEmpty else { throw MigrationErrors(errors: problems) }
    return steps
  }

  private func downStep(
    _ record: HistoryRecord,
    ignoreDrift: Bool,
    rendered: (RenderedMigration, HistoryRecord) throws -> RenderedMigration
  ) throws -> PlannedStep {
    if record.state != .applied, record.state != .reverting { throw partialError(record) }
    guard let current = migration(record.id) else {
      throw MigrationError(
        .drift,
        "\(record.id) \(record.name) has no file, so there is no way down",
        hint:
          "bring the file back, or forget its row with 'adbvec migrate repair --mark-pending \(record.id)'"
      )
    }
    // Half-way down, only the statements that ran have to be as they were; an edit of the rest is a fix.
    if !ignoreDrift, record.state != .reverting, record.templateHash != current.parsed.templateHash {
      throw MigrationError(
        .drift,
        "\(record.id) \(record.name) was edited after it ran; its way down may not fit",
        hint: "put the file back, or let the way down of today's file run with --ignore-drift",
        at: current.parsed.location(0)
      )
    }
    let migration = try rendered(current, record)
    guard let section = migration.downSection else {
      throw MigrationError(
        .irreversible,
        "\(record.id) \(record.name) has no section \"-- migrate:down\"",
        hint: "write one, or a new migration that undoes it",
        at: current.parsed.location(0)
      )
    }
    if let reason = section.options.irreversible {
      throw MigrationError(
        .irreversible,
        "\(record.id) \(record.name) cannot go down: \(reason)",
        at: migration.parsed.down.map { current.parsed.location($0.markOffset) }
      )
    }
    return PlannedStep(migration: migration, direction: .down, record: record, section: section)
  }

  private func knownFile(_ version: String) throws -> MigrationID {
    let id = MigrationID(key: version)
    guard let found = migration(id) else {
      throw MigrationError(.unknownVersion, "no file has the version \(version)")
    }
    return found.id
  }

  private func knownRecordOrZero(_ version: String) throws -> MigrationID {
    let id = MigrationID.version(version)
    guard id.number.isEmpty || records.contains(where: { $0.id.isSame(as: id) }) else {
      throw MigrationError(
        .unknownVersion,
        "the version \(version) is not applied",
        hint: "0 means all the way down"
      )
    }
    return id
  }

  private func allowsOutOfOrder(_ id: MigrationID) -> Bool {
    migration(id)?.parsed.up.options.outOfOrder ?? false
  }
}

extension Planner {
  func driftErrors(_ status: MigrationStatus) -> [MigrationError] {
    guard !status.drift.isEmpty else { return [] }
    return status.blockingDrift.map { drift in
      let migration = self.migration(status.id)?.parsed
      return MigrationError(
        .drift,
        "\(status.id) \(status.name): \(drift)",
        hint: status.fix(for: drift),
        at: migration?.location(0)
      )
    }
  }

  private func revertingError(_ status: MigrationStatus) -> MigrationError {
    MigrationError(
      .drift,
      "\(status.id) \(status.name) stopped on its way down, behind statement "
        + "\(status.record?.statementsDone ?? 0) of \(status.record?.statementsTotal ?? 0)",
      hint: "finish it with down 1, or repair --mark-applied after putting things right by hand"
    )
  }

  private func outOfOrderError(_ status: MigrationStatus) -> MigrationError {
    MigrationError(
      .outOfOrder,
      "\(status.id) \(status.name) is pending although a higher version was applied",
      hint: "give it a higher version, put out-of-order:true behind its mark, or use --allow-out-of-order"
    )
  }

  /// A migration whose way up stopped half-way has no way down: that was written for all of it.
  private func partialError(_ record: HistoryRecord) -> MigrationError {
    guard migration(record.id) != nil else {
      return MigrationError(
        .drift,
        "\(record.id) \(record.name) stopped on its way up, and its file is missing, so there is no way down",
        hint: MigrationStatus.fix(for: HalfDone(record, file: fileInstead(of: record)), record.id)
      )
    }
    let statements = migration(record.id)?.upSection
    let done = statements.map { section in
      section.script.statements.prefix(record.statementsDone).map { section.location(of: $0).description }
    }
    let places = (done ?? []).isEmpty ? "" : " (\((done ?? []).joined(separator: ", ")))"
    return MigrationError(
      .drift,
      "\(record.id) \(record.name) stopped on its way up behind statement \(record.statementsDone) of "
        + "\(record.statementsTotal); its way down undoes all of it and cannot be run for a part",
      hint:
        "Fix: finish it with 'adbvec migrate up' and take it down then; or undo by hand what ran\(places) and "
        + "forget it with 'adbvec migrate repair --mark-pending \(record.id)'",
      at: migration(record.id)?.parsed.location(0)
    )
  }

  private func isPrefixUnchanged(_ section: RenderedSection, _ record: HistoryRecord) -> Bool {
    let hashes = section.chainedHashes
    return hashes.indices.contains(record.statementsDone) && hashes[record.statementsDone] == record.doneHash
  }

  /// A half-done migration may go on only when what is done is what the file still says, and when the session that the
  /// rest expects can be made again.
  private func resumeError(_ step: PlannedStep) -> MigrationError? {
    guard step.isResumed, let record = step.record, record.statementsDone > 0 else { return nil }
    guard isPrefixUnchanged(step.section, record) else {
      return MigrationError(
        .drift,
        "\(step.id) \(record.name) stopped behind statement \(record.statementsDone), and the statements up to "
          + "there were changed since they ran",
        hint: "Fix: put them and the parameters that they use back; or settle it by hand and use "
          + "'adbvec migrate repair --mark-applied \(step.id)' or '--mark-pending \(step.id)'",
        at: step.migration.parsed.location(0)
      )
    }
    let done = step.section.script.statements.prefix(record.statementsDone)
    let lost =
      record.session.map { $0.hasTemporaryObjects ? "temporary objects" : nil }
      ?? (done.contains { $0.mentions(.temporary) } ? "temporary objects" : nil)
    guard let lost = lost ?? (done.contains(where: \.hidesSettings) ? "settings or a role" : nil) else {
      return nil
    }
    return MigrationError(
      .cannotResume,
      "\(step.id) \(record.name) stopped behind statement \(record.statementsDone), and the statements before made "
        + "\(lost) that ended with their session and that the rest may depend on",
      hint:
        "Fix: complete it by hand and record it with 'adbvec migrate repair --mark-applied \(step.id)', or undo "
        + "what ran by hand and use '--mark-pending \(step.id)'",
      at: step.section.location(of: done[done.count - 1])
    )
  }
}

/// Compares files with history and says what is to be done; knows no server.
struct Planner: Sendable {
  let migrations: [RenderedMigration]
  let records: [HistoryRecord]
  private let byID: [MigrationID: RenderedMigration]

  init(migrations: [RenderedMigration], records: [HistoryRecord]) {
    self.migrations = migrations
    self.records = records
    byID = Dictionary(migrations.map { ($0.id.normalised, $0) }, uniquingKeysWith: { first, _ in first })
  }

  /// The file of a version, however its number is written.
  func migration(_ id: MigrationID) -> RenderedMigration? { byID[id.normalised] }

  /// Every migration that the files or the history know: versions by number, then repeatable files by name.
  func statuses() -> [MigrationStatus] {
    let highestFile = migrations.last { if case .version = $0.id { true } else { false } }?.id
    let highestApplied = records.filter(isDoneVersion).map(\.id).max()
    var recordsByNumber: [MigrationID: HistoryRecord] = [:]
    for record in records { recordsByNumber[record.id.normalised] = record }
    var found = migrations.map { migration in
      let record = recordsByNumber.removeValue(forKey: migration.id.normalised)
      return status(of: migration, record, highestApplied)
    }
    for record in recordsByNumber.values { found.append(orphan(record, highestFile)) }
    return found.sorted { $0.id < $1.id }
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
      name: migration.migration.name,
      file: migration.migration.file.path,
      state: .pending,
      record: record
    )
    if let record { status.state = state(of: migration, record) }
    if status.state == .applied, let record {
      status.drift = drift(of: migration, record)
      status.redoCount = status.drift.isEmpty ? nil : redoCount(of: record)
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
    case .running: return record.statementsDone > 0 ? .partial : .pending
    case .failed: return record.statementsDone > 0 ? .partial : .failed
    }
  }

  /// `redo` goes back by the order in which migrations were applied, so everything behind this one goes with it.
  private func redoCount(of record: HistoryRecord) -> Int? {
    let behind = records.filter { other in
      guard case .version = other.id else { return false }
      return other.state == .applied && other.appliedOrder >= record.appliedOrder
    }
    let canGoDown = behind.allSatisfy { other in
      guard let current = migration(other.id), current.migration.templateHash == other.templateHash else {
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
    // A version above all files belongs to a newer release of the program; an older one can live with it.
    let isNewer = highestFile.map { record.id > $0 } ?? true
    let isRepeatable = if case .repeatable = record.id { true } else { false }
    if record.kind != .baseline, !isNewer || isRepeatable { status.drift = [.missingFile] }
    return status
  }

  private func drift(of migration: RenderedMigration, _ record: HistoryRecord) -> [MigrationStatus.Drift] {
    var found: [MigrationStatus.Drift] = []
    if record.name != migration.migration.name { found.append(.renamed(from: record.name)) }
    if case .repeatable = migration.id { return found }
    if record.templateHash != migration.migration.templateHash { found.append(.edited) }
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

extension MigrationID {
  /// The same id for `1` and `0001`.
  var normalised: MigrationID {
    guard case .version = self else { return self }
    return .version(String(number))
  }
}

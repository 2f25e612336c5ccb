/// How far a run goes.
public struct MigrationTarget: Sendable, Hashable {
  /// Up: the last version to run. Down: the last version to keep.
  public var version: String?
  /// How many migrations at most.
  public var count: Int?

  /// As far as there is something to do, unless a version or a count says otherwise.
  public init(version: String? = nil, count: Int? = nil) {
    self.version = version
    self.count = count
  }
}

extension Planner {
  /// What `up` has to do.
  /// - Throws: `MigrationErrors` for drift, order and half-done migrations that cannot go on.
  func up(_ target: MigrationTarget, allowOutOfOrder: Bool, ignoreDrift: Bool) throws -> [PlannedStep] {
    let limit = try target.version.map(knownFile)
    let statuses = statuses()
    var problems = ignoreDrift ? [] : statuses.flatMap(driftErrors)
    problems += statuses.filter { $0.state == .reverting }.map(revertingError)
    var pending = statuses.filter(\.isPending).filter { status in
      limit.map { status.id <= $0 } ?? true
    }
    if let count = target.count { pending = Array(pending.prefix(count)) }
    for status in pending where status.isOutOfOrder && !allowOutOfOrder && !file(status.id).allowsOutOfOrder {
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
      return record.state == .applied || record.state == .reverting
    }
    candidates.sort { ($1.appliedOrder, $1.id) < ($0.appliedOrder, $0.id) }
    if let floor {
      candidates = candidates.filter { $0.id > floor }
    } else {
      candidates = Array(candidates.prefix(target.count ?? 1))
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
    guard let current = migration(record.id) else {
      throw MigrationError(
        .drift,
        "\(record.id) \(record.name) has no file, so there is no way down",
        hint: "bring the file back, or forget its row with repair --mark-pending"
      )
    }
    if !ignoreDrift, record.templateHash != current.migration.templateHash {
      throw MigrationError(
        .drift,
        "\(record.id) \(record.name) was edited after it ran; its way down may not fit",
        hint: "put the file back, or let the way down of today's file run with --ignore-drift",
        at: current.migration.location(0)
      )
    }
    let migration = try rendered(current, record)
    guard let section = migration.downSection else {
      throw MigrationError(
        .irreversible,
        "\(record.id) \(record.name) has no section \"-- migrate:down\"",
        hint: "write one, or a new migration that undoes it",
        at: current.migration.location(0)
      )
    }
    if let reason = section.options.irreversible {
      throw MigrationError(
        .irreversible,
        "\(record.id) \(record.name) cannot go down: \(reason)",
        at: migration.migration.down.map { current.migration.location($0.markOffset) }
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

  private func file(_ id: MigrationID) -> FileTraits {
    let up = migration(id)?.migration.up
    return FileTraits(allowsOutOfOrder: up?.options.outOfOrder ?? false)
  }

  private struct FileTraits {
    var allowsOutOfOrder: Bool
  }
}

extension Planner {
  func driftErrors(_ status: MigrationStatus) -> [MigrationError] {
    status.blockingDrift.map { drift in
      let migration = self.migration(status.id)?.migration
      return MigrationError(
        .drift,
        "\(status.id) \(status.name): \(drift)",
        hint: status.remedy(drift),
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

  /// A half-done migration may go on only when what is done is what the file still says.
  private func resumeError(_ step: PlannedStep) -> MigrationError? {
    guard let record = step.record, step.statementsDone > 0 else { return nil }
    guard step.section.chainedHashes[step.statementsDone] != record.doneHash else { return nil }
    return MigrationError(
      .drift,
      "\(step.id) \(record.name) stopped behind statement \(record.statementsDone), and the statements up to "
        + "there were changed since",
      hint: "put them back, or settle it by hand and use repair --mark-applied or --mark-pending",
      at: step.migration.migration.location(0)
    )
  }
}

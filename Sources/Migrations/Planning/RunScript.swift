internal import SQLLexer

/// One message to the server.
struct RunMessage: Sendable, Hashable {
  /// The SQL, exactly as it is sent.
  var text: String
  /// The data that follows it, for `COPY … FROM STDIN`.
  var copyData: String?
  /// Which statement of the section it is; nil for bookkeeping.
  var statement: Int?
}

/// Messages that succeed or fail together, or a single one that cannot be undone.
struct RunUnit: Sendable, Hashable {
  var messages: [RunMessage]
  /// Whether a failure leaves nothing of it behind, so that the whole may be tried again.
  var isAtomic: Bool
}

/// Everything that is sent for one migration, bookkeeping included, in its order.
///
/// `up` sends it and `plan` prints it, so the two cannot differ.
struct RunScript: Sendable {
  let step: PlannedStep
  let history: HistoryTable
  /// The lock time-out where the file names none, in milliseconds; 0 for none.
  let defaultLockTimeout: Int
  /// False where the transaction has been opened by the lock already.
  let opensTransaction: Bool
  let place: RunPlace
  private let statements: [SQLStatement]
  private let hashes: [String]

  init(
    step: PlannedStep,
    history: HistoryTable,
    defaultLockTimeout: Int,
    opensTransaction: Bool = true,
    place: RunPlace = RunPlace()
  ) {
    self.step = step
    self.history = history
    self.defaultLockTimeout = defaultLockTimeout
    self.opensTransaction = opensTransaction
    self.place = place
    statements = step.section.script.statements
    hashes = step.section.options.transaction ? [] : step.section.chainedHashes
  }

  private var options: SectionOptions { step.section.options }

  var units: [RunUnit] {
    options.transaction ? [transaction] : stepwise
  }

  private var transaction: RunUnit {
    let opening =
      (opensTransaction ? ["BEGIN"] : []) + (place.waitsForDisk ? [] : history.lateCommit)
      + timeouts(isLocal: true)
      + opening(state: .applied)
    let closing = [closing(done: statements.count)] + ["COMMIT"] + reset
    let messages = bookkeeping(opening) + statements.indices.map(message) + bookkeeping(closing)
    return RunUnit(messages: messages, isAtomic: true)
  }

  private var stepwise: [RunUnit] {
    let done = step.statementsDone
    let explicit =
      options.lockTimeout != nil || options.statementTimeout != nil ? timeouts(isLocal: false) : []
    var units = [
      RunUnit(messages: bookkeeping(["BEGIN"] + opening(state: .running) + ["COMMIT"]), isAtomic: true)
    ]
    let replayed = statements.prefix(done).filter(\.setsSession).map(\.text)
    if !(explicit + replayed).isEmpty {
      units.append(RunUnit(messages: bookkeeping(explicit + replayed), isAtomic: true))
    }
    var index = done
    while index < statements.count {
      let end = endOfGroup(at: index)
      units.append(contentsOf: self.units(index..<end))
      index = end
    }
    if statements.count == done {
      units.append(RunUnit(messages: bookkeeping([closing(done: done)]), isAtomic: true))
    }
    if !reset.isEmpty { units.append(RunUnit(messages: bookkeeping(reset), isAtomic: true)) }
    return units
  }

  /// One statement, or all from the file's own BEGIN to its end.
  private func endOfGroup(at start: Int) -> Int {
    guard statements[start].beginsTransaction else { return start + 1 }
    let end = statements[(start + 1)...].firstIndex(where: \.endsTransaction)
    return end.map { $0 + 1 } ?? statements.count
  }

  private func units(_ range: Range<Int>) -> [RunUnit] {
    let last = range.upperBound - 1
    let record = closing(done: range.upperBound)
    if range.count > 1, statements[last].hasWords("commit") || statements[last].hasWords("end") {
      let body = range.dropLast().map(message) + bookkeeping([record]) + [message(last)]
      return [RunUnit(messages: body, isAtomic: true)]
    }
    if range.count > 1 || statements[last].runsAlone || statements[last].controlsTransaction {
      let body = RunUnit(messages: range.map(message), isAtomic: range.count > 1)
      return [body, RunUnit(messages: bookkeeping([record]), isAtomic: true)]
    }
    let opening = bookkeeping(["BEGIN"] + (options.lockTimeout == nil ? timeouts(isLocal: true) : []))
    return [RunUnit(messages: opening + [message(last)] + bookkeeping([record, "COMMIT"]), isAtomic: true)]
  }

  private func message(_ index: Int) -> RunMessage {
    let data = statements[index].copyData.map { step.section.script.source[$0] }
    return RunMessage(text: statements[index].text, copyData: data, statement: index)
  }

  private func bookkeeping(_ statements: [String]) -> [RunMessage] {
    statements.map { RunMessage(text: $0) }
  }

  private func opening(state: HistoryRecord.State) -> [String] {
    let kind: HistoryRecord.Kind = if case .repeatable = step.id { .repeatable } else { .versioned }
    switch step.direction {
    case .down:
      guard !options.transaction else { return [] }
      return [
        step.statementsDone > 0
          ? history.restart(step.id, state: .reverting)
          : history.beginReverting(step.id, total: statements.count)
      ]
    case .up:
      if step.statementsDone > 0 { return [history.restart(step.id, state: .running)] }
      let clear =
        step.record.map { [$0.state == .applied ? history.delete($0.id) : history.clear($0.id)] } ?? []
      let total = statements.count
      return clear + [
        history.insert(step.migration, kind: kind, state: state, total: total, order: place.order)
      ]
    }
  }

  /// What records that the first `done` statements are done; with the last of them, the migration.
  private func closing(done: Int) -> String {
    let hash = options.transaction ? "" : hashes[done]
    switch (step.direction, done == statements.count) {
    case (.up, true): return history.finish(step.id, total: done, doneHash: hash)
    case (.down, true): return history.delete(step.id)
    default: return history.progress(step.id, done: done, doneHash: hash)
    }
  }

  private func timeouts(isLocal: Bool) -> [String] {
    let verb = isLocal ? "SET LOCAL" : "SET"
    var settings: [String] = []
    if let lock = options.lockTimeout ?? (defaultLockTimeout > 0 ? defaultLockTimeout : nil) {
      settings.append("\(verb) lock_timeout = \(lock)")
    }
    if let limit = options.statementTimeout { settings.append("\(verb) statement_timeout = \(limit)") }
    return settings
  }

  /// What one file sets, the next must not inherit.
  private var reset: [String] {
    let setsTimeouts = !options.transaction && (options.lockTimeout != nil || options.statementTimeout != nil)
    guard setsTimeouts || statements.contains(where: \.setsSession) else { return [] }
    return ["SET SESSION AUTHORIZATION DEFAULT", "RESET ALL"]
  }
}

/// Which section of a migration runs.
public enum MigrationDirection: String, Sendable, Hashable, Codable {
  /// `-- migrate:up`.
  case up
  /// `-- migrate:down`.
  case down
}

/// One migration that a run is going to carry out.
struct PlannedStep: Sendable, Hashable {
  let migration: RenderedMigration
  let direction: MigrationDirection
  /// The row that the history has for it.
  let record: HistoryRecord?
  let section: RenderedSection

  /// The key of its row: as it was written when the row was made.
  var id: MigrationID { record?.id ?? migration.id }

  /// The statements that an earlier run has done already.
  var statementsDone: Int {
    guard let record, record.isPartial else { return 0 }
    guard (record.state == .reverting) == (direction == .down) else { return 0 }
    return min(record.statementsDone, section.script.statements.count)
  }
}

/// What the place of a step in its run decides.
struct RunPlace: Sendable, Hashable {
  /// Whether its commit waits until it, and all before it, are on the disk; one that another commit of the same run
  /// follows need not.
  var waitsForDisk = true
  /// Its number in the history, where a lock keeps others from taking it; nil lets the server find the next.
  var order: Int?

  /// The places of a run's steps.
  /// - Parameter isAlone: whether a lock keeps other runs out from the first step to the last.
  static func all(of steps: [PlannedStep], after records: [HistoryRecord], isAlone: Bool) -> [RunPlace] {
    let highest = records.map(\.appliedOrder).max() ?? 0
    // On a way down numbers become free again.
    let isKnown = isAlone && steps.allSatisfy { $0.direction == .up }
    return steps.indices.map { position in
      RunPlace(
        waitsForDisk: !isAlone || position == steps.count - 1,
        order: isKnown ? highest + 1 + position : nil
      )
    }
  }
}

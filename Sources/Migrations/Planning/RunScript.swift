internal import SQLLexer
internal import VectorSQL

/// One message to the server.
struct RunMessage: Sendable, Hashable {
  /// The SQL, exactly as it is sent.
  var text: String
  /// The data that follows it, for a COPY that reads its data from the script.
  var copyData: CopyData?
  /// Which statement of the section it is; nil for bookkeeping.
  var statement: Int?
}

/// Messages that belong together.
struct RunUnit: Sendable, Hashable {
  var messages: [RunMessage]
  var kind: Kind

  /// What a failure of a unit leaves behind.
  enum Kind: Sendable, Hashable {
    /// Nothing that another try could not overwrite.
    case bookkeeping
    /// Nothing. `statement` is the one that may be sent alone when the server says that no transaction takes it.
    case transaction(statement: Int?)
    /// What the outcome says: the statements run outside the transaction of their record.
    case alone(Range<Int>, StatementOutcome)
  }
}

/// Everything that is sent for one migration, bookkeeping included, in its order.
///
/// `up` sends it and `plan` prints it, so the two cannot differ.
struct RunScript: Sendable {
  let step: PlannedStep
  let history: HistoryTable
  /// The search path to run with, where the session's own does not lead to pgvector; nil leaves it as it is.
  let searchPath: String?
  /// The lock time-out where the file names none, in milliseconds; 0 for none.
  let defaultLockTimeout: Int
  /// False where the transaction has been opened by the lock already.
  let opensTransaction: Bool
  let place: RunPlace
  private let statements: [SQLStatement]
  private let hashes: [String]
  private let words: SQLWords
  /// The first statement that may make temporary objects.
  private let firstTemporary: Int?

  init(
    step: PlannedStep,
    history: HistoryTable,
    searchPath: String? = nil,
    defaultLockTimeout: Int,
    opensTransaction: Bool = true,
    place: RunPlace = RunPlace()
  ) {
    self.step = step
    self.history = history
    self.searchPath = searchPath
    self.defaultLockTimeout = defaultLockTimeout
    self.opensTransaction = opensTransaction
    self.place = place
    statements = step.section.script.statements
    hashes = step.section.options.transaction ? [] : step.section.chainedHashes
    words = step.section.words
    firstTemporary =
      words.contains(.temporary) ? statements.firstIndex { $0.mentions(.temporary) } : nil
  }

  private var options: SectionOptions { step.section.options }

  var units: [RunUnit] {
    options.transaction ? [transaction] : opening + statementUnits(from: step.statementsDone) + closing
  }

  // A file that is one transaction.

  private var transaction: RunUnit {
    let start =
      (opensTransaction ? ["BEGIN"] : []) + (place.waitsForDisk ? [] : history.lateCommit)
      + timeouts(isLocal: true) + opening(state: .applied) + path(isLocal: true) + restoredSession
    let end = asOwner + [record(done: statements.count)] + ["COMMIT"] + cleanSession
    let rest = step.statementsDone..<statements.count
    return RunUnit(
      messages: bookkeeping(start) + rest.map(message) + bookkeeping(end),
      kind: .transaction(statement: nil)
    )
  }

  // A file whose statements run one by one.

  /// What comes before the first statement.
  var opening: [RunUnit] {
    let begin = ["BEGIN"] + opening(state: .running) + ["COMMIT"]
    let hasTimeouts = options.lockTimeout != nil || options.statementTimeout != nil
    let session = (hasTimeouts ? timeouts(isLocal: false) : []) + path(isLocal: false) + restoredSession
    return [begin, session].filter { !$0.isEmpty }.map {
      RunUnit(messages: bookkeeping($0), kind: .bookkeeping)
    }
  }

  /// What comes behind the last statement.
  var closing: [RunUnit] {
    let finish = statements.count == step.statementsDone ? [record(done: statements.count)] : []
    return [finish, cleanSession].filter { !$0.isEmpty }.map {
      RunUnit(messages: bookkeeping($0), kind: .bookkeeping)
    }
  }

  /// The statements from one on, each with its record.
  func statementUnits(from start: Int) -> [RunUnit] {
    var units: [RunUnit] = []
    var index = start
    while index < statements.count {
      let end = endOfGroup(at: index)
      units.append(unit(index..<end))
      index = end
    }
    return units
  }

  /// Records that the first statements are done, without sending any.
  func recordUnit(done: Int) -> RunUnit {
    RunUnit(messages: bookkeeping(separately(record(done: done))), kind: .bookkeeping)
  }

  /// One statement, or all from the file's own BEGIN to its end.
  private func endOfGroup(at start: Int) -> Int {
    guard statements[start].beginsTransaction else { return start + 1 }
    let end = statements[(start + 1)...].firstIndex(where: \.endsTransaction)
    return end.map { $0 + 1 } ?? statements.count
  }

  private func unit(_ range: Range<Int>) -> RunUnit {
    let last = range.upperBound - 1
    if range.count > 1, statements[last].hasWords("commit") || statements[last].hasWords("end") {
      let record = bookkeeping(asOwner + [record(done: range.upperBound)])
      return RunUnit(
        messages: range.dropLast().map(message) + record + [message(last)],
        kind: .transaction(statement: nil)
      )
    }
    guard range.count == 1, !statements[last].isKnownToRunAlone, !statements[last].controlsTransaction else {
      return aloneUnit(range)
    }
    let opening = bookkeeping(["BEGIN"] + (options.lockTimeout == nil ? timeouts(isLocal: true) : []))
    let closing = bookkeeping(asOwner + [record(done: range.upperBound), "COMMIT"])
    return RunUnit(messages: opening + [message(last)] + closing, kind: .transaction(statement: last))
  }

  /// Statements outside the transaction of their record; that they are under way is recorded before.
  func aloneUnit(_ range: Range<Int>) -> RunUnit {
    let outcome = statements[range.upperBound - 1].outcome
    let mark = history.begin(
      step.id,
      number: range.lowerBound + 1,
      hash: hashes[range.upperBound],
      outcome: outcome
    )
    return RunUnit(
      messages: bookkeeping(separately(mark)) + range.map(message)
        + bookkeeping(separately(record(done: range.upperBound))),
      kind: .alone(range, outcome)
    )
  }

  // Messages and bookkeeping.

  private func message(_ index: Int) -> RunMessage {
    let data = step.section.copyData(of: statements[index])
    return RunMessage(text: statements[index].text, copyData: data, statement: index)
  }

  private func bookkeeping(_ statements: [String]) -> [RunMessage] {
    statements.map { RunMessage(text: $0) }
  }

  private func opening(state: HistoryRecord.State) -> [String] {
    let total = statements.count
    switch step.direction {
    case .down:
      guard !options.transaction else { return [] }
      return [
        step.isResumed
          ? history.restart(step.id, state: .reverting) : history.beginReverting(step.id, total: total)
      ]
    case .up:
      if step.isResumed { return [history.resume(step.migration, key: step.id, total: total)] }
      let clear =
        step.record.map { [$0.state == .applied ? history.delete($0.id) : history.clear($0.id)] } ?? []
      return clear + [
        history.insert(
          .init(
            migration: step.migration,
            kind: step.migration.kind,
            state: state,
            total: total,
            order: place.order
          )
        )
      ]
    }
  }

  /// What records that the first `done` statements are done; with the last of them, the migration.
  private func record(done: Int) -> String {
    let hash = options.transaction ? "" : hashes[done]
    switch (step.direction, done == statements.count) {
    case (.up, true): return history.finish(step.id, total: done, doneHash: hash)
    case (.down, true): return history.delete(step.id)
    default:
      return history.progress(step.id, done: done, doneHash: hash, keepsSession: changesSession(before: done))
    }
  }

  /// Whether the session may be another behind the first statements than plain `SET`s make it.
  private func changesSession(before done: Int) -> Bool {
    guard words.contains(.session), let last = statements[..<done].last else { return false }
    if last.endsTransaction { return true }
    return (last.mentions(.session) && !last.isPlainSetting) || firstTemporary.map { $0 < done } ?? false
  }

  /// What a resumed run has to set again on its own session.
  private var restoredSession: [String] {
    let captured = step.record?.session
    let start = min(captured?.statements ?? 0, step.statementsDone)
    let settings = statements[start..<step.statementsDone].filter(\.isPlainSetting).map(\.text)
    return step.statementsDone > 0 ? (captured?.restoring ?? []) + settings : []
  }

  /// Gives the rest of the transaction the rights of the user who runs the migrations, even where the file has set another role.
  private var asOwner: [String] {
    guard words.contains(.role) else { return [] }
    let changesUser = statements.contains { $0.hasWords("set", "session", "authorization") }
    return (changesUser ? ["SET LOCAL session_authorization TO DEFAULT"] : []) + ["SET LOCAL role TO DEFAULT"]
  }

  private func separately(_ record: String) -> [String] {
    asOwner.isEmpty ? [record] : ["BEGIN"] + asOwner + [record, "COMMIT"]
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

  private func path(isLocal: Bool) -> [String] {
    searchPath.map { ["SELECT set_config('search_path', \(SQLValue.quotedLiteral($0)), \(isLocal))"] } ?? []
  }

  /// What one file sets or makes for its session, the next must not inherit.
  var cleanSession: [String] {
    let sets = options.lockTimeout != nil || options.statementTimeout != nil || searchPath != nil
    let cleaning = SessionState.clean(after: words, on: history.commits)
    return cleaning.isEmpty && sets && !options.transaction ? ["RESET ALL"] : cleaning
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

  /// Whether it goes on with what an earlier run has begun.
  var isResumed: Bool {
    guard let record, record.isPartial else { return false }
    return (record.state == .reverting) == (direction == .down)
  }

  /// The statement that an earlier run sent and did not record the end of.
  var underway: StatementUnderway? { isResumed ? record?.underway : nil }
}

extension RenderedSection {
  /// The kinds of words in its statements.
  var words: SQLWords { SQLWords(in: script.source.utf8[...]) }
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

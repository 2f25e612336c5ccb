/// Where one migration stands: what its file says beside what the history says.
public struct MigrationStatus: Sendable, Hashable {
  /// What it is known by.
  public var id: MigrationID
  /// The file's name behind the version.
  public var name: String
  /// The file; nil when only the history knows the migration.
  public var file: String?
  /// Where it stands.
  public var state: State
  /// The row of the history table; nil when there is none.
  public var record: HistoryRecord?
  /// In what the file of an applied migration differs from what ran.
  public var drift: [Drift] = []
  /// How many migrations `redo` has to take back and run again for this one to get today's values; nil when one of them
  /// cannot go down.
  public var redoCount: Int?
  /// Whether it is pending although a higher version was applied.
  public var isOutOfOrder = false

  /// Where a migration stands.
  public enum State: String, Sendable, Hashable, Codable {
    /// It ran.
    case applied
    /// It will run.
    case pending
    /// A repeatable file whose SQL is another than that which ran.
    case changed
    /// The last try failed and left nothing behind; it will run.
    case failed
    /// Some of its statements ran; it will go on behind them.
    case partial
    /// Some statements of its way down ran.
    case reverting
    /// It ran, and there is no file of that version.
    case missing
  }

  /// A difference between what ran and what the files say now.
  public enum Drift: Sendable, Hashable {
    /// The file's text is another.
    case edited
    /// Parameters have other values.
    case parameters([ParameterChange])
    /// The same file and values give other SQL, because the server can do other things.
    case rendering
    /// The file is gone, and it is not newer than the files at hand.
    case missingFile
    /// The file is gone, and some of its statements ran without the others: nothing can go on with it.
    case halfDone(HalfDone)
    /// Of a migration that stopped half-way: its first statements, which ran, are others now.
    case executedStatements(Int)
    /// The name behind the version is another; harmless.
    case renamed(from: String)
  }

  /// A parameter that had one value when a migration ran and has another now.
  public struct ParameterChange: Sendable, Hashable, Codable, CustomStringConvertible {
    /// The parameter.
    public var name: String
    /// Its value then; nil when it had none.
    public var was: String?
    /// Its value now; nil when it has none.
    public var now: String?

    /// `dim was 1000, is 512`.
    public var description: String { "\(name) was \(was ?? "unset"), is \(now ?? "unset")" }
  }

  /// Whether `up` would run it.
  public var isPending: Bool { [.pending, .changed, .failed, .partial].contains(state) }

  /// The differences that stop a run.
  public var blockingDrift: [Drift] {
    drift.filter { difference in
      if case .renamed = difference { return false }
      return true
    }
  }
}

extension MigrationStatus.Drift: CustomStringConvertible {
  /// What differs, one clause.
  public var description: String {
    switch self {
    case .edited: "the file was edited after it ran"
    case .parameters(let changes):
      "parameter drift: " + changes.map(\.description).joined(separator: ", ")
    case .rendering: "the SQL differs although file and parameters do not: the server's capabilities changed"
    case .missingFile: "the file is missing"
    case .halfDone(let what): what.description
    case .executedStatements(let count): "the first \(count) statements ran and were changed since"
    case .renamed(let name): "the file was called \(name)"
    }
  }

  /// The word for it in JSON output.
  public var code: String {
    switch self {
    case .edited: "edited"
    case .parameters: "parameters"
    case .rendering: "rendering"
    case .missingFile: "missing_file"
    case .halfDone: "half_done_without_file"
    case .executedStatements: "executed_statements"
    case .renamed: "renamed"
    }
  }

}

extension MigrationStatus {
  /// What to do about a difference; what stands in quotes can be typed as it is.
  public func fix(for difference: Drift) -> String {
    let bless = "'adbvec migrate repair --bless --version \(id)'"
    switch difference {
    case .edited: return "put the file back and write a new migration, or accept the edit: \(bless)"
    case .parameters(let changes):
      let redo = redoCount.map { count in
        ", or take it back and run it with the new one: 'adbvec migrate redo \(count)', which counts the rows that it "
          + "would delete and asks for --yes"
      }
      var beside = ""
      if let table = changes.first(where: { $0.name == "table" })?.now {
        let isPlain = table.allSatisfy { $0.isASCII && ($0.isLetter || $0.isNumber || $0 == "_") }
        beside =
          "for a table beside the old one name a history of its own, '--history-table \(isPlain ? table : "NAME")_migrations'; else "
      }
      return "\(beside)set the old value again\(redo ?? ""), or accept the new one: \(bless)"
    case .executedStatements:
      return "put them back, or complete it by hand: 'adbvec migrate repair --mark-applied \(id)'"
    case .rendering: return "accept the change: \(bless)"
    case .missingFile:
      return "bring the file back, or forget its row: 'adbvec migrate repair --mark-pending \(id)'"
    case .halfDone(let what): return Self.fix(for: what, id)
    case .renamed: return "nothing needs to be done"
    }
  }

  static func fix(for what: HalfDone, _ id: MigrationID) -> String {
    let back = what.file.map { "give \($0) the version \(id) again" } ?? "bring the file back"
    let next = what.direction == .up ? "'adbvec migrate up'" : "'adbvec migrate down 1'"
    return "\(back) and finish it with \(next); or undo by hand what ran and forget its row: "
      + "'adbvec migrate repair --mark-pending \(id)'"
  }
}

/// A migration that is half done and has no file.
public struct HalfDone: Sendable, Hashable {
  /// Which section was under way.
  public var direction: MigrationDirection
  /// How many of its statements are done.
  public var statementsDone: Int
  /// How many it has.
  public var statementsTotal: Int
  /// Why it stopped; nil where no run lived to say it.
  public var error: String?
  /// The file that has its text or its name under another version.
  public var file: String?

  init(_ record: HistoryRecord, file: String?) {
    direction = record.state == .reverting ? .down : .up
    statementsDone = record.statementsDone
    statementsTotal = record.statementsTotal
    error = record.error
    self.file = file
  }
}

extension HalfDone: CustomStringConvertible {
  /// How far it came, one clause.
  public var description: String {
    let way = direction == .up ? "up" : "down"
    return
      "the file is missing, and its way \(way) stopped behind statement \(statementsDone) of \(statementsTotal)"
      + (error.map { " (\($0))" } ?? "")
  }
}

/// Where every migration stands.
public struct StatusReport: Sendable, Hashable {
  /// Versions by number, then repeatable files by name.
  public var migrations: [MigrationStatus]
  /// Indexes that a failed concurrent build left behind, and that no query uses.
  public var invalidIndexes: [String]
  /// The history table.
  public var historyTable: String

  /// Whether `up` would do something.
  public var isPending: Bool { migrations.contains(where: \.isPending) }
  /// Whether files, parameters and history disagree.
  public var hasDrift: Bool { migrations.contains { !$0.blockingDrift.isEmpty || $0.state == .reverting } }
}

extension StatusReport: Encodable {
  private enum Key: String, CodingKey {
    case pending, drift, historyTable = "history_table", invalidIndexes = "invalid_indexes", migrations
  }

  /// Encodes the report with its two answers first.
  public func encode(to encoder: any Encoder) throws {
    var container = encoder.container(keyedBy: Key.self)
    try container.encode(isPending, forKey: .pending)
    try container.encode(hasDrift, forKey: .drift)
    try container.encode(historyTable, forKey: .historyTable)
    try container.encode(invalidIndexes, forKey: .invalidIndexes)
    try container.encode(migrations, forKey: .migrations)
  }
}

extension MigrationStatus: Encodable {
  private enum Key: String, CodingKey {
    case version, name, file, state, outOfOrder = "out_of_order", kind, statementsDone = "statements_done"
    case statementsTotal = "statements_total", startedAt = "started_at", finishedAt = "finished_at"
    case appliedBy = "applied_by", error, parameters, drift
  }

  private struct DriftEntry: Encodable {
    var code: String
    var message: String
    var fix: String
    /// Version 1's name of `fix`, for programs that read it.
    var remedy: String
    var parameters: [ParameterChange]?
  }

  /// Encodes the status with what the history says of it.
  public func encode(to encoder: any Encoder) throws {
    var container = encoder.container(keyedBy: Key.self)
    try container.encode(id.key, forKey: .version)
    try container.encode(name, forKey: .name)
    try container.encodeIfPresent(file, forKey: .file)
    try container.encode(state, forKey: .state)
    try container.encode(isOutOfOrder, forKey: .outOfOrder)
    if let record {
      try container.encode(record.kind, forKey: .kind)
      try container.encode(record.statementsDone, forKey: .statementsDone)
      try container.encode(record.statementsTotal, forKey: .statementsTotal)
      try container.encode(record.startedAt, forKey: .startedAt)
      try container.encodeIfPresent(record.finishedAt, forKey: .finishedAt)
      try container.encode(record.appliedBy, forKey: .appliedBy)
      try container.encodeIfPresent(record.error, forKey: .error)
      try container.encode(record.parameters, forKey: .parameters)
    }
    let entries = drift.map { difference in
      var changes: [ParameterChange]?
      if case .parameters(let found) = difference { changes = found }
      let fix = self.fix(for: difference)
      return DriftEntry(
        code: difference.code,
        message: difference.description,
        fix: fix,
        remedy: fix,
        parameters: changes
      )
    }
    try container.encode(entries, forKey: .drift)
  }
}

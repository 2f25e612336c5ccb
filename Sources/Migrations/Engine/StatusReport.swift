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
      return DriftEntry(
        code: difference.code,
        message: difference.description,
        remedy: remedy(difference),
        parameters: changes
      )
    }
    try container.encode(entries, forKey: .drift)
  }
}

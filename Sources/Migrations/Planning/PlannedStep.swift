internal import SQLLexer

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

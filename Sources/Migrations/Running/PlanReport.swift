public import PostgresClient
internal import SQLLexer
internal import VectorSQL

extension Migrator {
  /// What `up` would send now; reads the history and writes nothing.
  /// - Parameter steps: says what it would do beside the SQL; nil says nothing of it.
  public func plan(
    _ target: MigrationTarget = MigrationTarget(),
    on connection: PostgresConnection,
    steps: (any MigrationStepRunner)? = nil
  ) async throws -> PlanReport {
    try await report("up", on: connection, steps: steps) { planner, _ in
      try planner.up(target, allowOutOfOrder: options.allowOutOfOrder, ignoreDrift: options.ignoreDrift)
    }
  }

  /// What `down` would send now; reads the history and writes nothing.
  public func planDown(
    _ target: MigrationTarget = MigrationTarget(count: 1),
    on connection: PostgresConnection
  ) async throws -> PlanReport {
    try await report("down", on: connection) { planner, capabilities in
      try planner.down(target, ignoreDrift: options.ignoreDrift) { try asApplied($0, $1, capabilities) }
    }
  }

  /// What `up` sends to a database that has no history yet, without a server.
  public func planFromNothing() throws -> PlanReport {
    let planner = Planner(migrations: assumed, records: [])
    let steps = try checked(planner.up(MigrationTarget(), allowOutOfOrder: true, ignoreDrift: true))
    return try planReport("up", steps, history, nil, byTransaction: options.lock == .transaction)
  }

  private func report(
    _ command: String,
    on connection: PostgresConnection,
    steps: (any MigrationStepRunner)? = nil,
    plan: (Planner, Set<Capability>) throws -> [PlannedStep]
  ) async throws -> PlanReport {
    let session = session(connection)
    let files = try await rendered(for: connection)
    let state = try await session.readState(forRun: true)
    let planner = Planner(migrations: files.migrations, records: state.records)
    var history = history
    history.commits = state.commits
    let planned = try checked(plan(planner, files.capabilities))
    var report = try planReport(
      command,
      planned,
      history,
      state,
      byTransaction: session.locksByTransaction(state)
    )
    guard let steps else { return report }
    for (index, step) in planned.enumerated() {
      for asked in try step.externalSteps() {
        report.migrations[index].notes += try await steps.plan(asked, on: connection)
      }
    }
    return report
  }

  private func planReport(
    _ command: String,
    _ steps: [PlannedStep],
    _ history: HistoryTable,
    _ state: MigrationSession.State?,
    byTransaction: Bool
  ) throws -> PlanReport {
    guard !steps.isEmpty else {
      return PlanReport(command: command, opening: [], migrations: [], closing: [])
    }
    let lock = MigrationLock(history)
    let locks = !byTransaction && options.lock != .none
    let change: String? =
      state?.hasTable ?? false ? upgrade(state, history) : history.create
    let prepare = change.map { change in
      byTransaction
        ? ["BEGIN", lock.takeInTransactionOrFail, change, "COMMIT"]
        : ["BEGIN"] + history.lateCommit + [change, "COMMIT"]
    }
    let places = RunPlace.all(of: steps, after: state?.records ?? [], isAlone: locks)
    return PlanReport(
      command: command,
      opening: (locks ? [lock.takeOrFail] : []) + (prepare ?? []),
      migrations: try zip(steps, places).map {
        try planned($0, history, state?.vectorSchema, at: $1, lock: byTransaction ? lock : nil)
      },
      closing: locks ? [lock.release] : []
    )
  }

  private func upgrade(_ state: MigrationSession.State?, _ history: HistoryTable) -> String? {
    state.flatMap { $0.needsUpgrade ? history.upgrade($0.missingColumns) : nil }
  }

  private func planned(
    _ step: PlannedStep,
    _ history: HistoryTable,
    _ vectorSchema: VectorSchema?,
    at place: RunPlace,
    lock: MigrationLock?
  ) throws -> PlanReport.Migration {
    let script = RunScript(
      step: step,
      history: history,
      searchPath: vectorSchema?.searchPath,
      defaultLockTimeout: options.lockTimeout,
      opensTransaction: lock == nil,
      place: place
    )
    let opening = lock.map { [PlanReport.Message(sql: "BEGIN;\n" + $0.takeInTransactionOrFail)] } ?? []
    let asked = try step.externalSteps()
    // psql cannot do what a step asks for, and must not go on as if it were done.
    let refusal = asked.map { asked in
      let text = "the step \(asked.name) is done by adbvec migrate \(step.direction.rawValue), not by psql"
      return PlanReport.Message(
        sql: "DO \(SQLValue.quotedLiteral("BEGIN RAISE EXCEPTION \(SQLValue.quotedLiteral(text)); END"))"
      )
    }
    let messages = script.units.flatMap(\.messages).map { message in
      PlanReport.Message(
        sql: message.text,
        data: message.copyData,
        statement: message.statement.map { $0 + 1 }
      )
    }
    return PlanReport.Migration(
      version: step.id.key,
      name: step.migration.parsed.name,
      file: step.migration.parsed.file.path,
      direction: step.direction,
      notes: asked.map { "the step \($0.name) (\($0.location))" },
      messages: refusal + opening + messages
    )
  }
}

/// Exactly what a run would send, bookkeeping included.
public struct PlanReport: Sendable, Hashable, Encodable {
  /// The command that it is the plan of.
  public var command: String
  /// What is sent before the first migration: the lock, and the history table where it is missing.
  public var opening: [String]
  /// The migrations in their order.
  public var migrations: [Migration]
  /// What is sent behind the last migration.
  public var closing: [String]

  /// One migration of the plan.
  public struct Migration: Sendable, Hashable, Encodable {
    /// The version, or `R__name`.
    public var version: String
    /// The file's name behind the version.
    public var name: String
    /// The file.
    public var file: String
    /// Which section runs.
    public var direction: MigrationDirection
    /// What it does beside its SQL, and what that takes, a line each; empty for most.
    public var notes: [String]
    /// What is sent, in its order.
    public var messages: [Message]
  }

  /// One message to the server.
  public struct Message: Sendable, Hashable {
    /// One statement; where the lock goes with each transaction, BEGIN and the lock together.
    public var sql: String
    /// The number of the file's statement, from 1; nil for bookkeeping.
    public var statement: Int?
    /// The lines behind `COPY … FROM STDIN`.
    var data: CopyData?

    init(sql: String, data: CopyData? = nil, statement: Int? = nil) {
      (self.sql, self.data, self.statement) = (sql, data, statement)
    }
  }

  /// Whether a run would do nothing.
  public var isEmpty: Bool { migrations.isEmpty }

  /// The plan as a script for psql with the effect of the run; empty when there is nothing to do.
  /// - Throws: as `write(_:)`.
  public var psql: String {
    get throws {
      var text = ""
      try write { text += $0 }
      return text
    }
  }

  /// Writes the script for psql in parts, so that the data of a large COPY is never whole in memory.
  /// - Throws: what `body` throws; `MigrationError` with code `unreadableFile` when a file changed since it was read.
  public func write(_ body: (String) throws -> Void) throws {
    guard !isEmpty else { return }
    try withoutActuallyEscaping(body) { try write(to: PsqlScript($0)) }
  }

  /// Whether psql reads the script alike in every locale. Data that is left on the disk is not looked into.
  private var isASCII: Bool {
    let isPlain = { (byte: UInt8) in byte < 0x80 }
    return migrations.allSatisfy { migration in
      (migration.name + migration.file).utf8.allSatisfy(isPlain)
        && migration.messages.allSatisfy { message in
          let data: Bool =
            switch message.data {
            case .text(let bytes): bytes.allSatisfy(isPlain)
            case .file: false
            case nil: true
            }
          return data && message.sql.utf8.allSatisfy(isPlain)
        }
    }
  }

  private func write(to script: PsqlScript) throws {
    var script = script
    try script.add("\\set ON_ERROR_STOP on\n")
    if !isASCII { try script.add("\\encoding UTF8\n") }
    for sql in opening { try script.add(sql + ";\n") }
    for migration in migrations {
      let title =
        "\(migration.version) \(migration.name): \(migration.direction.rawValue) (\(migration.file))"
      try script.add("\n-- \(PsqlText.comment(title))\n")
      for note in migration.notes { try script.add("--   \(PsqlText.comment(note))\n") }
      for message in migration.messages {
        try script.add(PsqlText.sql(message.sql) + ";\n")
        if let data = message.data { try script.add(data) }
      }
    }
    try script.add("\n")
    for sql in closing { try script.add(sql + ";\n") }
    try script.flush()
  }
}

extension PlanReport.Message: Encodable {
  private enum Key: String, CodingKey { case sql, data, dataFile = "data_file", statement }

  /// Encodes the message; data that is left on the disk is named and not repeated.
  public func encode(to encoder: any Encoder) throws {
    var container = encoder.container(keyedBy: Key.self)
    try container.encode(sql, forKey: .sql)
    try container.encodeIfPresent(statement, forKey: .statement)
    switch data {
    case .text(let bytes): try container.encode(String(decoding: bytes, as: UTF8.self), forKey: .data)
    case .file(let file): try container.encode(DataOnDisk(file), forKey: .dataFile)
    case nil: break
    }
  }
}

/// Where the data of a large COPY stands, in a report that does not repeat it.
public struct DataOnDisk: Sendable, Hashable, Encodable {
  /// The migration's file.
  public let file: String
  /// Where the data begins in the file, in bytes from 0.
  public let offset: Int
  /// How many bytes of the file it takes.
  public let bytes: Int
  /// SHA-256 of the data with LF line ends, in hexadecimal.
  public let sha256: String

  init(_ data: CopyDataFile) {
    file = data.path
    offset = data.bytes.lowerBound
    bytes = data.bytes.count
    sha256 = data.hash
  }
}

/// A script for psql that is handed on in pieces of some size.
private struct PsqlScript {
  private static let size = 1 << 16

  private let write: (String) throws -> Void
  private var text = ""

  init(_ write: @escaping (String) throws -> Void) { self.write = write }

  mutating func add(_ more: String) throws {
    text += more
    if text.utf8.count >= Self.size { try flush() }
  }

  /// The lines of a COPY with their closing mark.
  mutating func add(_ data: CopyData) throws {
    var last = UInt8(ascii: "\n")
    try data.forEachPart { part in
      last = part.last ?? last
      try add(String(decoding: part, as: UTF8.self))
    }
    try add((last == UInt8(ascii: "\n") ? "" : "\n") + "\\.\n")
  }

  mutating func flush() throws {
    if !text.isEmpty { try write(text) }
    text = ""
  }
}

/// Text for psql that reaches the server as it stands: psql puts variables in where a colon meets a word, reads a literal
/// line by line, and ends comments and COPY data at line ends.
enum PsqlText {
  /// SQL without what psql would take for itself, and with the same meaning.
  static func sql(_ text: String) -> String {
    let source = Array(text.utf8)
    var result: [UInt8] = []
    result.reserveCapacity(source.count)
    for token in Script.tokens(of: source) {
      let bytes = source[token.range]
      switch token.kind {
      case .string, .escapeString, .unicodeString, .bitString:
        result += Script.joiningLines(of: bytes, token.kind)
      case .punctuation where bytes.elementsEqual([UInt8(ascii: ":")]):
        result.append(UInt8(ascii: ":"))
        if token.range.upperBound < source.count, startsVariable(source[token.range.upperBound]) {
          result.append(UInt8(ascii: " "))
        }
      default:
        result += bytes
      }
    }
    return String(decoding: result, as: UTF8.self)
  }

  /// A text for a comment's line: a file's name may hold line ends.
  static func comment(_ text: String) -> String {
    var result = ""
    for scalar in text.unicodeScalars {
      switch scalar.properties.generalCategory {
      case .control, .lineSeparator, .paragraphSeparator:
        result += "\\u{" + String(scalar.value, radix: 16) + "}"
      default:
        result.unicodeScalars.append(scalar)
      }
    }
    return result
  }

  /// `:name`, `:'name'`, `:"name"`, `:{?name}`.
  private static func startsVariable(_ byte: UInt8) -> Bool {
    switch byte {
    case 0x30...0x39, 0x41...0x5A, 0x61...0x7A, 0x80...0xFF, UInt8(ascii: "_"), UInt8(ascii: "'"),
      UInt8(ascii: "\""), UInt8(ascii: "{"):
      true
    default: false
    }
  }
}

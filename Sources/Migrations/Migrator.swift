public import PostgresClient
public import VectorSQL

/// Brings a database's schema to where a set of versioned SQL files says it should be.
///
///     let migrator = try Migrator(source: .folder("migrations/pgvector"), parameters: ["dim": "512"], dialect: .pgvector)
///     try await migrator.up(on: connection).report
///
/// Everything that can be wrong in files and parameters is found when the value is made, before any connection.
public struct Migrator: Sendable {
  /// Where the files come from.
  public let source: MigrationSource
  /// The checked values of the parameters.
  public let parameters: ParameterSet
  /// The kind of server that the files are for.
  public let dialect: MigrationDialect
  /// How it works.
  public let options: MigratorOptions
  /// The files in the order in which they run.
  public let migrations: [Migration]

  let history: HistoryTable
  /// The files as they render with the capabilities that the dialect is known for.
  let assumed: [RenderedMigration]
  /// Whether a server has to be asked before the SQL is known.
  let dependsOnServer: Bool

  /// The files where only those are read that the history does not hold unchanged; else nil.
  private let unread: [MigrationFile]?

  /// Reads and checks files and parameters.
  /// - Throws: `MigrationErrors` or `MigrationError`, with the place in the file.
  public init(
    source: MigrationSource,
    parameters given: [String: String] = [:],
    dialect: MigrationDialect,
    options: MigratorOptions = MigratorOptions()
  ) throws {
    try self.init(
      source: source,
      parameters: given,
      dialect: dialect,
      options: options,
      readsAppliedFiles: true
    )
  }

  /// Reads and checks parameters, and files where there are few: among many, most have run long ago, and `up` and
  /// `status` read only those that are not in the history as they are. For these two alone.
  package init(
    source: MigrationSource,
    parameters given: [String: String],
    dialect: MigrationDialect,
    options: MigratorOptions,
    readsAppliedFiles: Bool
  ) throws {
    self.source = source
    self.dialect = dialect
    self.options = options
    history = HistoryTable(name: options.historyTable, dialect: dialect)
    guard source.count > 0 || !source.misnamed.isEmpty else { throw Self.nothingFound(in: source) }
    let readsAll = readsAppliedFiles || source.count < Self.manyFiles
    unread = readsAll ? nil : try source.checkedFiles()
    migrations = readsAll ? try source.migrations() : []
    let manifest = try source.manifest.map { try ParameterManifest($0, dialect: dialect) }
    parameters = try ParameterSet(manifest: manifest, given: given, dialect: dialect)
    let renderer = MigrationRenderer(
      parameters: parameters,
      dialect: dialect,
      capabilities: options.capabilities(over: dialect.assumedCapabilities)
    )
    dependsOnServer = try migrations.contains { try renderer.usesCapabilities($0) }
    assumed = try renderer.renderAll(migrations)
  }

  private static let manyFiles = 50

  private static func nothingFound(in source: MigrationSource) -> MigrationError {
    MigrationError(
      .noMigrations,
      "there are no migrations in \(source.folder ?? "the program"); their names are VERSION_name.sql",
      hint: "Fix: name the folder with --migrations, or write the first file with 'adbvec migrate new NAME'"
    )
  }

  /// The files as they render for a server, and what that server can do as far as they ask.
  func rendered(
    for connection: PostgresConnection
  ) async throws -> (migrations: [RenderedMigration], capabilities: Set<Capability>) {
    if unread != nil { return try await render(source.migrations(), for: connection) }
    guard dependsOnServer else {
      return (assumed, options.capabilities(over: dialect.assumedCapabilities))
    }
    return try await render(migrations, for: connection)
  }

  /// As `rendered(for:)`, but files that ran, and that have the text that ran and no parameters, are not read; nil where
  /// all are read anyway.
  func rendered(
    for connection: PostgresConnection,
    knowing records: [HistoryRecord]
  ) async throws -> (migrations: [RenderedMigration], capabilities: Set<Capability>)? {
    guard let unread else { return nil }
    var places: [MigrationID: Int] = [:]
    places.reserveCapacity(records.count)
    for place in records.indices { places[records[place].id.normalised] = place }
    var all: [RenderedMigration?] = []
    all.reserveCapacity(unread.count)
    var others: [MigrationFile] = []
    for file in unread {
      let record = places[file.id.normalised].map { records[$0] }
      if let record, file.isUnchanged(since: record, parameters) {
        all.append(RenderedMigration(unread: file, record))
      } else {
        all.append(nil)
        others.append(file)
      }
    }
    let rest = try await render(MigrationSource.parsed(others), for: connection)
    var next = rest.migrations.makeIterator()
    return (all.compactMap { $0 ?? next.next() }, rest.capabilities)
  }

  /// Whether the history holds exactly the files, each as it ran; false also where finding out takes more than one look.
  func isUpToDate(_ session: MigrationSession) async throws -> Bool {
    guard let unread else { return false }
    let others = unread.filter { !$0.isPlain(parameters) }
    // What depends on the server is rendered each time.
    guard !others.contains(where: \.mayAskServer) else { return false }
    let plain = others.isEmpty ? unread : unread.filter { $0.isPlain(parameters) }
    guard let records = try await session.readRecords(besides: plain, others), records.count == others.count
    else { return false }
    let known = Dictionary(records.map { ($0.id.key, $0) }) { first, _ in first }
    return others.allSatisfy { file in
      known[file.id.key].map { $0.name == file.name && file.isUnchanged(since: $0, parameters) } ?? false
    }
  }

  private func render(
    _ migrations: [Migration],
    for connection: PostgresConnection
  ) async throws -> (migrations: [RenderedMigration], capabilities: Set<Capability>) {
    var renderer = MigrationRenderer(
      parameters: parameters,
      dialect: dialect,
      capabilities: options.capabilities(over: dialect.assumedCapabilities)
    )
    if try migrations.contains(where: { try renderer.usesCapabilities($0) }) {
      renderer.capabilities = options.capabilities(over: Capability.of(try await connection.capabilities()))
    }
    return (try renderer.renderAll(migrations), renderer.capabilities)
  }

  func session(
    _ connection: PostgresConnection,
    monitor: ConnectionSettings? = nil,
    steps: (any MigrationStepRunner)? = nil,
    _ emit: @escaping @Sendable (MigrationEvent) -> Void = { _ in }
  ) -> MigrationSession {
    MigrationSession(
      connection: connection,
      monitor: monitor,
      history: history,
      options: options,
      emit: emit,
      steps: steps
    )
  }
}

extension MigratorOptions {
  func capabilities(over assumed: Set<Capability>) -> Set<Capability> {
    capabilities.reduce(into: assumed) { known, wanted in
      if wanted.value { known.insert(wanted.key) } else { known.remove(wanted.key) }
    }
  }
}

extension MigrationRenderer {
  /// Renders all; the errors of all files come together.
  func renderAll(_ migrations: [Migration]) throws -> [RenderedMigration] {
    var rendered: [RenderedMigration] = []
    var problems: [MigrationError] = []
    for migration in migrations {
      do {
        rendered.append(try render(migration))
      } catch let error as MigrationError {
        problems.append(error)
      }
    }
    guard problems.isEmpty else { throw MigrationErrors(errors: problems) }
    return rendered
  }
}

/// How a `Migrator` works; every field has the default that suits most.
public struct MigratorOptions: Sendable, Hashable {
  /// The history table; always with its schema, so that no `search_path` can move it.
  public var historyTable: QualifiedName = "public.adbvec_migrations"
  /// How the run keeps others out.
  public var lock: Lock = .automatic
  /// How long to wait for another run's lock, in milliseconds.
  public var lockWait = 60_000
  /// How long a statement of a transactional file may wait for a table's lock, in milliseconds; 0 for ever.
  public var lockTimeout = 5_000
  /// How often a file is tried when a lock was not obtained or a deadlock was broken.
  public var attempts = 5
  /// The pause before the second try, in milliseconds; it doubles each time.
  public var backOff = 500
  /// Whether pending versions below an applied one may run.
  public var allowOutOfOrder = false
  /// Whether edited files, other parameters and missing files are let pass.
  public var ignoreDrift = false
  /// Whether a way down may delete rows.
  public var deletesRows = false
  /// What to do with a statement that an earlier run sent outside a transaction, and of which nothing tells whether it
  /// has taken effect.
  public var inDoubt: InDoubt = .ask
  /// Capabilities that win over what the dialect and the server say, for `render`.
  public var capabilities: [Capability: Bool] = [:]

  /// The defaults.
  public init() {}

  /// What to do with a statement whose outcome is unknown.
  public enum InDoubt: String, Sendable, Hashable, CaseIterable {
    /// Stop with an error that names it.
    case ask
    /// Take it for done and go on behind it.
    case ran
    /// Send it again.
    case rerun
  }

  /// How a run keeps others out.
  public enum Lock: String, Sendable, Hashable {
    /// By a session's lock, or by a transaction's where a pooler stands between.
    case automatic
    /// By a lock that the session holds for the whole run.
    case session
    /// By a lock that each file's transaction holds: also behind a pooler in transaction mode.
    case transaction
    /// Not at all; the history's primary key still lets each version run once.
    case none
  }
}

/// The SQL of one migration, as `render` shows it.
public struct RenderedFile: Sendable, Hashable, Encodable {
  /// The version, or `R__name`.
  public var version: String
  /// The file's name behind the version.
  public var name: String
  /// The file.
  public var file: String
  /// The SQL of `-- migrate:up`, without the lines of `dataFiles`.
  public var up: String
  /// The SQL of `-- migrate:down`; nil when there is no such section.
  public var down: String?
  /// The values that it uses.
  public var parameters: [String: String]
  /// The statements of `up`, without comments before and between them.
  public var statements: [String]
  /// The data of large COPYs, which is left on the disk; nil where there is none.
  public var dataFiles: [DataOnDisk]?
  private let sections: [MigrationDirection: RenderedSection]

  private enum CodingKeys: String, CodingKey {
    case version, name, file, up, down, parameters, statements, dataFiles = "data_files"
  }

  init(_ migration: RenderedMigration) {
    version = migration.id.key
    name = migration.parsed.name
    file = migration.parsed.file.path
    up = migration.upSection.text.string
    down = migration.downSection?.text.string
    parameters = migration.parameters
    statements = migration.upSection.statementTexts
    let data = migration.parsed.file.data
    dataFiles = data.isEmpty ? nil : data.map(DataOnDisk.init)
    var sections = [MigrationDirection.up: migration.upSection]
    sections[.down] = migration.downSection
    self.sections = sections
  }

  /// Writes the SQL of a section in parts, the data of large COPYs included; nothing where there is no such section.
  /// - Throws: what `body` throws; `MigrationError` with code `unreadableFile` when the file changed since it was read.
  public func write(_ direction: MigrationDirection, _ body: (String) throws -> Void) throws {
    try sections[direction]?.forEachPart { try body(String(decoding: $0, as: UTF8.self)) }
  }
}

extension Migrator {
  /// The SQL of the files, without a server: the capabilities are those that the dialect is known for, unless
  /// `options.capabilities` says otherwise.
  /// - Parameter version: only this one.
  /// - Throws: `MigrationError` with code `unknownVersion`.
  public func render(version: String? = nil) throws -> [RenderedFile] {
    let wanted = try version.map { version in
      guard let found = assumed.first(where: { $0.id.isSame(as: MigrationID(key: version)) }) else {
        throw MigrationError(.unknownVersion, "no file has the version \(version)")
      }
      return [found]
    }
    return (wanted ?? assumed).map(RenderedFile.init)
  }
}

extension Migrator {
  /// Where every migration stands; reads, and never writes.
  public func status(on connection: PostgresConnection) async throws -> StatusReport {
    let session = session(connection)
    let state = try await session.readState()
    var statuses: [MigrationStatus] = []
    let files = try await rendered(for: connection, knowing: state.records)
    if let files { statuses = Planner(migrations: files.migrations, records: state.records).statuses() }
    // What to do about a difference depends on the ways down of other files.
    if files == nil || statuses.contains(where: { !$0.drift.isEmpty }) {
      let files = try await rendered(for: connection)
      statuses = Planner(migrations: files.migrations, records: state.records).statuses()
    }
    return StatusReport(
      migrations: statuses,
      invalidIndexes: try await session.invalidIndexes(),
      historyTable: history.sqlName
    )
  }

  /// What is wrong with the files by themselves: text that the server's scanner would refuse, statements that cannot
  /// run the way their section asks for. Empty when all is well.
  public func problems() -> [MigrationError] {
    assumed.flatMap { migration in
      SectionCheck(section: migration.upSection).errors()
        + (migration.downSection.map { SectionCheck(section: $0).errors() } ?? [])
    }
  }

  /// What is wrong with the files and with what the history says of them; empty when all is well.
  public func validate(on connection: PostgresConnection) async throws -> [MigrationError] {
    let files = try await rendered(for: connection)
    let state = try await session(connection).readState()
    let planner = Planner(migrations: files.migrations, records: state.records)
    return problems() + planner.statuses().flatMap(planner.driftErrors)
  }
}

extension Migrator {
  /// Waits until a server answers.
  /// - Parameter milliseconds: how long at most.
  /// - Throws: the last `PostgresError` when the time is over; at once when waiting cannot help, as with a wrong password.
  public static func wait(for settings: ConnectionSettings, milliseconds: Int) async throws {
    let deadline = ContinuousClock.now + .milliseconds(milliseconds)
    var pause = 50
    while true {
      do {
        let connection = try await PostgresConnection.connect(settings)
        try await connection.run(trusted: "SELECT 1")
        await connection.close()
        return
      } catch let error as PostgresError where error.mayPass && ContinuousClock.now < deadline {
        try await Task.sleep(for: .milliseconds(pause))
        pause = min(pause * 2, 1000)
      }
    }
  }
}

extension PostgresError {
  /// Whether a server that starts, or is not up yet, gives this error.
  fileprivate var mayPass: Bool {
    guard isConnectionProblem, code != .invalidSettings, code != .libraryMissing else { return false }
    // 57P03 is "starting up"; a refused password (28…) or an unknown database (3D000) stays.
    guard let sqlState else { return !message.contains("password") && !message.contains("does not exist") }
    return sqlState == "57P03" || sqlState.hasPrefix("08") || sqlState.hasPrefix("53")
  }
}

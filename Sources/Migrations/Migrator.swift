internal import PostgresClient

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

  /// Reads and checks files and parameters.
  /// - Throws: `MigrationErrors` or `MigrationError`, with the place in the file.
  public init(
    source: MigrationSource,
    parameters given: [String: String] = [:],
    dialect: MigrationDialect,
    options: MigratorOptions = MigratorOptions()
  ) throws {
    self.source = source
    self.dialect = dialect
    self.options = options
    history = HistoryTable(name: options.historyTable, dialect: dialect)
    migrations = try source.migrations()
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

  /// The files as they render for a server.
  func rendered(for connection: PostgresConnection) async throws -> [RenderedMigration] {
    guard dependsOnServer else { return assumed }
    return try renderer(for: try await connection.capabilities()).renderAll(migrations)
  }

  func renderer(for server: ServerCapabilities) -> MigrationRenderer {
    MigrationRenderer(
      parameters: parameters,
      dialect: dialect,
      capabilities: options.capabilities(over: Capability.of(server))
    )
  }

  func session(
    _ connection: PostgresConnection,
    monitor: ConnectionSettings? = nil,
    _ emit: @escaping @Sendable (MigrationEvent) -> Void = { _ in }
  ) -> MigrationSession {
    MigrationSession(connection: connection, monitor: monitor, history: history, options: options, emit: emit)
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

extension Capability {
  /// What a server can do.
  static func of(_ server: ServerCapabilities) -> Set<Capability> {
    var known: Set<Capability> = []
    if server.canDistribute { known.insert(.distribution) }
    if server.supportsConcurrentIndex { known.insert(.concurrentIndex) }
    if server.supportsIndexIfNotExists { known.insert(.indexIfNotExists) }
    if server.supportsOnConflict { known.insert(.onConflict) }
    if server.reportsIndexProgress { known.insert(.indexProgress) }
    if server.product == .citus { known.insert(.citus) }
    return known
  }
}

internal import PostgresClient
internal import VectorSQL

/// The kind of server that a set of migrations is written for; open, so that a project may have its own.
public struct MigrationDialect: RawRepresentable, Sendable, Hashable, CustomStringConvertible,
  ExpressibleByStringLiteral
{
  /// The name, as in `migrations/pgvector` and `[hnsw_m.pgvector]`.
  public let rawValue: String

  /// A dialect of that name.
  public init(rawValue: String) { self.rawValue = rawValue }

  /// A dialect of that name.
  public init(stringLiteral name: String) { rawValue = name }

  /// AnalyticDB for PostgreSQL: `real[]` and `ann` indexes.
  public static let analyticDB = MigrationDialect(rawValue: Dialect.analyticDB.name)
  /// PostgreSQL with pgvector.
  public static let pgvector = MigrationDialect(rawValue: Dialect.pgvector.name)

  /// The name.
  public var description: String { rawValue }

  /// The dialects that files for this one may name: those that are known, and this one.
  var namesBesideIt: [String] {
    var names = [Self.analyticDB.rawValue, Self.pgvector.rawValue]
    if !names.contains(rawValue) { names.append(rawValue) }
    return names
  }

  /// Bytes in a page, where nothing is said of the server.
  var usualPageSize: Int { self == .analyticDB ? 32_768 : 8192 }

  /// What a server of this dialect can do, for rendering without one.
  public var assumedCapabilities: Set<Capability> {
    Capability.of((Dialect.all.first { $0.name == rawValue } ?? .pgvector).capabilities)
  }
}

/// Something that one server can do and another cannot; sections of a template may depend on it.
public struct Capability: RawRepresentable, Sendable, Hashable, CustomStringConvertible {
  /// The name behind `{{#capability`.
  public let rawValue: String

  /// The capability of a known name; nil for others.
  public init?(rawValue: String) {
    guard Self.names.contains(rawValue) else { return nil }
    self.rawValue = rawValue
  }

  private init(_ name: String) { rawValue = name }

  /// `DISTRIBUTED BY (…)`.
  public static let distribution = Capability("distribution")
  /// `CREATE INDEX CONCURRENTLY`.
  public static let concurrentIndex = Capability("concurrent_index")
  /// `CREATE INDEX IF NOT EXISTS`.
  public static let indexIfNotExists = Capability("index_if_not_exists")
  /// `INSERT … ON CONFLICT`.
  public static let onConflict = Capability("on_conflict")
  /// `pg_stat_progress_create_index`.
  public static let indexProgress = Capability("index_progress")
  /// The Citus extension.
  public static let citus = Capability("citus")

  /// All names, for messages.
  public static let names = [
    "distribution", "concurrent_index", "index_if_not_exists", "on_conflict", "index_progress", "citus",
  ]

  /// The name.
  public var description: String { rawValue }
}

extension Capability {
  /// What a server can do.
  static func of(_ server: ServerCapabilities) -> Set<Capability> {
    var found = Capabilities()
    found.adopt(server)
    return of(found)
  }

  /// What a dialect knows as what migrations may ask for.
  static func of(_ found: Capabilities) -> Set<Capability> {
    var known: Set<Capability> = []
    if found.distributedBy { known.insert(.distribution) }
    if found.concurrently { known.insert(.concurrentIndex) }
    if found.indexIfNotExists { known.insert(.indexIfNotExists) }
    if found.onConflict { known.insert(.onConflict) }
    if found.progressViews { known.insert(.indexProgress) }
    if found.citus { known.insert(.citus) }
    return known
  }
}

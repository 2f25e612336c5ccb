/// What a server is and can do; read once per connection.
public struct ServerCapabilities: Sendable, Hashable {
  /// The product behind the PostgreSQL protocol; open, so that a new one breaks nobody's switch.
  public struct Product: Sendable, Hashable, CustomStringConvertible {
    /// The product's name for people.
    public let description: String

    /// Stock PostgreSQL, or a service that looks like it.
    public static let postgreSQL = Product(description: "PostgreSQL")
    /// AnalyticDB for PostgreSQL.
    public static let analyticDB = Product(description: "AnalyticDB for PostgreSQL")
    /// Greenplum Database.
    public static let greenplum = Product(description: "Greenplum")
    /// Apache Cloudberry.
    public static let cloudberry = Product(description: "Cloudberry")
    /// PostgreSQL with the Citus extension.
    public static let citus = Product(description: "Citus")
  }

  /// The product.
  public var product: Product
  /// The product's own version where it has one: `6.3.10.18` (AnalyticDB), `6.24.3` (Greenplum); else nil.
  public var productVersion: String?
  /// `server_version_num` of the PostgreSQL base: 180006, 90426.
  public var serverVersion: Int
  /// What `version()` prints.
  public var versionText: String
  /// Bytes in a page; the limit of a row with a PLAIN vector.
  public var blockSize: Int
  /// The version of pgvector in this database, nil without it.
  public var pgvectorVersion: String?
  /// The version of fastann in this database, nil without it.
  public var fastannVersion: String?
  /// Whether `ann` indexes on `real[]` can be made: the extension's operator class is there.
  public var hasAnnIndex: Bool
  /// Whether fastann here is adbvec's sandbox and not AnalyticDB's own.
  public var isSandbox: Bool
  /// Whether the session is a superuser's.
  public var isSuperuser: Bool

  /// Whether `DISTRIBUTED BY` is understood.
  public var canDistribute: Bool { [.analyticDB, .greenplum, .cloudberry].contains(product) }
  /// Whether `INSERT … ON CONFLICT` is understood (AnalyticDB 6.0 has it back-ported).
  public var supportsOnConflict: Bool { serverVersion >= 90500 || product == .analyticDB }
  /// Whether `CREATE INDEX IF NOT EXISTS` is understood.
  public var supportsIndexIfNotExists: Bool { serverVersion >= 90500 }
  /// Whether `CREATE INDEX CONCURRENTLY` works.
  public var supportsConcurrentIndex: Bool { product == .postgreSQL || product == .citus }
  /// Whether `pg_stat_progress_create_index` exists.
  public var reportsIndexProgress: Bool { serverVersion >= 120000 }
}

extension ServerCapabilities {
  /// Whether pgvector goes on searching until a filter is satisfied (`hnsw.iterative_scan`, pgvector 0.8.0).
  public var hasIterativeScan: Bool {
    guard let parts = pgvectorVersion?.split(separator: ".").compactMap({ Int($0) }), parts.count >= 2 else {
      return false
    }
    return (parts[0], parts[1]) >= (0, 8)
  }
}

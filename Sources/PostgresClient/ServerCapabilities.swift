internal import VectorSQL

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

extension PostgresConnection {
  /// What the server is; asked once, in one round trip, with SQL that a 9.4 base (Greenplum 6) understands.
  public func capabilities() async throws -> ServerCapabilities {
    if let knownCapabilities { return knownCapabilities }
    let row = try await query(Self.capabilityQuery)
    guard let row = row.first else {
      throw PostgresError(code: .unexpectedResult, message: "the server did not describe itself")
    }
    let known = try Self.capabilities(from: row, serverVersion: serverVersion)
    knownCapabilities = known
    return known
  }

  /// Forgets what is known, after something was installed or dropped.
  public func refreshCapabilities() async throws -> ServerCapabilities {
    knownCapabilities = nil
    return try await capabilities()
  }

  /// Every part is a lookup that finds nothing, rather than fails, where the thing is missing.
  private static let capabilityQuery = Statement(
    """
    SELECT version(),
           current_setting('block_size')::int4,
           (SELECT setting FROM pg_settings WHERE name = 'adbpg_version'),
           (SELECT extversion FROM pg_extension WHERE extname = 'vector'),
           (SELECT extversion FROM pg_extension WHERE extname = 'fastann'),
           EXISTS (SELECT 1 FROM pg_extension WHERE extname = 'citus'),
           EXISTS (SELECT 1 FROM pg_opclass o JOIN pg_am a ON a.oid = o.opcmethod
                   WHERE a.amname = 'ann' AND o.opcintype = 'real[]'::regtype),
           EXISTS (SELECT 1 FROM pg_proc WHERE proname = 'fastann_sandbox_version'),
           (SELECT rolsuper FROM pg_roles WHERE rolname = current_user)
    """
  )

  private static func capabilities(from row: Row, serverVersion: Int) throws -> ServerCapabilities {
    let (versionText, blockSize, adbpg, pgvector, fastann, citus, ann, sandbox, superuser) = try row.decode(
      String.self,
      Int.self,
      String?.self,
      String?.self,
      String?.self,
      Bool.self,
      Bool.self,
      Bool.self,
      Bool?.self
    )
    let identity = ProductIdentity(
      versionText: versionText,
      adbpgVersion: adbpg,
      hasCitus: citus,
      hasAnn: ann
    )
    return ServerCapabilities(
      product: identity.product,
      productVersion: identity.version,
      serverVersion: serverVersion,
      versionText: versionText,
      blockSize: blockSize,
      pgvectorVersion: pgvector,
      fastannVersion: fastann,
      hasAnnIndex: ann,
      isSandbox: sandbox,
      isSuperuser: superuser ?? false
    )
  }
}

/// Tells the products apart by what they say of themselves (`version()` and `adbpg_version`).
struct ProductIdentity: Hashable {
  var product: ServerCapabilities.Product
  var version: String?

  init(versionText: String, adbpgVersion: String?, hasCitus: Bool, hasAnn: Bool) {
    let greenplum = Self.version(after: "Greenplum Database ", in: versionText)
    if let adbpgVersion {
      (product, version) = (.analyticDB, adbpgVersion)
    } else if let cloudberry = Self.version(after: "Cloudberry ", in: versionText) {
      (product, version) = (.cloudberry, cloudberry)
    } else if let greenplum {
      // AnalyticDB prints Greenplum's name; only it has `ann` beside it.
      (product, version) = (hasAnn ? .analyticDB : .greenplum, hasAnn ? nil : greenplum)
    } else {
      (product, version) = (hasCitus ? .citus : .postgreSQL, nil)
    }
  }

  private static func version(after marker: String, in text: String) -> String? {
    guard let start = text.firstRange(of: marker)?.upperBound else { return nil }
    return String(text[start...].prefix { $0 != " " && $0 != ")" })
  }
}

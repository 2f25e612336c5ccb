public import VectorSQL

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
  /// The extensions that are installed in this database, by name.
  public var extensions: [String: Extension] = [:]
  /// Whether `ann` indexes on `real[]` can be made: the extension's operator class is there.
  public var hasAnnIndex: Bool
  /// Whether fastann here is adbvec's sandbox and not AnalyticDB's own.
  public var isSandbox: Bool
  /// Whether the session is a superuser's.
  public var isSuperuser: Bool
  /// Whether the session may create schemas and trusted extensions in this database.
  public var canCreateInDatabase = true
  /// Whether the server is a standby, which refuses every write.
  public var isStandby = false
  /// Whether a pooler such as PgBouncer stands between, so that the next transaction may run in another server session:
  /// the process that answers is not the one that the protocol announced. A pooler in session mode counts as one.
  public var isPooled = false
  /// Which node of a cluster the session is on.
  public var node = Node.entry

  /// An installed extension.
  public struct Extension: Sendable, Hashable {
    /// The version, such as `0.8.1`.
    public var version: String
    /// The schema that holds its types, operators and functions.
    public var schema: Identifier
    /// Whether that schema is on this session's search path, so that names need no schema.
    public var isOnSearchPath: Bool

    /// An extension as the catalogue describes it.
    public init(version: String, schema: Identifier, isOnSearchPath: Bool = true) {
      self.version = version
      self.schema = schema
      self.isOnSearchPath = isOnSearchPath
    }
  }

  /// What is known before anything else was asked: a stock server without extensions.
  public init(
    product: Product = .postgreSQL,
    productVersion: String? = nil,
    serverVersion: Int,
    versionText: String,
    blockSize: Int = 8192,
    hasAnnIndex: Bool = false,
    isSandbox: Bool = false,
    isSuperuser: Bool = false
  ) {
    self.product = product
    self.productVersion = productVersion
    self.serverVersion = serverVersion
    self.versionText = versionText
    self.blockSize = blockSize
    self.hasAnnIndex = hasAnnIndex
    self.isSandbox = isSandbox
    self.isSuperuser = isSuperuser
  }

  /// The version of pgvector in this database, nil without it.
  public var pgvectorVersion: String? { extensions["vector"]?.version }
  /// The version of fastann in this database, nil without it.
  public var fastannVersion: String? { extensions["fastann"]?.version }

  /// The schema that an extension's types, operators and functions must be qualified with; nil where its schema is on
  /// the search path, or the extension is not installed.
  public func qualifier(of name: String) -> Identifier? {
    extensions[name].flatMap { $0.isOnSearchPath ? nil : $0.schema }
  }

  /// Whether `DISTRIBUTED BY` is understood.
  public var canDistribute: Bool { engine.placement == .clause }
  /// Whether rows lie on several nodes.
  public var isDistributed: Bool { engine.placement != .none }
  /// Whether `synchronous_commit = off` is safe: with two-phase commit a crash would leave some nodes with a
  /// transaction and others without it.
  public var allowsAsynchronousCommit: Bool { !engine.commitsInTwoPhases }
  /// Whether `INSERT … ON CONFLICT` is understood (AnalyticDB 6.0 has it back-ported).
  public var supportsOnConflict: Bool { serverVersion >= 90500 || product == .analyticDB }
  /// Whether `CREATE INDEX IF NOT EXISTS` is understood.
  public var supportsIndexIfNotExists: Bool { serverVersion >= 90500 }
  /// Whether `CREATE EXTENSION … CASCADE` is understood.
  public var supportsExtensionCascade: Bool { serverVersion >= 90600 || product == .analyticDB }
  /// Whether `CREATE INDEX CONCURRENTLY` works.
  public var supportsConcurrentIndex: Bool { engine.buildsConcurrently }
  /// Whether `pg_stat_progress_create_index` exists.
  public var reportsIndexProgress: Bool { serverVersion >= 120000 }
  /// Whether pgvector continues a scan until a filter is satisfied (`hnsw.iterative_scan`, pgvector 0.8.0).
  public var hasIterativeScan: Bool { isPgvector(atLeast: [0, 8]) }

  /// Whether pgvector is installed in that version or a later one.
  public func isPgvector(atLeast version: [Int]) -> Bool {
    pgvectorVersion.map { Self.isVersion($0, atLeast: version) } ?? false
  }

  /// Whether a version such as `0.8.1` is that one or a later one; what is not a number counts as 0.
  public static func isVersion(_ text: String, atLeast version: [Int]) -> Bool {
    let parts = text.split(separator: ".").map { Int($0.prefix { $0.isNumber }) ?? 0 }
    return !parts.lexicographicallyPrecedes(version)
  }
}

extension Capabilities {
  /// Takes over what a server was found to be able to do.
  package mutating func adopt(_ server: ServerCapabilities) {
    distributedBy = server.canDistribute
    citus = server.engine.placement == .function
    onConflict = server.supportsOnConflict
    indexIfNotExists = server.supportsIndexIfNotExists
    iterativeScan = server.hasIterativeScan
    concurrently = server.supportsConcurrentIndex
    progressViews = server.reportsIndexProgress
    materializedCTE = server.serverVersion >= 120_000
    lateral = server.engine.servesLateral
    withTies = server.serverVersion >= 130_000 && server.engine.knowsTies
    externalStorage = server.productVersion?.hasPrefix("6.") == true && server.canDistribute
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
    var known = try capabilities(from: row)
    if known.engine.placement == .function { known.node = try await citusNode() }
    knownCapabilities = known
    isPooled = known.isPooled
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
           ARRAY(SELECT name || '=' || setting FROM pg_settings
                 WHERE name IN ('adbpg_version', 'gp_session_role', 'gp_role')),
           ARRAY(SELECT unnest(ARRAY[e.extname::text, e.extversion, n.nspname::text,
                                     (n.nspname = ANY (current_schemas(true)))::text])
                 FROM pg_extension e JOIN pg_namespace n ON n.oid = e.extnamespace),
           EXISTS (SELECT 1 FROM pg_am a WHERE a.amname = 'ann'
                   AND EXISTS (SELECT 1 FROM pg_opclass o WHERE o.opcmethod = a.oid AND o.opcintype = 'real[]'::regtype)),
           EXISTS (SELECT 1 FROM pg_proc WHERE proname = 'fastann_sandbox_version'),
           current_setting('is_superuser') = 'on',
           has_database_privilege(current_database(), 'CREATE'),
           pg_is_in_recovery(),
           pg_backend_pid()
    """
  )

  /// Which node of a Citus cluster this is; a database with the extension alone is its own coordinator.
  private func citusNode() async throws -> ServerCapabilities.Node {
    let rows = try await query(
      """
      SELECT groupid = 0,
             (SELECT nodename || ':' || nodeport FROM pg_catalog.pg_dist_node
              WHERE groupid = 0 AND noderole = 'primary' LIMIT 1)
      FROM pg_catalog.pg_dist_local_group
      """
    )
    guard let (isCoordinator, coordinator) = try rows.first?.decode(Bool.self, String?.self), !isCoordinator
    else { return .entry }
    return .worker(coordinator: coordinator)
  }

  private func capabilities(from row: Row) throws -> ServerCapabilities {
    let (text, blockSize, settings, extensions, ann, sandbox, superuser, create, standby, pid) =
      try row.decode(
        String.self,
        Int.self,
        [String].self,
        [String].self,
        Bool.self,
        Bool.self,
        Bool.self,
        Bool.self,
        Bool.self,
        Int32.self
      )
    let known = try Self.extensions(extensions)
    let identity = ProductIdentity(
      versionText: text,
      // The sandbox answers SHOW adbpg_version, too.
      adbpgVersion: sandbox
        ? nil
        : settings.first { $0.hasPrefix("adbpg_version=") }.map {
          String($0.drop { $0 != "=" }.dropFirst())
        },
      hasCitus: known["citus"] != nil,
      hasAnn: ann
    )
    var server = ServerCapabilities(
      product: identity.product,
      productVersion: identity.version,
      serverVersion: serverVersion,
      versionText: text,
      blockSize: blockSize,
      hasAnnIndex: ann,
      isSandbox: sandbox,
      isSuperuser: superuser
    )
    server.extensions = known
    server.canCreateInDatabase = create
    server.isStandby = standby
    server.isPooled = pid != backendPID
    if settings.contains(where: { ["gp_session_role=utility", "gp_role=utility"].contains($0) }) {
      server.node = .utility
    }
    return server
  }

  /// Four texts per extension: name, version, schema, and whether the schema is on the search path.
  private static func extensions(_ texts: [String]) throws -> [String: ServerCapabilities.Extension] {
    var known: [String: ServerCapabilities.Extension] = [:]
    for start in stride(from: 0, to: texts.count - texts.count % 4, by: 4) {
      known[texts[start]] = ServerCapabilities.Extension(
        version: texts[start + 1],
        schema: try Identifier(validating: texts[start + 2]),
        isOnSearchPath: texts[start + 3] == "true"
      )
    }
    return known
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

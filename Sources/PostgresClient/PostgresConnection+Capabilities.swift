internal import VectorSQL

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

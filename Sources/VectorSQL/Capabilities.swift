/// What a server can do beyond its dialect's common ground; read from the connection, or assumed by the dialect.
public struct Capabilities: Sendable, Hashable {
  /// `DISTRIBUTED BY` in `CREATE TABLE` (AnalyticDB, Greenplum, Cloudberry).
  public var distributedBy: Bool
  /// `create_distributed_table` (Citus).
  public var citus: Bool
  /// `INSERT … ON CONFLICT`.
  public var onConflict: Bool
  /// `CREATE INDEX IF NOT EXISTS`.
  public var indexIfNotExists: Bool
  /// `CREATE INDEX CONCURRENTLY`.
  public var concurrently: Bool
  /// `WITH x AS MATERIALIZED` (PostgreSQL 12 and later).
  public var materializedCTE: Bool
  /// `LATERAL` joins whose inner side an index can serve.
  public var lateral: Bool
  /// pgvector's iterative scans (0.8.0 and later).
  public var iterativeScan: Bool
  /// The `external_storage` option of `ann` (AnalyticDB 6.0; 7.0 refuses it).
  public var externalStorage: Bool
  /// Progress views such as `pg_stat_progress_create_index` (PostgreSQL 12 and later).
  public var progressViews: Bool
  /// `OFFSET` behind a search that an index serves.
  public var searchOffset: Bool
  /// A sort key behind the distance in a search that an index serves.
  public var secondSortKey: Bool

  /// Capabilities by name; what is not given is absent.
  public init(
    distributedBy: Bool = false,
    citus: Bool = false,
    onConflict: Bool = false,
    indexIfNotExists: Bool = false,
    concurrently: Bool = false,
    materializedCTE: Bool = false,
    lateral: Bool = false,
    iterativeScan: Bool = false,
    externalStorage: Bool = false,
    progressViews: Bool = false,
    searchOffset: Bool = false,
    secondSortKey: Bool = false
  ) {
    self.distributedBy = distributedBy
    self.citus = citus
    self.onConflict = onConflict
    self.indexIfNotExists = indexIfNotExists
    self.concurrently = concurrently
    self.materializedCTE = materializedCTE
    self.lateral = lateral
    self.iterativeScan = iterativeScan
    self.externalStorage = externalStorage
    self.progressViews = progressViews
    self.searchOffset = searchOffset
    self.secondSortKey = secondSortKey
  }
}

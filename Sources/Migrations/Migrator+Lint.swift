/// What lint takes a server to be, beyond the dialect.
public struct LintTarget: Sendable, Hashable {
  /// Bytes in a page: 8192 for PostgreSQL as it comes, 32768 for Greenplum and AnalyticDB.
  public var pageSize: Int?
  /// AnalyticDB's major version, 6 or 7; nil lets pass what either knows.
  public var productVersion: Int?

  /// The dialect's usual server.
  public init(pageSize: Int? = nil, productVersion: Int? = nil) {
    self.pageSize = pageSize
    self.productVersion = productVersion
  }
}

extension Migrator {
  /// Finds in the files what locks or breaks a production database, and what is wrong with vectors and their indexes;
  /// asks no server. `-- lint:ignore D001 reason` in a file hides a rule there.
  public func lint(_ target: LintTarget = LintTarget()) -> [LintFinding] {
    var linter = Linter(
      dialect: dialect,
      capabilities: options.capabilities(over: dialect.assumedCapabilities),
      parameters: parameters,
      pageSize: target.pageSize ?? (dialect == .analyticDB ? 32_768 : 8192),
      productVersion: target.productVersion
    )
    return assumed.flatMap { linter.lint($0) }
  }
}

/// A NOTICE, WARNING, INFO … that the server sent beside its answer.
public struct PostgresNotice: Sendable, Hashable {
  /// `NOTICE`, `WARNING` …
  public let severity: String
  /// Five characters, opaque.
  public let sqlState: String?
  /// The primary message.
  public let message: String
  /// The server's DETAIL line.
  public let detail: String?
  /// The server's HINT line.
  public let hint: String?
}

public import VectorSQL

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
  /// How often a file is tried when a lock is not to be had or a deadlock was broken.
  public var attempts = 5
  /// The pause before the second try, in milliseconds; it doubles each time.
  public var backOff = 500
  /// Whether pending versions below an applied one may run.
  public var allowOutOfOrder = false
  /// Whether edited files, other parameters and missing files are let pass.
  public var ignoreDrift = false
  /// Capabilities that win over what the dialect and the server say, for `render`.
  public var capabilities: [Capability: Bool] = [:]

  /// The defaults.
  public init() {}

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

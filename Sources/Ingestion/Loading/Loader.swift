internal import Basics
internal import ImageSources
public import PostgresClient

/// Loads rows into a table: checks first, writes in batches that commit with a record of themselves, and can go on
/// after any stop.
public struct Loader: Sendable {
  /// How to reach the server.
  public var settings: ConnectionSettings
  /// Where the rows go.
  public var target: LoadTarget
  /// How they are written.
  public var options: LoadOptions

  /// A loader.
  public init(settings: ConnectionSettings, target: LoadTarget, options: LoadOptions = LoadOptions()) {
    self.settings = settings
    self.target = target
    self.options = options
  }

  /// Loads a source.
  ///
  /// - Parameter onEvent: told what happens; called from several threads, never at the same time.
  /// - Throws: `LoadError`, `CollectionError` or `PostgresError` when a check failed and nothing was written;
  ///   `LoadInterruption` when it stopped later, with what is committed; `CancellationError` before that.
  public func run(
    _ source: any BatchSource,
    onEvent: @escaping @Sendable (LoadEvent) -> Void = { _ in }
  ) async throws -> LoadReport {
    // The source is looked through while the server is asked about the table.
    let fingerprint = Task { try await source.fingerprint() }
    let connection = try await PostgresConnection.connect(settings)
    let turn = StateLock(())
    let job = LoadJob(settings: settings, target: target, options: options, source: source) { event in
      turn.withLock { _ in onEvent(event) }
    }
    let run = LoadRun(job: job, fingerprint: fingerprint, connection: connection)
    do {
      let report = try await run.perform()
      await connection.close()
      return report
    } catch {
      await connection.close()
      throw error
    }
  }
}

/// What is loaded, where it goes and how, and who is told of it: the same for every part of a run.
struct LoadJob: Sendable {
  /// How to reach the server.
  let settings: ConnectionSettings
  let target: LoadTarget
  let options: LoadOptions
  let source: any BatchSource
  let onEvent: @Sendable (LoadEvent) -> Void
}

/// A load that stopped after it had begun.
public struct LoadInterruption: Error, CustomStringConvertible {
  /// Why.
  public let cause: any Error
  /// What is committed, by this run and the ones it went on from.
  public let counts: LoadCounts
  /// Whether `--resume` goes on from here.
  public let isResumable: Bool
  /// The unique indexes on the id, by which rows that are there can be told.
  let idConstraints: Set<String>
  /// Whether the source may change before the load goes on: images are followed one by one.
  let followsChanges: Bool
  /// How the load is continued.
  let resumeAdvice: String

  /// The cause, what is committed and how to go on, on one line.
  public var description: String {
    let reason = cause is CancellationError ? "stopped" : "\(cause)"
    // A server that crashed may have lost its last commits.
    let isLost = (cause as? PostgresError)?.isConnectionProblem ?? false
    let rows = counts.loaded == 1 ? "1 row is committed" : "\(counts.loaded) rows are committed"
    return "\(reason) (\(isLost ? "at most " : "")\(rows)\(advice))"
  }

  private var advice: String {
    guard isResumable else { return "" }
    switch cause {
    case let error as LoadError where [.resume, .locked].contains(error.code): return ""
    case let error as LoadError where error.code == .row && followsChanges:
      return "; \(resumeAdvice) when that is corrected"
    case is CollectionError where !followsChanges, is LoadError where !followsChanges:
      // The source has to change before the load can come to its end.
      return startOver
    case let error as PostgresError where error.isConflict(on: idConstraints) && !followsChanges:
      return
        "; --resume --on-conflict skip goes on and leaves rows that are there as they are, update replaces them"
    case let error as PostgresError where error.refusesRow && !followsChanges:
      return "; correct the table and go on with --resume, or\(startOver.dropFirst())"
    case let error as PostgresError where error.refusesRow || error.refusesStatement:
      return "; \(resumeAdvice) when that is corrected"
    default: return "; \(resumeAdvice)"
    }
  }

  private var startOver: String {
    counts.loaded == 0
      ? "; correct the source, then load it with --restart"
      : idConstraints.isEmpty
        ? "; correct the source, add a unique index on the id, then load it with --restart --on-conflict skip"
        : "; correct the source, then load it with --restart --on-conflict skip"
  }
}

extension PostgresError {
  /// Whether a row has a key of one of these constraints that is taken. Citus and Greenplum 6 name the constraint in the
  /// message alone, and Citus with the shard's number behind it.
  fileprivate func isConflict(on constraints: Set<String>) -> Bool {
    guard sqlState == "23505" else { return false }
    if let constraintName { return constraints.contains(constraintName) }
    let parts = message.split(separator: "\"", omittingEmptySubsequences: false)
    guard parts.count > 2 else { return false }
    return constraints.contains { name in
      guard parts[1].hasPrefix(name) else { return false }
      let rest = parts[1].dropFirst(name.count)
      return rest.isEmpty || rest.first == "_" && rest.dropFirst().allSatisfy(\.isNumber)
    }
  }

  /// Whether a value, a constraint or a trigger is in the way: trying again changes nothing.
  fileprivate var refusesRow: Bool {
    ["22", "23", "44"].contains(sqlState?.prefix(2)) || sqlState == "P0001"
  }

  /// Whether the statement itself is refused: a right that is missing, a column that is gone.
  fileprivate var refusesStatement: Bool { ["42", "0A"].contains(sqlState?.prefix(2)) }
}

/// Why a load was refused or stopped: one line, what and where and what to do.
///
/// Never holds a vector, a class or a bound value.
public struct LoadError: Error, Sendable, Hashable, CustomStringConvertible {
  /// The kind of failure; open, so that a new kind breaks nobody's switch.
  public struct Code: Sendable, Hashable, CustomStringConvertible {
    /// The code's name, as it is written here.
    public let description: String

    /// The table does not fit: missing, a column of another type, another dimension.
    public static let table = Code(description: "table")
    /// A row of the source cannot be loaded.
    public static let row = Code(description: "row")
    /// An option does not fit the server or the table.
    public static let option = Code(description: "option")
    /// Going on is refused: the source, the model or the table is another than before.
    public static let resume = Code(description: "resume")
    /// Another run loads the same source into the same table.
    public static let locked = Code(description: "locked")
    /// An image cannot be read and the load is strict.
    public static let image = Code(description: "image")
    /// The extractor failed on an image that was read.
    public static let features = Code(description: "features")
  }

  /// The kind of failure.
  public let code: Code
  /// The line.
  public let description: String

  /// An error of a kind.
  public init(_ code: Code, _ description: String) {
    self.code = code
    self.description = description
  }
}

extension LoadError: ReportedError {
  /// As JSON output shows it.
  package var reportedCode: String { snakeCase(code.description) }
}

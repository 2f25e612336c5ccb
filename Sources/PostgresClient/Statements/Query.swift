internal import CLibpq
internal import Dispatch
public import VectorSQL

extension PostgresConnection {
  /// Runs one statement: binary parameters, binary results.
  ///
  /// - Parameter prepared: keeps a server-side prepared statement for this text, so that repeating it costs neither
  ///   parsing nor, after a few times, planning. Behind a pooler, which may answer from another server session, the
  ///   statement is parsed each time instead. Settings that the statement needs hold for it alone.
  /// - Throws: `PostgresError`; `CancellationError` when the task was cancelled.
  @discardableResult
  public func query(_ statement: Statement, prepared: Bool = false) async throws -> RowSet {
    guard statement.settings.isEmpty else {
      return try await queryWithSettings(statement, prepared: prepared)
    }
    return try await query(
      trusted: statement.text,
      parameters: ParameterList(statement.binds),
      prepared: prepared
    )
  }

  /// Runs SQL that reads alike in every dialect: text, names, and values that are not vectors; as `query(_:prepared:)`.
  @discardableResult
  package func query(sql: SQL, prepared: Bool = false) async throws -> RowSet {
    try await query(try sql.rendered(), prepared: prepared)
  }

  /// Runs a literal statement with parameters that are encoded already; as `query(_:prepared:)`.
  @discardableResult
  public func query(
    _ text: StaticString,
    parameters: ParameterList,
    prepared: Bool = false
  ) async throws -> RowSet {
    try await query(trusted: text.description, parameters: parameters, prepared: prepared)
  }

  /// Runs text that the caller vouches for, with parameters that are encoded already; as `query(_:prepared:)`.
  @discardableResult
  public func query(
    trusted text: String,
    parameters: ParameterList,
    prepared: Bool = false
  ) async throws -> RowSet {
    let prepares = prepared ? try await keepsSession() : false
    return try await cancellable {
      let handle = try openHandle()
      guard prepares else { return RowSet(storage: try accept(exec(text, parameters, handle), handle)) }
      do {
        return RowSet(storage: try accept(execPrepared(text, parameters, handle), handle))
      } catch let error as PostgresError where canPrepareAgain(after: error) {
        forget(text, parameters.types, handle)
        return RowSet(storage: try accept(execPrepared(text, parameters, handle), handle))
      }
    }
  }

  /// Runs literal SQL as one simple-protocol message: several statements in it are one implicit transaction, and COPY
  /// is refused.
  /// - Returns: one answer per statement; values are text.
  /// - Throws: `PostgresError` of the first statement that fails; `CancellationError` when the task was cancelled.
  @discardableResult
  public func run(_ script: StaticString) async throws -> [CommandResult] {
    try await run(trusted: script.description)
  }

  /// Runs SQL text that the caller vouches for; as `run(_:)`.
  ///
  /// Nothing in the text is bound: a value belongs in a `Statement` made from a `SQL` literal, and an identifier in
  /// `Identifier.quoted`.
  @discardableResult
  public func run(trusted script: String) async throws -> [CommandResult] {
    try await cancellable {
      let handle = try openHandle()
      try Self.checkText(script)
      guard PQsendQuery(handle, script) == 1 else { throw PostgresError(result: nil, connection: handle) }
      return try collectResults(handle)
    }
  }

  /// Prepares a statement that the caller vouches for, so that `query(trusted:parameters:prepared:)` and pipelines
  /// execute it by its name. Behind a pooler nothing is prepared, and the statement is parsed at each use.
  /// - Parameter types: object ids of the parameters' types; 0 leaves one to the server.
  public func prepare(trusted text: String, types: [UInt32]) async throws {
    guard try await keepsSession() else { return }
    try await cancellable {
      _ = try preparedName(of: text, types, try openHandle())
    }
  }

  /// Whether all statements reach the same server session, so that what one leaves there is found by the next. Asked
  /// once: one round trip on the first prepared statement unless the capabilities were read before.
  private func keepsSession() async throws -> Bool {
    if let known = isPooled { return !known }
    let rows = try await query(Statement("SELECT pg_backend_pid()"))
    let actual = try rows.first?.value(at: 0, as: Int32.self)
    isPooled = actual != backendPID
    return actual == backendPID
  }

  private func exec(_ text: String, _ parameters: ParameterList, _ handle: OpaquePointer) throws
    -> OpaquePointer?
  {
    try Self.checkText(text)
    return try parameters.withPointers { values, lengths, formats in
      PQexecParams(handle, text, Int32(parameters.count), parameters.types, values, lengths, formats, 1)
    }
  }

  private func execPrepared(
    _ text: String,
    _ parameters: ParameterList,
    _ handle: OpaquePointer
  ) throws -> OpaquePointer? {
    let name = try preparedName(of: text, parameters.types, handle)
    return try parameters.withPointers { values, lengths, formats in
      PQexecPrepared(handle, name, Int32(parameters.count), values, lengths, formats, 1)
    }
  }

  /// The server-side name of a statement, prepared now when it is new to this connection.
  func preparedName(of text: String, _ types: [UInt32], _ handle: OpaquePointer) throws -> String {
    let key = PreparedKey(text: text, types: types)
    if let known = statements.name(key) { return known }
    try Self.checkText(text)
    if let old = statements.evict() { deallocate(old, handle) }
    let name = statements.freshName()
    _ = try accept(PQprepare(handle, name, text, Int32(types.count), types), handle)
    statements.insert(key, name: name)
    return name
  }

  /// A prepared statement can be gone (26000: DISCARD ALL, a pooler), or give other columns than before (0A000: DDL).
  /// Inside a transaction it is too late: the failure has ended it.
  private func canPrepareAgain(after error: PostgresError) -> Bool {
    transactionStatus == .idle && ["26000", "0A000"].contains(error.sqlState)
  }

  private func forget(_ text: String, _ types: [UInt32], _ handle: OpaquePointer) {
    if let name = statements.remove(PreparedKey(text: text, types: types)) { deallocate(name, handle) }
  }

  private func deallocate(_ name: String, _ handle: OpaquePointer) {
    // In a failed transaction this fails, too; the name is never used again either way.
    PQclear(PQexec(handle, "DEALLOCATE \(name)"))
  }

  /// libpq takes texts up to the first NUL; what follows would be dropped in silence.
  static func checkText(_ text: String) throws {
    guard !text.utf8.contains(0) else {
      throw PostgresError(code: .encoding, message: "the SQL text holds a NUL character")
    }
  }
}

extension PostgresConnection {
  /// Takes a result over, or throws what the server said in its place.
  func accept(_ result: OpaquePointer?, _ handle: OpaquePointer) throws -> ResultStorage {
    guard let result else { throw PostgresError(result: nil, connection: handle) }
    let storage = ResultStorage(result)
    switch PQresultStatus(result) {
    case PGRES_TUPLES_OK, PGRES_COMMAND_OK, PGRES_EMPTY_QUERY, PGRES_SINGLE_TUPLE:
      return storage
    case PGRES_COPY_IN, PGRES_COPY_OUT, PGRES_COPY_BOTH:
      try leaveCopy(handle)
      throw PostgresError(
        code: .unexpectedResult,
        message: "the statement is a COPY; it needs the copy functions"
      )
    default:
      throw PostgresError(result: result, connection: handle)
    }
  }

  /// Reads every answer of a script; the first failure wins over everything else.
  func collectResults(_ handle: OpaquePointer) throws -> [CommandResult] {
    var answers: [CommandResult] = []
    var failure: (any Error)?
    while let result = PQgetResult(handle) {
      do {
        answers.append(CommandResult(try accept(result, handle)))
      } catch {
        failure = failure ?? error
        if PQstatus(handle) == CONNECTION_BAD { break }
      }
    }
    if let failure { throw failure }
    return answers
  }

  /// Reads results until there are no more; the first failure wins over everything else.
  func lastResult(_ handle: OpaquePointer) throws -> ResultStorage {
    var last: ResultStorage?
    var failure: (any Error)?
    while let result = PQgetResult(handle) {
      do {
        last = try accept(result, handle)
      } catch {
        failure = failure ?? error
        if PQstatus(handle) == CONNECTION_BAD { break }
      }
    }
    if let failure { throw failure }
    guard let last else { throw PostgresError(result: nil, connection: handle) }
    return last
  }

  /// Ends a COPY that nobody asked for, so that the connection stays usable.
  private func leaveCopy(_ handle: OpaquePointer) throws {
    _ = PQputCopyEnd(handle, "not expected")
    var row: UnsafeMutablePointer<CChar>?
    while PQgetCopyData(handle, &row, 0) > 0 { PQfreemem(row) }
    while let rest = PQgetResult(handle) { PQclear(rest) }
  }

  /// Calls `body`. A closure that does not mention the actor would leave it, and block a thread of the cooperative pool;
  /// calling this method is what keeps it here.
  private func onThisThread<Value>(_ body: () throws -> Value) rethrows -> Value {
    try body()
  }

  /// Runs a blocking call so that cancelling the task cancels the statement on the server. A request that is still on
  /// its way is waited for, because it would hit the connection's next statement.
  func cancellable<Value: Sendable>(_ body: () throws -> Value) async throws -> Value {
    try Task.checkCancellation()
    let finished = DispatchSemaphore(value: 0)
    do {
      return try await withTaskCancellationHandler {
        try onThisThread {
          defer {
            finished.signal()
            settleCancellation()
          }
          return try body()
        }
      } onCancel: {
        cancel(until: finished)
      }
    } catch let error as PostgresError where error.sqlState == "57014" && Task.isCancelled {
      throw CancellationError()
    }
  }
}

/// What a prepared statement is known by: its text and the types of its parameters.
struct PreparedKey: Hashable, Sendable {
  let text: String
  let types: [UInt32]
}

/// The statements that a connection has prepared, the ones used least lately given up first.
struct StatementCache: Sendable {
  private var names: [PreparedKey: String] = [:]
  private var lastUse: [PreparedKey: Int] = [:]
  private var clock = 0
  private let limit: Int

  init(limit: Int = 256) {
    self.limit = limit
  }

  /// The server-side name of a statement that is prepared.
  mutating func name(_ key: PreparedKey) -> String? {
    guard let name = names[key] else { return nil }
    clock += 1
    lastUse[key] = clock
    return name
  }

  /// Names by key, for senders that must not change the cache.
  var all: [PreparedKey: String] { names }

  /// A name for a new statement; nobody had it before.
  mutating func freshName() -> String {
    clock += 1
    return "adbvec_\(clock)"
  }

  mutating func insert(_ key: PreparedKey, name: String) {
    names[key] = name
    lastUse[key] = clock
  }

  /// Takes out the statement to give up for a new one; nil below the limit.
  mutating func evict() -> String? {
    guard names.count >= limit, let oldest = lastUse.min(by: { $0.value < $1.value })?.key else { return nil }
    lastUse[oldest] = nil
    return names.removeValue(forKey: oldest)
  }

  mutating func remove(_ key: PreparedKey) -> String? {
    lastUse[key] = nil
    return names.removeValue(forKey: key)
  }

}

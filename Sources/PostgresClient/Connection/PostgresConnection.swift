package import Basics
internal import CLibpq
internal import Dispatch
import Glibc

/// One connection to a server.
///
/// An actor whose jobs run on a thread of its own: libpq's calls may block there as long as they like.
/// Cancelling the task that waits for a statement cancels the statement on the server.
public actor PostgresConnection {
  let executor: ThreadExecutor
  private let relay = NoticeRelay()
  /// Cleared by `close`.
  private var handle: ConnectionHandle?
  private let session: Session

  /// What is known from the moment of connecting and never changes.
  struct Session: Sendable {
    let backendPID: Int32
    let serverVersion: Int
    let address: String
    let cancel: CancelHandle
    let socket: SocketGuard
  }

  /// Capabilities and prepared statements, filled on first use.
  var knownCapabilities: ServerCapabilities?
  /// Whether a pooler stands between; nil until it was asked.
  var isPooled: Bool?
  var statements = StatementCache()
  var savepointDepth = 0
  var notifications = NotificationRelay()

  /// The thread that isolates this actor.
  public nonisolated var unownedExecutor: UnownedSerialExecutor {
    executor.asUnownedSerialExecutor()
  }

  private init(handle: ConnectionHandle, session: Session, executor: ThreadExecutor) {
    self.handle = handle
    self.session = session
    self.executor = executor
    relay.attach(to: handle.pointer)
  }

  /// Opens a connection.
  /// - Throws: `PostgresError` with code `libraryMissing`, `invalidSettings` or `connectionFailed`.
  public static func connect(_ settings: ConnectionSettings) async throws -> PostgresConnection {
    try await connect(settings, on: ThreadExecutor())
  }

  /// Opens a connection whose calls block a given thread: an actor that runs there, too, uses it without changing
  /// threads.
  package static func connect(
    _ settings: ConnectionSettings,
    on executor: ThreadExecutor
  ) async throws -> PostgresConnection {
    let opener = ConnectionOpener(executor: executor)
    let (handle, session) = try await opener.open(settings)
    return PostgresConnection(handle: handle, session: session, executor: executor)
  }

  /// Begins to open libpq, which takes some milliseconds, on a thread of its own; what is wrong with it is said by the first
  /// connection.
  package nonisolated static func openLibraryAhead() { adbvec_libpq_open_ahead() }

  /// Opens libpq.
  /// - Throws: `PostgresError` with code `libraryMissing`.
  nonisolated static func openLibrary() throws(PostgresError) {
    guard let problem = adbvec_libpq_problem() else { return }
    throw PostgresError(code: .libraryMissing, message: String(cString: problem))
  }

  /// The process id of the server's backend.
  public nonisolated var backendPID: Int32 { session.backendPID }

  /// `server_version_num`: 180006 for 18.6, 90426 for 9.4.26.
  public nonisolated var serverVersion: Int { session.serverVersion }

  /// Host, port, user and database for people; no password.
  public nonisolated var address: String { session.address }

  /// Asks the server to cancel the running statement and returns at once; safe from any thread, harmless when nothing
  /// runs.
  public nonisolated func cancelRunningStatement() {
    session.cancel.send()
  }

  /// Asks the server to cancel what runs, until `finished` is signalled.
  nonisolated func cancel(until finished: DispatchSemaphore) {
    session.cancel.send(until: finished)
  }

  /// Waits on the connection's own thread for cancel requests that are on their way. One that takes too long could
  /// still hit a later statement, so the connection is given up.
  func settleCancellation() {
    guard PQstatus(handle?.pointer) == CONNECTION_OK else { return }
    if !session.cancel.isSettled(within: 10) { abandon() }
  }

  /// Breaks the connection from any thread, also while a call waits for a server that went silent; that call then fails
  /// with `connectionLost`.
  public nonisolated func abandon() {
    session.socket.shutDown()
  }

  /// A setting that the server reports by itself, such as `server_encoding` or Greenplum's `gp_server_version`.
  public func parameterStatus(_ name: String) -> String? {
    PQparameterStatus(handle?.pointer, name).map { String(cString: $0) }
  }

  /// Where the connection stands in a transaction.
  public var transactionStatus: TransactionStatus {
    TransactionStatus(PQtransactionStatus(handle?.pointer))
  }

  /// Whether the connection is between statements and the server has not hung up, as far as this side has heard; asks
  /// the server nothing.
  func isIdleAndOpen() -> Bool {
    guard transactionStatus == .idle else { return false }
    return PQconsumeInput(handle?.pointer) == 1
  }

  /// Calls `handler` for every notice from now on, on the connection's own thread; nil drops them.
  /// - Returns: the handler that was in force, for the caller to restore.
  @discardableResult
  public func setNoticeHandler(
    _ handler: (@Sendable (PostgresNotice) -> Void)?
  ) -> (@Sendable (PostgresNotice) -> Void)? {
    relay.exchange(handler)
  }

  /// Ends the session; a closed connection answers every call with `connectionLost`.
  public func close() {
    notifications.finish()
    session.socket.release()
    handle = nil
  }

  /// The libpq handle of a connection that is still open.
  func openHandle() throws -> OpaquePointer {
    guard let handle else {
      throw PostgresError(code: .connectionLost, message: "the connection was closed")
    }
    return handle.pointer
  }
}

/// Owns a libpq connection and ends it with its own life.
///
/// `@unchecked Sendable`: made on the queue of the connection it is handed to, and used on that queue alone.
final class ConnectionHandle: @unchecked Sendable {
  let pointer: OpaquePointer

  init(_ pointer: OpaquePointer) {
    self.pointer = pointer
  }

  deinit {
    PQfinish(pointer)
  }
}

/// Runs the blocking part of connecting on the thread that the connection will live on.
actor ConnectionOpener {
  private let executor: ThreadExecutor

  init(executor: ThreadExecutor) {
    self.executor = executor
  }

  nonisolated var unownedExecutor: UnownedSerialExecutor {
    executor.asUnownedSerialExecutor()
  }

  func open(_ settings: ConnectionSettings) throws -> (ConnectionHandle, PostgresConnection.Session) {
    try PostgresConnection.openLibrary()
    if let url = settings.url { _ = try ConnectionSettings.keywords(of: url) }
    guard var pointer = Self.connect(settings.parameters) else {
      throw PostgresError(code: .connectionFailed, message: "out of memory while connecting")
    }
    guard PQstatus(pointer) == CONNECTION_OK else {
      let message = PostgresError.libpqMessage(pointer)
      PQfinish(pointer)
      throw PostgresError(code: .connectionFailed, message: message)
    }
    if Self.readsBackslashes(pointer) { pointer = Self.standardStrings(instead: pointer, settings) }
    let session = PostgresConnection.Session(
      backendPID: PQbackendPID(pointer),
      serverVersion: Int(PQserverVersion(pointer)),
      address: Self.address(of: pointer),
      cancel: CancelHandle(connection: pointer),
      socket: SocketGuard(PQsocket(pointer))
    )
    return (ConnectionHandle(pointer), session)
  }

  private static func connect(_ parameters: [(keyword: String, value: String)]) -> OpaquePointer? {
    let keywords: [UnsafeMutablePointer<CChar>?] = parameters.map { strdup($0.keyword) }
    let values: [UnsafeMutablePointer<CChar>?] = parameters.map { strdup($0.value) }
    defer { (keywords + values).forEach { free($0) } }
    let readOnly = { (list: [UnsafeMutablePointer<CChar>?]) in list.map { UnsafePointer($0) } + [nil] }
    return PQconnectdbParams(readOnly(keywords), readOnly(values), 1)
  }

  /// Whether the role or the database makes sessions that read backslashes in plain strings as escapes.
  private static func readsBackslashes(_ pointer: OpaquePointer) -> Bool {
    PQparameterStatus(pointer, "standard_conforming_strings").map { String(cString: $0) == "off" } ?? false
  }

  /// A session whose strings are standard, which is what every literal here is written for. As an option of the connection
  /// the setting outlives `RESET ALL`; a pooler that refuses options gets a plain SET.
  private static func standardStrings(
    instead pointer: OpaquePointer,
    _ settings: ConnectionSettings
  ) -> OpaquePointer {
    let options = "-c standard_conforming_strings=on"
    let wanted = [self.options(of: pointer), options].compactMap(\.self).joined(separator: " ")
    if let other = connect(settings.parameters + [("options", wanted)]) {
      if PQstatus(other) == CONNECTION_OK, !readsBackslashes(other) {
        PQfinish(pointer)
        return other
      }
      PQfinish(other)
    }
    PQclear(PQexec(pointer, "SET standard_conforming_strings = on"))
    return pointer
  }

  /// The options that a connection was made with; nil for none.
  private static func options(of pointer: OpaquePointer) -> String? {
    guard let known = PQconninfo(pointer) else { return nil }
    defer { PQconninfoFree(known) }
    var option = known
    while let keyword = option.pointee.keyword {
      if String(cString: keyword) == "options" { return option.pointee.val.map { String(cString: $0) } }
      option += 1
    }
    return nil
  }

  private static func address(of pointer: OpaquePointer) -> String {
    let part = { (text: UnsafeMutablePointer<CChar>?) in text.map { String(cString: $0) } ?? "" }
    return "\(part(PQuser(pointer)))@\(part(PQhost(pointer))):\(part(PQport(pointer)))/\(part(PQdb(pointer)))"
  }
}

/// Asks the server to cancel what a connection is running, from any thread.
///
/// `PQcancel` opens a connection of its own and blocks until the server has closed it, so it runs on a queue and never
/// on the caller's thread, which may belong to the cooperative pool.
///
/// `@unchecked Sendable`: libpq documents `PQcancel` as safe from any thread on a `PGcancel`, which nobody writes to
/// after `PQgetCancel` made it.
final class CancelHandle: @unchecked Sendable {
  private let cancel: OpaquePointer?
  private let requests = DispatchGroup()

  init(connection: OpaquePointer) {
    cancel = PQgetCancel(connection)
  }

  deinit {
    PQfreeCancel(cancel)
  }

  func send() {
    DispatchQueue.global().async(group: requests) { [self] in
      var reason = [CChar](repeating: 0, count: 256)
      // A failed request means that the server is gone; the running statement then reports that itself.
      _ = PQcancel(cancel, &reason, Int32(reason.count))
    }
  }

  /// Asks again and again until `finished` is signalled: a request that overtakes the statement has no effect.
  func send(until finished: DispatchSemaphore) {
    DispatchQueue.global().async(group: requests) { [self] in
      var reason = [CChar](repeating: 0, count: 256)
      repeat {
        _ = PQcancel(cancel, &reason, Int32(reason.count))
      } while finished.wait(timeout: .now() + .milliseconds(250)) == .timedOut
    }
  }

  /// Whether every request has reached the server, waiting up to that many seconds.
  func isSettled(within seconds: Int) -> Bool {
    requests.wait(timeout: .now() + .seconds(seconds)) == .success
  }
}

/// A connection's socket for other threads: they may break it, but only while the connection still owns it.
final class SocketGuard: Sendable {
  private let descriptor: StateLock<Int32>

  init(_ descriptor: Int32) {
    self.descriptor = StateLock(descriptor)
  }

  func shutDown() {
    descriptor.withLock { descriptor in
      if descriptor >= 0 { shutdown(descriptor, Int32(SHUT_RDWR)) }
    }
  }

  /// The number may belong to another file from now on.
  func release() {
    descriptor.withLock { $0 = -1 }
  }
}

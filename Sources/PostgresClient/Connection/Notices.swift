internal import Basics
internal import CLibpq
import Dispatch
import Glibc
public import VectorSQL

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

/// Hands libpq's notices to the handler in force; libpq keeps a pointer to it for the connection's life.
final class NoticeRelay: Sendable {
  typealias Handler = @Sendable (PostgresNotice) -> Void

  private let handler = StateLock<Handler?>(nil)

  func exchange(_ new: Handler?) -> Handler? {
    handler.withLock { handler in
      defer { handler = new }
      return handler
    }
  }

  func attach(to connection: OpaquePointer) {
    let receive: PQnoticeReceiver = { context, result in
      guard let context else { return }
      let relay = Unmanaged<NoticeRelay>.fromOpaque(context).takeUnretainedValue()
      relay.handler.withLock { $0 }?(PostgresNotice(result: result))
    }
    PQsetNoticeReceiver(connection, receive, Unmanaged.passUnretained(self).toOpaque())
  }
}

extension PostgresConnection {
  /// Listens to a channel.
  ///
  /// Notifications arrive while the connection is idle and between its statements. The stream ends when the connection
  /// is closed or lost; ending the stream stops listening.
  /// - Throws: `PostgresError`.
  public func listen(_ channel: Identifier) async throws -> AsyncStream<PostgresNotification> {
    if !notifications.listens(to: channel.name) { try await run(trusted: "LISTEN \(channel.quoted)") }
    let handle = try openHandle()
    let (stream, continuation) = AsyncStream.makeStream(of: PostgresNotification.self)
    let key = notifications.add(channel.name, continuation)
    continuation.onTermination = { [weak self] _ in
      Task { await self?.stopListening(key, channel) }
    }
    if notifications.watch == nil { watchSocket(handle) }
    notifications.deliver(handle)
    return stream
  }

  private func stopListening(_ key: Int, _ channel: Identifier) async {
    if notifications.remove(key) { _ = try? await run(trusted: "UNLISTEN \(channel.quoted)") }
  }

  private func watchSocket(_ handle: OpaquePointer) {
    let watch = SocketWatch(PQsocket(handle))
    watch?.start { [weak self] in await self?.receive() }
    notifications.watch = watch
  }

  private func receive() {
    guard let handle = try? openHandle() else { return }
    guard PQconsumeInput(handle) == 1 else {
      notifications.finish()
      return
    }
    notifications.deliver(handle)
  }
}

/// What NOTIFY sent.
public struct PostgresNotification: Sendable, Hashable {
  /// The channel.
  public let channel: String
  /// The payload, empty when there was none.
  public let payload: String
  /// The process id of the backend that sent it.
  public let backendPID: Int32
}

/// Hands notifications to the streams that listen; used on the connection's thread alone.
struct NotificationRelay {
  private var listeners:
    [Int: (channel: String, continuation: AsyncStream<PostgresNotification>.Continuation)] = [:]
  private var nextKey = 0
  var watch: SocketWatch?

  mutating func add(_ channel: String, _ continuation: AsyncStream<PostgresNotification>.Continuation) -> Int
  {
    nextKey += 1
    listeners[nextKey] = (channel, continuation)
    return nextKey
  }

  /// - Returns: whether nobody listens to the channel any more.
  mutating func remove(_ key: Int) -> Bool {
    guard let gone = listeners.removeValue(forKey: key) else { return false }
    return !listeners.values.contains { $0.channel == gone.channel }
  }

  func listens(to channel: String) -> Bool {
    listeners.values.contains { $0.channel == channel }
  }

  /// Takes what libpq has received.
  func deliver(_ handle: OpaquePointer) {
    while let received = PQnotifies(handle) {
      let notification = PostgresNotification(
        channel: String(cString: received.pointee.relname),
        payload: String(cString: received.pointee.extra),
        backendPID: received.pointee.be_pid
      )
      PQfreemem(received)
      for listener in listeners.values where listener.channel == notification.channel {
        listener.continuation.yield(notification)
      }
    }
  }

  /// Ends every stream.
  mutating func finish() {
    watch = nil
    for listener in listeners.values { listener.continuation.finish() }
    listeners.removeAll()
  }
}

/// Wakes a connection up when the server sends something while no statement runs; ends with its owner.
///
/// `@unchecked Sendable`: a dispatch source may be suspended, resumed and cancelled from any thread.
final class SocketWatch: @unchecked Sendable {
  private let source: any DispatchSourceRead

  /// Watches a duplicate of the descriptor: a source must not outlive what it watches, and is cancelled
  /// asynchronously, after the connection has closed its own.
  init?(_ descriptor: Int32) {
    let copy = fcntl(descriptor, F_DUPFD_CLOEXEC, 0)
    guard copy >= 0 else { return nil }
    source = DispatchSource.makeReadSource(fileDescriptor: copy, queue: .global())
    source.setCancelHandler { Glibc.close(copy) }
  }

  deinit {
    source.cancel()
  }

  /// Calls `receive` whenever there is something to read.
  func start(_ receive: @escaping @Sendable () async -> Void) {
    // Without `weak` the source would keep its owner, and an owner that was dropped its source.
    source.setEventHandler { [weak self] in
      guard let self else { return }
      // The socket stays readable until the connection has read it, so the next event waits for that.
      source.suspend()
      Task {
        await receive()
        self.source.resume()
      }
    }
    source.activate()
  }
}

internal import CLibpq

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
    watch?.stop()
    watch = nil
    for listener in listeners.values { listener.continuation.finish() }
    listeners.removeAll()
  }
}

import PostgresClient
import Synchronization

/// Knows which connections are lent until when, and breaks those that are overdue: their server fell silent.
///
/// One task looks after all of them; a timer a search would outlive the search by its whole limit.
final class LentConnections: Sendable {
  private let lent = Mutex<
    [ObjectIdentifier: (connection: PostgresConnection, until: ContinuousClock.Instant)]
  >([:])

  func add(_ connection: PostgresConnection, until: ContinuousClock.Instant) {
    lent.withLock { $0[ObjectIdentifier(connection)] = (connection, until) }
  }

  func remove(_ connection: PostgresConnection) {
    lent.withLock { $0[ObjectIdentifier(connection)] = nil }
  }

  /// Looks every half second, until the task is cancelled.
  func watch() async {
    while (try? await Task.sleep(for: .milliseconds(500))) != nil {
      let overdue = lent.withLock { lent in lent.values.filter { $0.until < .now }.map(\.connection) }
      for connection in overdue { connection.abandon() }
    }
  }
}

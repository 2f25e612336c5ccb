internal import CLibpq

/// Asks the server to cancel what a connection is running, from any thread.
///
/// `@unchecked Sendable`: libpq documents `PQcancel` as safe from any thread on a `PGcancel`, which nobody writes to
/// after `PQgetCancel` made it.
final class CancelHandle: @unchecked Sendable {
  private let cancel: OpaquePointer?

  init(connection: OpaquePointer) {
    cancel = PQgetCancel(connection)
  }

  deinit {
    PQfreeCancel(cancel)
  }

  func send() {
    var reason = [CChar](repeating: 0, count: 256)
    // A failed request means that the server is gone; the running statement then reports that itself.
    _ = PQcancel(cancel, &reason, Int32(reason.count))
  }
}

internal import CLibpq
import Synchronization

/// Hands libpq's notices to the handler in force; libpq keeps a pointer to it for the connection's life.
final class NoticeRelay: Sendable {
  typealias Handler = @Sendable (PostgresNotice) -> Void

  private let handler = Mutex<Handler?>(nil)

  func setHandler(_ new: Handler?) {
    handler.withLock { $0 = new }
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

import Glibc
import Synchronization

/// A connection's socket for other threads: they may break it, but only while the connection still owns it.
final class SocketGuard: Sendable {
  private let descriptor: Mutex<Int32>

  init(_ descriptor: Int32) {
    self.descriptor = Mutex(descriptor)
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

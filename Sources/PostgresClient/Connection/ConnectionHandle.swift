internal import CLibpq

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

internal import Synchronization

/// A value behind a lock, for classes whose methods asynchronous functions call.
///
/// `Mutex` on Linux knows its owner by a thread-local number. Inlined into an asynchronous function, on both sides of a
/// suspension, the optimiser reads that number once and uses it on two threads, and the process ends with "Call to unlock
/// Mutex on a thread which hasn't acquired the lock". This lock is never inlined.
package struct StateLock<Value>: ~Copyable, Sendable {
  private let mutex: Mutex<Value>

  /// A lock around a value.
  package init(_ value: sending Value) {
    mutex = Mutex(value)
  }

  /// Runs `body` while no other thread uses the value. `body` must not lock again.
  @inline(never)
  package borrowing func withLock<Result, Failure: Error>(
    _ body: (inout sending Value) throws(Failure) -> sending Result
  ) throws(Failure) -> sending Result {
    try mutex.withLock(body)
  }
}

import Dispatch

/// Runs an actor's jobs on a dispatch queue of its own, so that blocking libpq calls never hold a thread of Swift's
/// cooperative pool.
///
/// Dispatch on Linux has no `DispatchSerialQueue`, which would be an executor already.
package final class DispatchQueueExecutor: SerialExecutor {
  private let queue: DispatchQueue

  package init(label: String) {
    queue = DispatchQueue(label: label)
  }

  package func enqueue(_ job: consuming ExecutorJob) {
    let job = UnownedJob(job)
    let executor = asUnownedSerialExecutor()
    queue.async { job.runSynchronously(on: executor) }
  }
}

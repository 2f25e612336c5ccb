import Foundation

/// Runs an actor's jobs on a thread of its own, so that its blocking calls hold up nobody else: however many connections
/// wait for a lock, none of them keeps another from releasing it.
package final class ThreadExecutor: SerialExecutor {
  private let inbox = JobInbox()

  package init(label: String) {
    let inbox = inbox
    let thread = Thread {
      while let next = inbox.take() { next.job.runSynchronously(on: next.executor) }
    }
    thread.name = label
    thread.stackSize = 8 << 20
    thread.start()
  }

  deinit {
    inbox.finish()
  }

  package func enqueue(_ job: consuming ExecutorJob) {
    inbox.put(JobInbox.Entry(job: UnownedJob(job), executor: asUnownedSerialExecutor()))
  }
}

/// Jobs on their way to a thread.
///
/// `@unchecked Sendable`: everything it holds is touched under its condition's lock alone.
private final class JobInbox: @unchecked Sendable {
  struct Entry {
    let job: UnownedJob
    let executor: UnownedSerialExecutor
  }

  private let condition = NSCondition()
  private var entries: [Entry] = []
  private var isFinished = false

  func put(_ entry: Entry) {
    condition.withLock {
      entries.append(entry)
      condition.signal()
    }
  }

  /// Waits for a job; nil when there will be none any more.
  func take() -> Entry? {
    condition.withLock {
      while entries.isEmpty, !isFinished { condition.wait() }
      return entries.isEmpty ? nil : entries.removeFirst()
    }
  }

  func finish() {
    condition.withLock {
      isFinished = true
      condition.signal()
    }
  }
}

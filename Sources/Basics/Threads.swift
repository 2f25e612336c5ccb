internal import Glibc
internal import Synchronization

/// Runs an actor's jobs on a thread of its own, so that its blocking calls hold up nobody else: however many connections
/// wait for a lock, none of them keeps another from releasing it.
package final class ThreadExecutor: SerialExecutor {
  private let inbox = JobInbox()

  package init() {
    inbox.startThread()
  }

  deinit {
    inbox.finish()
  }

  package func enqueue(_ job: consuming ExecutorJob) {
    inbox.put(JobInbox.Entry(job: UnownedJob(job), executor: asUnownedSerialExecutor()))
  }
}

/// A thread for calls that block, so that they hold up nobody's tasks.
package actor BlockingThread {
  private let executor = ThreadExecutor()

  package init() {}

  package nonisolated var unownedExecutor: UnownedSerialExecutor { executor.asUnownedSerialExecutor() }

  package func run<Value: Sendable>(_ body: @Sendable () throws -> Value) throws -> Value { try body() }
}

/// Jobs on their way to a thread.
///
/// `@unchecked Sendable`: everything it holds is touched under its mutex alone.
private final class JobInbox: @unchecked Sendable {
  struct Entry {
    let job: UnownedJob
    let executor: UnownedSerialExecutor
  }

  private let mutex = UnsafeMutablePointer<pthread_mutex_t>.allocate(capacity: 1)
  private let arrival = UnsafeMutablePointer<pthread_cond_t>.allocate(capacity: 1)
  private var entries: [Entry] = []
  private var isFinished = false

  init() {
    pthread_mutex_init(mutex, nil)
    pthread_cond_init(arrival, nil)
  }

  deinit {
    pthread_cond_destroy(arrival)
    pthread_mutex_destroy(mutex)
    arrival.deallocate()
    mutex.deallocate()
  }

  /// Starts the thread that takes the jobs; it keeps the inbox alive until `finish`.
  func startThread() {
    // Memory for it, because its initializer belongs to whichever module was the first to include its header.
    let attributes = UnsafeMutablePointer<pthread_attr_t>.allocate(capacity: 1)
    defer { attributes.deallocate() }
    pthread_attr_init(attributes)
    defer { pthread_attr_destroy(attributes) }
    pthread_attr_setstacksize(attributes, 8 << 20)
    pthread_attr_setdetachstate(attributes, Int32(PTHREAD_CREATE_DETACHED))
    var thread = pthread_t()
    let own = Unmanaged.passRetained(self)
    let problem = pthread_create(
      &thread,
      attributes,
      { own in
        guard let own else { return nil }
        let inbox = Unmanaged<JobInbox>.fromOpaque(own).takeRetainedValue()
        while let next = inbox.take() { next.job.runSynchronously(on: next.executor) }
        return nil
      },
      own.toOpaque()
    )
    precondition(problem == 0, "no thread can be started: \(String(cString: strerror(problem)))")
  }

  func put(_ entry: Entry) {
    locked {
      entries.append(entry)
      pthread_cond_signal(arrival)
    }
  }

  /// Waits for a job; nil when no more will come.
  func take() -> Entry? {
    locked {
      while entries.isEmpty, !isFinished { pthread_cond_wait(arrival, mutex) }
      return entries.isEmpty ? nil : entries.removeFirst()
    }
  }

  func finish() {
    locked {
      isFinished = true
      pthread_cond_signal(arrival)
    }
  }

  private func locked<Value>(_ body: () -> Value) -> Value {
    pthread_mutex_lock(mutex)
    defer { pthread_mutex_unlock(mutex) }
    return body()
  }
}

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

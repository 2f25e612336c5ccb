import Dispatch
import Glibc

/// Ctrl-C and SIGTERM cancel a task, which cancels the statement on the server; a second one ends the process at once.
struct InterruptHandler {
  private let sources: [any DispatchSourceSignal]

  init(cancelling task: Task<Int32, Never>) {
    sources = [SIGINT, SIGTERM].map { number in
      signal(number, SIG_IGN)
      let source = DispatchSource.makeSignalSource(signal: number, queue: .global())
      source.setEventHandler {
        if task.isCancelled { exit(128 + number) }
        task.cancel()
      }
      source.resume()
      return source
    }
  }
}

import ArgumentParser
import Dispatch
import Foundation

/// Parses, runs, and turns every way of ending into at most one line on standard error and an exit code.
enum CommandRunner {
  /// Runs the command line to its end.
  /// - Returns: the exit code.
  static func run() async -> Int32 {
    var command: any ParsableCommand
    do {
      command = try Adbvec.parseAsRoot()
    } catch {
      Adbvec.exit(withError: error)
    }
    do {
      if var asynchronous = command as? any AsyncParsableCommand {
        try await asynchronous.run()
      } else {
        try command.run()
      }
    } catch {
      return report(error)
    }
    return 0
  }

  private static func report(_ error: any Error) -> Int32 {
    // Help, version and usage errors have internal types of the parser's own; it knows how to print them.
    if String(reflecting: type(of: error)).hasPrefix("ArgumentParser.") {
      Adbvec.exit(withError: error)
    }
    let failure = Failure(error)
    Terminal.error(failure.line)
    return failure.exitCode
  }
}

/// Ctrl-C and SIGTERM cancel `task`, which cancels the statement on the server; a second one ends the process at once.
struct InterruptHandler {
  private let sources: [any DispatchSourceSignal]

  init(cancelling task: Task<Int32, Never>) {
    sources = [SIGINT, SIGTERM].map { number in
      signal(number, SIG_IGN)
      let source = DispatchSource.makeSignalSource(signal: number, queue: .global())
      source.setEventHandler {
        if task.isCancelled { Foundation.exit(128 + number) }
        task.cancel()
      }
      source.resume()
      return source
    }
  }
}

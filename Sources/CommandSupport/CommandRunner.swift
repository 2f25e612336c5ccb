package import ArgumentParser
import Dispatch
import Glibc

/// Parses, runs, and turns every way of ending into at most one line on standard error and an exit code.
package enum CommandRunner {
  /// What `--version` prints.
  package static let version = "0.1.0"

  /// Reads a command line, runs the command, and ends the process.
  /// - Parameter arguments: the words behind the program's name that `root` is to read.
  @MainActor package static func main<Root: ParsableCommand>(
    _ root: Root.Type,
    _ arguments: [String]
  ) async -> Never {
    do {
      await run(try parse(root, arguments), root)
    } catch {
      root.exit(withError: error)
    }
  }

  /// Reads a command line.
  /// - Throws: what `ParsableCommand.exit(withError:)` prints: help that was asked for, or a mistake.
  @MainActor package static func parse<Root: ParsableCommand>(
    _ root: Root.Type,
    _ arguments: [String]
  ) throws -> sending any ParsableCommand {
    // Starts the runtime's threads on another core while this one parses.
    Task.detached {}
    return try root.parseAsRoot(arguments)
  }

  /// Runs a command, and ends the process. Ctrl-C and SIGTERM cancel what runs.
  @MainActor package static func run<Root: ParsableCommand>(
    _ command: sending any ParsableCommand,
    _ root: Root.Type
  ) async -> Never {
    let task = Task.detached { await exitCode(of: command, root) }
    let interrupts = InterruptHandler(cancelling: task)
    let code = await task.value
    withExtendedLifetime(interrupts) { exit(code) }
  }

  private static func exitCode<Root: ParsableCommand>(
    of command: any ParsableCommand,
    _ root: Root.Type
  ) async -> Int32 {
    var command = command
    do {
      if var asynchronous = command as? any AsyncParsableCommand {
        try await asynchronous.run()
      } else {
        try command.run()
      }
    } catch {
      return report(error, root)
    }
    return 0
  }

  private static func report<Root: ParsableCommand>(_ error: any Error, _ root: Root.Type) -> Int32 {
    // Help, version and usage errors have internal types of the parser's own; it knows how to print them.
    if String(reflecting: type(of: error)).hasPrefix("ArgumentParser.") {
      root.exit(withError: error)
    }
    let failure = Failure(error)
    Terminal.error(failure.line)
    return failure.exitCode
  }
}

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

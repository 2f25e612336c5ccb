package import ArgumentParser
import Basics
import Dispatch
import Glibc

/// Parses, runs, and turns every way of ending into lines on standard error and an exit code.
package enum CommandRunner {
  /// What `--version` prints.
  package static let version = "0.1.0"

  /// The program that runs, as it is named in help and messages: `adbvec` or `adbvec-migrate`.
  package static var programName: String { name.withLock { $0 } }

  /// How the migrate commands are called: `adbvec migrate`, or `adbvec-migrate`.
  package static var migrateCommand: String {
    programName == "adbvec-migrate" ? programName : programName + " migrate"
  }

  private static let name = StateLock("adbvec")

  /// Reads a command line, runs the command, and ends the process. Ctrl-C, SIGTERM and SIGHUP cancel what runs.
  /// - Parameter arguments: the words behind the program's name.
  @MainActor package static func main<Root: ParsableCommand>(
    _ root: Root.Type,
    _ arguments: [String]
  ) async -> Never {
    Output.open()
    name.withLock { $0 = root.configuration.commandName ?? $0 }
    // Starts the runtime's threads on another core while this one parses.
    Task.detached {}
    let asksForJSON = CommandWords.askForJSON(arguments)
    var words: [String]?
    let command: any ParsableCommand
    do {
      let read = try CommandWords(root, arguments)
      words = read.command
      command = try root.parseAsRoot(read.arguments)
    } catch {
      exit(end(with: error, root, asksForJSON ? words ?? [] : nil, interruption: ""))
    }
    let interruption = (command as? any InterruptibleCommand)?.interruption ?? "interrupted"
    let drain = (command as? any InterruptibleCommand)?.drain ?? InterruptHandler.patience
    let sendable = SendableCommand(command: command)
    let json = asksForJSON ? words ?? [] : nil
    let task = Task.detached { () -> Int32 in
      do {
        try await sendable.run()
        try Output.close()
        return 0
      } catch {
        return end(with: error, root, json, interruption: interruption)
      }
    }
    let interrupts = InterruptHandler(cancelling: task, interruption: interruption, drain: drain)
    let code = await task.value
    Terminal.clearProgress()
    withExtendedLifetime(interrupts) { exit(code) }
  }

  /// Reports an error.
  /// - Parameter json: the command's words, when the error is to be printed as JSON too.
  /// - Returns: the exit code.
  private static func end<Root: ParsableCommand>(
    with error: any Error,
    _ root: Root.Type,
    _ json: [String]?,
    interruption: String
  ) -> Int32 {
    // Help, version and usage errors have internal types of the parser's own; it knows how to print them.
    let failure: Failure
    if String(reflecting: type(of: error)).hasPrefix("ArgumentParser.") {
      let code = root.exitCode(for: error).rawValue
      guard code == ExitCode.validationFailure.rawValue else {
        return printHelp(root.fullMessage(for: error), code)
      }
      failure = Failure(usage: root.message(for: error), shown: shownUsage(error, root))
    } else {
      failure = Failure(error, interruption: interruption)
    }
    if let json, !(error is Output.Failure) {
      // The same name in both programs.
      let command = (programName == "adbvec-migrate" ? ["migrate"] : []) + json
      try? JSONErrors(command: command.joined(separator: " "), errors: failure.entries).print()
    }
    failure.lines.forEach(Terminal.error)
    return failure.exitCode
  }

  /// What standard error shows of a wrong command line: the mistake and the usage of the command.
  private static func shownUsage<Root: ParsableCommand>(_ error: any Error, _ root: Root.Type) -> String {
    // An error that a command throws while it runs does not know its command; usage would be that of the program.
    let isParsed = String(reflecting: type(of: error)) != "ArgumentParser.ValidationError"
    guard isParsed else { return root.message(for: error) }
    let text = root.fullMessage(for: error)
    return text.hasPrefix("Error: ") ? String(text.dropFirst("Error: ".count)) : text
  }

  private static func printHelp(_ text: String, _ code: Int32) -> Int32 {
    guard !text.isEmpty else { return code }
    do {
      try Output.data(text + "\n")
      try Output.close()
      return code
    } catch {
      let failure = Failure(error)
      failure.lines.forEach(Terminal.error)
      return failure.exitCode
    }
  }
}

/// Unchecked: the command is made on the main actor and from then on used by the one task that runs it.
private struct SendableCommand: @unchecked Sendable {
  let command: any ParsableCommand

  func run() async throws {
    var command = command
    if var asynchronous = command as? any AsyncParsableCommand {
      try await asynchronous.run()
    } else {
      try command.run()
    }
  }
}

/// A command that has something of its own to say when it is interrupted.
package protocol InterruptibleCommand {
  /// One line that is true of this command whenever it stops: what stays, and how to continue.
  var interruption: String { get }
  /// How long the command may finish what began after SIGTERM, with which service managers end it.
  var drain: Duration { get }
}

extension InterruptibleCommand {
  package var drain: Duration { InterruptHandler.patience }
}

/// Ctrl-C, SIGTERM and a closed terminal cancel a task, which cancels the statement on the server. A task that does not end in time, as one
/// that waits for a dead network, is left alone and the process ends; so it does at the second signal.
private struct InterruptHandler {
  /// Less than the two seconds after which people think that a program hangs.
  static let patience = Duration.milliseconds(1500)

  private let sources: [any DispatchSourceSignal]

  init(cancelling task: Task<Int32, Never>, interruption: String, drain: Duration) {
    sources = [SIGINT, SIGTERM, SIGHUP].map { number in
      signal(number, SIG_IGN)
      let source = DispatchSource.makeSignalSource(signal: number, queue: .global())
      source.setEventHandler {
        if number == SIGINT { Terminal.isInterrupted() }
        if task.isCancelled { Self.end(number, interruption + " (stopped without waiting)") }
        task.cancel()
        let seconds = (number == SIGTERM ? drain : Self.patience) / .seconds(1)
        DispatchQueue.global().asyncAfter(deadline: .now() + seconds) { Self.end(number, interruption) }
      }
      source.resume()
      return source
    }
  }

  private static func end(_ number: Int32, _ line: String) -> Never {
    Terminal.error(line)
    _exit(128 + number)
  }
}

package import ArgumentParser
import Basics
import Dispatch
import Glibc
import PostgresClient

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
  package static func main<Root: ParsableCommand>(_ root: Root.Type, _ arguments: [String]) -> Never {
    Output.open()
    // Until its handler is there: the runtime would answer with a trace of all threads, and go on.
    signal(SIGQUIT, SIG_DFL)
    name.withLock { $0 = root.configuration.commandName ?? $0 }
    // Most commands ask a server.
    if !arguments.isEmpty, !arguments.contains(where: { ["-h", "--help", "--version"].contains($0) }) {
      openLibraryAhead()
    }
    let asksForJSON = CommandWords.askForJSON(arguments)
    var words: [String]?
    let command: any ParsableCommand
    do {
      let read = try CommandWords(root, arguments)
      words = read.command
      command = try read.parse(root)
    } catch {
      leave(end(with: error, root, asksForJSON ? words ?? [] : nil, interruption: ""))
    }
    let interruption = (command as? any InterruptibleCommand)?.interruption ?? "interrupted"
    let drain = (command as? any InterruptibleCommand)?.drain ?? InterruptHandler.patience
    let sendable = SendableCommand(command: command)
    let json = asksForJSON ? words ?? [] : nil
    let task = Task.detached { () -> Never in
      var code: Int32 = 0
      do {
        try await sendable.run()
        try Output.close()
      } catch {
        code = end(with: error, root, json, interruption: interruption)
      }
      Terminal.clearProgress()
      leave(code)
    }
    let interrupts = InterruptHandler(cancelling: task, interruption: interruption, drain: drain)
    withExtendedLifetime(interrupts) { dispatchMain() }
  }

  /// Opens libpq on another core while this one parses. Two threads, for the command and for what connects beside it, begin
  /// before that: none can while the loader works.
  private static func openLibraryAhead() {
    let bothBegun = DispatchSemaphore(value: 0)
    func wait() { bothBegun.wait() }
    Task.detached { wait() }
    Task.detached {}
    bothBegun.signal()
    PostgresConnection.openLibraryAhead()
  }

  /// Ends the process. Everything is written by now; what `exit` does beyond that, tidying the memory of twenty libraries,
  /// takes a millisecond.
  private static func leave(_ code: Int32) -> Never { _exit(code) }

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
        return printHelp(ownOptionsFirst(root.fullMessage(for: error)), code)
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
    let shown = text.hasPrefix("Error: ") ? String(text.dropFirst("Error: ".count)) : text
    // Parameters of the files look like options to who thinks of dim.
    let unknown = "Unknown option '--"
    guard shown.hasPrefix(unknown), shown.contains("Usage: \(migrateCommand) ") else { return shown }
    let name = shown.dropFirst(unknown.count).prefix { $0 != "'" && $0 != "=" }
    let lines = shown.split(separator: "\n", maxSplits: 1, omittingEmptySubsequences: false)
    // The parser does not count these among the options.
    let near = Suggestion.nearest(to: "--" + name, in: ["--help", "--version"])
    let first = near.isEmpty ? lines[0] : "\(unknown)\(name)'\(near)"
    return "\(first)\nFix: a parameter of the migrations is set by --set \(name)=VALUE\n\(lines.last ?? "")"
  }

  /// Help with the options of the command itself before those of titled groups, behind which the parser writes them: who asks
  /// for help looks for them first.
  private static func ownOptionsFirst(_ help: String) -> String {
    let text = help.hasSuffix("\n") ? help.dropLast() : help[...]
    var parts = text.split(separator: "\n\n", omittingEmptySubsequences: false)
    func isGroup(_ part: Substring) -> Bool { part.prefix { $0 != "\n" }.hasSuffix(" OPTIONS:") }
    guard let group = parts.firstIndex(where: isGroup),
      let own = parts.firstIndex(where: { $0.hasPrefix("OPTIONS:\n") }), group < own
    else { return help }
    parts.insert(parts.remove(at: own), at: group)
    return parts.joined(separator: "\n\n") + help.suffix(help.count - text.count)
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

/// Unchecked: the command is made on the main thread and from then on used by the one task that runs it.
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

/// Ctrl-C, Ctrl-\, SIGTERM and a closed terminal cancel a task, which cancels the statement on the server. A task that does not end in time, as one
/// that waits for a dead network, is left alone and the process ends; so it does at the second signal.
private struct InterruptHandler {
  /// Less than the two seconds after which people think that a program hangs.
  static let patience = Duration.milliseconds(1500)

  private let sources: [any DispatchSourceSignal]

  init(cancelling task: Task<Never, Never>, interruption: String, drain: Duration) {
    sources = [SIGINT, SIGTERM, SIGHUP, SIGQUIT].map { number in
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

/// The words of a command line: which command they name, and its arguments with the global options among them.
///
/// Global options may stand before the command, between its words, and behind it; a word that names no command is an
/// error with a suggestion, also beside `--help`.
struct CommandWords {
  /// The command's words, such as `migrate up`; empty for the program itself.
  let command: [String]
  /// The command, where the words lead to one that has no commands of its own.
  private let leaf: (any ParsableCommand.Type)?
  /// What the parser reads behind the command's words.
  private let rest: [String]

  /// Whether words ask for `--format json`, however the rest of them reads.
  static func askForJSON(_ arguments: [String]) -> Bool {
    let options = arguments.prefix { $0 != "--" }
    return options.contains("--format=json")
      || zip(options, options.dropFirst()).contains { $0 == "--format" && $1 == "json" }
  }

  /// - Throws: `CommandFailure` with exit code 64 for a word that names no command.
  init(_ root: any ParsableCommand.Type, _ arguments: [String]) throws {
    var command: any ParsableCommand.Type = root
    var path: [String] = []
    var moved: [String] = []
    var rest = arguments[...]
    while !Self.subcommands(of: command).isEmpty, let word = rest.first {
      if word.hasPrefix("-") {
        let count = Self.length(ofGlobalOption: word)
        guard count > 0, rest.count >= count else { break }
        moved += rest.prefix(count)
        rest = rest.dropFirst(count)
        continue
      }
      if word == "help", path.isEmpty {
        try Self.check(help: rest.dropFirst(), of: root)
        break
      }
      command = try Self.subcommand(word, of: command, path)
      path.append(word)
      rest = rest.dropFirst()
    }
    self.command = path
    leaf = Self.subcommands(of: command).isEmpty ? command : nil
    self.rest = (leaf == nil ? [] : moved) + Self.joiningNegativeIDs(rest)
  }

  /// The command with its options.
  ///
  /// A command alone is parsed in half the time of the tree that it is part of; errors and help are worded from the tree.
  func parse(_ root: any ParsableCommand.Type) throws -> any ParsableCommand {
    if let leaf, let parsed = try? leaf.parseAsRoot(rest), type(of: parsed) == leaf { return parsed }
    return try root.parseAsRoot(command + rest)
  }

  /// `--id -7` as `--id=-7`: the parser takes a word that begins with a minus for an option, and ids may be negative.
  private static func joiningNegativeIDs(_ words: ArraySlice<String>) -> [String] {
    var joined: [String] = []
    for word in words {
      let digits = word.utf8.dropFirst()
      let isNegative =
        word.utf8.first == 0x2D && !digits.isEmpty && digits.allSatisfy { (0x30...0x39).contains($0) }
      if isNegative, joined.last == "--id", !joined.contains("--") {
        joined[joined.count - 1] = "--id=" + word
      } else {
        joined.append(word)
      }
    }
    return joined
  }

  private static func check(help words: ArraySlice<String>, of root: any ParsableCommand.Type) throws {
    var command: any ParsableCommand.Type = root
    var path: [String] = []
    for word in words where !word.hasPrefix("-") {
      command = try subcommand(word, of: command, path)
      path.append(word)
    }
  }

  private static func subcommands(of command: any ParsableCommand.Type) -> [any ParsableCommand.Type] {
    command.configuration.subcommands
  }

  private static func subcommand(
    _ word: String,
    of command: any ParsableCommand.Type,
    _ path: [String]
  ) throws -> any ParsableCommand.Type {
    let subcommands = subcommands(of: command)
    if let found = subcommands.first(where: { $0.configuration.commandName == word }) { return found }
    let names = subcommands.compactMap { $0.configuration.commandName }
    let program = ([CommandRunner.programName] + path).joined(separator: " ")
    let near = Suggestion.nearest(to: word, in: names)
    throw CommandFailure(
      "\(program) has no command \"\(word)\"" + near,
      fix: near.isEmpty ? "'\(program) --help' lists the commands" : nil,
      exitCode: 64
    )
  }

  /// How many words a global option takes with its value; 0 for any other word.
  private static func length(ofGlobalOption word: String) -> Int {
    if ["-q", "--quiet", "-v", "--verbose"].contains(word) { return 1 }
    let valued = ["--database-url", "--dialect", "--table", "--config"]
    if valued.contains(word) { return 2 }
    return valued.contains { word.hasPrefix($0 + "=") } ? 1 : 0
  }
}

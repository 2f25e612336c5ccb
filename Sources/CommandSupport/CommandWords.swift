import ArgumentParser
import Basics

/// The words of a command line: which command they name, and its arguments with the global options among them.
///
/// Global options may stand before the command, between its words, and behind it; a word that names no command is an
/// error with a suggestion, also beside `--help`.
struct CommandWords {
  /// The command's words, such as `migrate up`; empty for the program itself.
  let command: [String]
  /// What the parser reads.
  let arguments: [String]

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
    let isComplete = Self.subcommands(of: command).isEmpty
    self.arguments = path + (isComplete ? moved : []) + Self.joiningNegativeIDs(rest)
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

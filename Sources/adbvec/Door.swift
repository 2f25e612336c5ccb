import ArgumentParser
import CommandSupport
import Glibc
import MigrateCommands

/// What people start: `adbvec COMMAND …`.
///
/// A run of migrations that finds nothing to do is over in less time than a program with pictures, matrices and a web
/// server needs to start. So this one holds the `migrate` commands and nothing else, and hands everything else to
/// `adbvec-full` beside it, which has all commands.
@main enum Door {
  static func main() async {
    let words = Array(CommandLine.arguments.dropFirst())
    guard words.first == "migrate" else {
      FullProgram.takeOver()
      Terminal.error(FullProgram.absence)
      exit(1)
    }
    if words.dropFirst().first == "up", let up = MigrateUp.reading(words.dropFirst(2), repeatable: ["--set"])
    {
      await CommandRunner.run(up, MigrateCommand.self)
    }
    do {
      await CommandRunner.run(
        try CommandRunner.parse(MigrateCommand.self, Array(words.dropFirst())),
        MigrateCommand.self
      )
    } catch {
      // Help and mistakes: the full program words them for the whole command line.
      FullProgram.takeOver()
      MigrateCommand.exit(withError: error)
    }
  }
}

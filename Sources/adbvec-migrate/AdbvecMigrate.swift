import ArgumentParser
import CommandSupport
import MigrateCommands

/// `adbvec-migrate …`: the commands of `adbvec migrate` alone, for deployment images.
@main
struct AdbvecMigrate: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "adbvec-migrate",
    abstract: MigrateCommand.abstract,
    discussion: MigrateCommand.discussion(of: "adbvec-migrate"),
    version: CommandRunner.version,
    subcommands: MigrateCommand.commands
  )

  static func main() {
    CommandRunner.main(AdbvecMigrate.self, Array(CommandLine.arguments.dropFirst()))
  }
}

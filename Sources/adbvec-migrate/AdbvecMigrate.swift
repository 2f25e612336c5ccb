import CommandSupport
import MigrateCommands

/// `adbvec-migrate …`: the commands of `adbvec migrate` alone, for deployment images.
@main
enum AdbvecMigrate {
  static func main() async {
    await CommandRunner.main(MigrateCommand.self, Array(CommandLine.arguments.dropFirst()))
  }
}

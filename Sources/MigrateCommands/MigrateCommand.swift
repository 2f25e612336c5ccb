package import ArgumentParser
import CommandSupport

/// `adbvec migrate …`: the schema under version control.
package struct MigrateCommand: AsyncParsableCommand {
  package static let configuration = CommandConfiguration(
    commandName: "migrate",
    abstract: abstract,
    discussion: discussion(of: "adbvec migrate"),
    subcommands: commands
  )

  package static let abstract = "Apply versioned SQL files to the database schema."

  /// The commands, in the order of the help.
  package static let commands: [any ParsableCommand.Type] = [
    MigrateUp.self, MigrateDown.self, MigrateRedo.self, MigrateStatus.self, MigratePlan.self,
    MigrateRender.self, MigrateValidate.self, MigrateLint.self, MigrateInit.self, MigrateNew.self,
    MigrateBaseline.self, MigrateRepair.self, MigrateWait.self, MigrateDump.self,
  ]

  /// - Parameter program: How the commands are called: `adbvec migrate`, or `adbvec-migrate`.
  package static func discussion(of program: String) -> String {
    let lines = [
      ("status", "what is applied, pending, changed"),
      ("plan", "the SQL that 'up' would send, bookkeeping included"),
      ("up --set dim=512", "run what is pending"),
      ("redo --set dim=1000", "revert the last migration and apply it with another value"),
      ("init", "write the migrations in the program to ./migrations for editing"),
    ]
    let width = lines.map(\.0.count).max() ?? 0
    let examples = lines.map { words, meaning in
      "  \(program) \(words)" + String(repeating: " ", count: width - words.count) + "  # \(meaning)"
    }
    return """
      The files are MIGRATIONS/<dialect>/0001_name.sql with sections '-- migrate:up' and '-- migrate:down'. A parameter \
      file beside or above them declares the {{parameters}}. MIGRATIONS is --migrations, else ADBVEC_MIGRATIONS, else \
      ./migrations if it exists, else the migrations in the program: the table of the image search.

      \(examples.joined(separator: "\n"))
      """
  }

  package init() {}
}

package import ArgumentParser
import CommandSupport

/// `adbvec migrate …`: the schema under version control.
package struct MigrateCommand: AsyncParsableCommand {
  package static let configuration = CommandConfiguration(
    commandName: "migrate",
    _superCommandName: "adbvec",
    abstract: "Bring the schema to where versioned SQL files say it should be.",
    discussion: """
      The files stand in MIGRATIONS/<dialect>/ as 0001_name.sql, with sections '-- migrate:up' and '-- migrate:down'; \
      parameters.toml beside or above them declares the {{parameters}}.

        adbvec migrate status                # what is applied, pending, changed
        adbvec migrate plan                  # the SQL that 'up' would send, bookkeeping included
        adbvec migrate up --set dim=512      # run what is pending
        adbvec migrate redo --set dim=1000   # take the last one back and run it with another value
      """,
    version: CommandRunner.version,
    subcommands: [
      MigrateUp.self, MigrateDown.self, MigrateRedo.self, MigrateStatus.self, MigratePlan.self,
      MigrateRender.self,
      MigrateValidate.self, MigrateLint.self, MigrateNew.self, MigrateBaseline.self, MigrateRepair.self,
      MigrateWait.self, MigrateDump.self,
    ]
  )

  package init() {}
}

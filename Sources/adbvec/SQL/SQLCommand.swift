import ArgumentParser

/// `adbvec sql …`: the SQL behind everything, for people.
struct SQLCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "sql",
    abstract: "Print ready-to-run SQL.",
    subcommands: [SQLQuery.self, SQLList.self, SQLShow.self]
  )
}

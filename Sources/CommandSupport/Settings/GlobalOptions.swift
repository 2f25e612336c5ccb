package import ArgumentParser

/// Options that every command has.
package struct GlobalOptions: ParsableArguments {
  @Option(help: ArgumentHelp("The server; without it the private server, when it runs.", valueName: "url"))
  package var databaseUrl: String?

  @Option(help: ArgumentHelp("pgvector or analyticdb.", valueName: "name"))
  package var dialect: String?

  @Option(help: ArgumentHelp("The table, schema.table.", valueName: "name"))
  package var table: String?

  @Option(help: ArgumentHelp("A settings file instead of adbvec.yaml.", valueName: "file"))
  package var config: String?

  @Flag(name: .shortAndLong, help: "Print results and errors only.")
  package var quiet = false

  @Flag(name: .shortAndLong, help: "Print what is done, step by step.")
  package var verbose = false

  package init() {}

  /// The settings in force; `more` are flags of the command itself.
  package func settings(_ more: [Setting: String?] = [:]) async throws -> Settings {
    var flags: [Setting: String?] = [.databaseURL: databaseUrl, .dialect: dialect, .table: table]
    flags.merge(more) { _, new in new }
    return try Settings(flags: flags.compactMapValues { $0 }, path: config)
  }
}

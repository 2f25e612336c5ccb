import ArgumentParser
import CommandSupport
import Migrations

/// `adbvec migrate render`.
struct MigrateRender: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "render",
    abstract: "Print the files with their parameters put in; asks no server."
  )

  @Argument(help: ArgumentHelp("Only this version.", valueName: "version"))
  var version: String?

  @Flag(help: "Print the way down in place of the way up.")
  var down = false

  @Option(
    help: ArgumentHelp(
      "What the server can do, where a file asks: distribution, concurrent_index …; with '-' in front, cannot.",
      valueName: "name"
    )
  )
  var capability: [String] = []

  @OptionGroup var options: MigrateOptions

  mutating func run() async throws {
    try await MigrateFailure.reporting("migrate render", options.format) {
      let settings = try await options.settings()
      let migrator = try options.migrator(settings) { options in
        for word in capability {
          let name = word.hasPrefix("-") ? String(word.dropFirst()) : word
          guard let known = Capability(rawValue: name) else {
            throw CommandFailure(
              "--capability is one of \(Capability.names.joined(separator: ", "))",
              exitCode: 64
            )
          }
          options.capabilities[known] = name == word
        }
      }
      let files = try migrator.render(version: version)
      switch options.format {
      case .json: try JSONReport(command: "migrate render", result: files).print()
      case .text:
        for file in files {
          print("-- \(file.file)")
          print(down ? file.down ?? "-- there is no way down\n" : file.up)
        }
      }
    }
  }
}

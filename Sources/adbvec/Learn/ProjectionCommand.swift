import ArgumentParser
import CommandSupport

/// `adbvec projection …`.
struct ProjectionCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "projection",
    abstract: "Learn shorter, better vectors.",
    subcommands: [ProjectionFitCommand.self, ProjectionShowCommand.self]
  )
}

/// `adbvec projection show`: what a projection's file holds.
struct ProjectionShowCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "show",
    abstract: "Print what a projection was fitted for, on what, and how."
  )

  @Argument(help: ArgumentHelp("The projection.", valueName: "file"))
  var file: String

  @Option(help: "text or json.")
  var format = ReportFormat.text

  mutating func run() async throws {
    try ProjectionReport(file: file).print("projection show", format)
  }
}

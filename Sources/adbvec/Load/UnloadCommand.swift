import ArgumentParser
import CommandSupport
import Ingestion
import ImageSources

/// `adbvec unload`.
struct UnloadCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "unload",
    abstract: "Write the table's rows to a file that 'load' reads back.",
    discussion: """
      Rows come in the order of their ids, as one statement sees them; memory does not grow with the table.

      .npy, .fvecs and .bvecs hold vectors alone: 'load' numbers the rows from 0, and --labels keeps the classes.

        adbvec unload features.txt
        adbvec unload vectors.jsonl --format jsonl
      """
  )

  @Argument(help: ArgumentHelp("The file to write; - is standard output.", valueName: "file"))
  var file: String

  @Option(
    help: ArgumentHelp(
      "features, npy, fvecs, bvecs, csv or jsonl; without it by the file's name.",
      valueName: "name"
    )
  )
  var format: FeatureSource.Format?

  @Option(
    help: ArgumentHelp(
      "A file for the classes, for .npy, .fvecs and .bvecs, which carry none.",
      valueName: "file"
    )
  )
  var labels: String?

  @OptionGroup(title: "Global options") var global: GlobalOptions

  mutating func run() async throws {
    let settings = try await global.settings()
    let unloader = Unloader(settings: try settings.connectionSettings(), target: try settings.loadTarget())
    let (path, format, labels) = (file, format, labels)
    let rows = try await unloader.run { try FeatureOutput.open(path, format: format, labels: labels) }
    if path == "-" { Terminal.note("\(rows) rows written") } else { print("\(rows) rows in \(path)") }
  }
}

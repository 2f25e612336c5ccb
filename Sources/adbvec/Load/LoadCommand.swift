import ArgumentParser
import CommandSupport
import Ingestion
import ImageSources

/// `adbvec load`.
struct LoadCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "load",
    abstract: "Load vectors that exist already.",
    discussion: """
      FILE is the tutorial's feature file (id|class|{…}), .npy, .fvecs, .bvecs, .csv or .jsonl; - reads standard input.

        adbvec load features.txt
        adbvec load vectors.npy --labels classes.txt --method copy
      """
  )

  @Argument(help: ArgumentHelp("The file; - is standard input.", valueName: "file"))
  var file: String

  @Option(
    help: ArgumentHelp(
      "features, npy, fvecs, bvecs, csv or jsonl; without it by the file's name.",
      valueName: "name"
    )
  )
  var inputFormat: FeatureSource.Format?

  @Option(help: ArgumentHelp("The classes of a .npy, .fvecs or .bvecs file.", valueName: "file"))
  var labels: String?

  @OptionGroup(title: "Load options") var load: LoadOptionsGroup

  @Option(help: "text or json.")
  var format = ReportFormat.text

  @OptionGroup(title: "Global options") var global: GlobalOptions

  mutating func run() async throws {
    let settings = try await global.settings()
    let source = FileBatchSource(FeatureSource(path: file, format: inputFormat, labels: labels))
    let loader = Loader(
      settings: try settings.connectionSettings(),
      target: try settings.loadTarget(),
      options: load.options(.automatic, recipe: "", metric: try settings.chosenMetric())
    )
    let reporter = LoadReporter(global)
    let report = try await loader.run(source) { reporter.show($0) }
    try reporter.finish(report, command: "load", format: format)
  }
}

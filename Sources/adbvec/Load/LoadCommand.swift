import ArgumentParser
import Basics
import CommandSupport
import Glibc
import ImageSearch
import ImageSources
import Ingestion
import PostgresClient

/// `adbvec load`.
struct LoadCommand: AsyncParsableCommand, InterruptibleCommand {
  static let configuration = CommandConfiguration(
    commandName: "load",
    abstract: "Load a file of vectors into the table.",
    discussion: """
      FILE is the tutorial's feature file (id|class|{…}), .npy, .npz, .hdf5, .fvecs, .bvecs, .csv or .jsonl, also \
      compressed with gzip or Zstandard; - reads standard input. An .npz file may hold ids and classes beside the vectors; \
      the vector of a CSV file may be several columns with a common stem, such as e0,e1,e2.

      What made the vectors is read from FILE.recipe.json, which 'embed' and 'unload' write, and is recorded with them; vectors of \
      another recipe than the table's are refused.

        adbvec load features.txt
        adbvec load vectors.npy --labels classes.txt --method copy
        adbvec load glove-100-angular.hdf5 --array train
      """
  )

  @Argument(help: ArgumentHelp("The file; - is standard input.", valueName: "file"), completion: .file())
  var file: String

  @Option(
    help: ArgumentHelp(
      "features, npy, npz, hdf5, fvecs, bvecs, csv or jsonl (default: by the file's name).",
      valueName: "name"
    ),
    completion: .list(["features", "npy", "npz", "hdf5", "fvecs", "bvecs", "csv", "jsonl"])
  )
  var inputFormat: FeatureSource.Format?

  @Option(
    help: ArgumentHelp(
      "The array of an .npz or .hdf5 file with the vectors (default: vectors, embeddings, train …).",
      valueName: "name"
    )
  )
  var array: String?

  @Option(
    help: ArgumentHelp(
      "The character between the fields of CSV; \\t is a tab (default: ,).",
      valueName: "char"
    )
  )
  var delimiter: String?

  @Option(
    help: ArgumentHelp("The file with the classes, for formats that hold none.", valueName: "file"),
    completion: .file()
  )
  var labels: String?

  @OptionGroup(title: "Load options") var load: LoadOptionsGroup

  @Option(help: "text or json.")
  var format = ReportFormat.text

  @OptionGroup(title: "Global options") var global: GlobalOptions

  var interruption: String {
    // Named pipes, devices and standard input cannot be read again from the start.
    var status = stat()
    let isPipe =
      file == "-" || stat(file, &status) == 0 && ![S_IFREG, S_IFDIR].contains(status.st_mode & S_IFMT)
    return isPipe && !load.dryRun && !load.untracked
      ? "interrupted; committed batches stay" : load.interruption
  }

  func validate() throws {
    guard let delimiter, delimiter != "\\t" else { return }
    guard delimiter.utf8.count == 1, !"\"\r\n".contains(delimiter) else {
      throw ValidationError("--delimiter is one character of ASCII or \\t, not \"\(delimiter)\"")
    }
  }

  mutating func run() async throws {
    let settings = try global.settings()
    var vectors = FeatureSource(path: file, format: inputFormat, labels: labels)
    vectors.array = array
    if let delimiter {
      vectors.delimiter = delimiter == "\\t" ? UInt8(ascii: "\t") : delimiter.utf8.first ?? vectors.delimiter
      if vectors.format == nil { vectors.format = .csv }
    }
    let source = FileBatchSource(vectors)
    let loader = Loader(
      settings: try settings.connectionSettings(),
      target: try settings.loadTarget(),
      options: load.options(
        .automatic,
        recipe: try RecipeFile.recipe(of: file) { Terminal.warning($0) },
        metric: try settings.chosenMetric()
      )
    )
    let reporter = LoadReporter(global)
    let report: LoadReport
    do {
      report = try await loader.run(source) { reporter.show($0) }
    } catch var mismatch as RecipeMismatch {
      mismatch.file = file
      throw mismatch
    }
    try reporter.finish(report, command: "load", format: format)
  }
}

/// `adbvec unload`.
struct UnloadCommand: AsyncParsableCommand, InterruptibleCommand {
  static let configuration = CommandConfiguration(
    commandName: "unload",
    abstract: "Write the table's rows to a file that 'load' reads back.",
    discussion: """
      Rows come in the order of their ids, as one statement sees them; memory does not grow with the table.

      .npy, .fvecs and .bvecs hold vectors alone: 'load' numbers the rows from 0, and --labels keeps the classes. Ids that \
      are texts or UUIDs go into the other formats. What made the vectors is written to FILE.recipe.json, where it is known.

        adbvec unload features.txt
        adbvec unload - --output-format jsonl
      """
  )

  @Argument(
    help: ArgumentHelp("The file to write; - is standard output.", valueName: "file"),
    completion: .file()
  )
  var file: String

  @Option(
    help: ArgumentHelp(
      "features, npy, fvecs, bvecs, csv or jsonl (default: by the file's name).",
      valueName: "name"
    ),
    completion: .list(["features", "npy", "fvecs", "bvecs", "csv", "jsonl"])
  )
  var outputFormat: FeatureSource.Format?

  /// The name of --output-format in version 1.
  @Option(name: .customLong("format"), help: .hidden)
  var earlierFormat: FeatureSource.Format?

  @Option(
    help: ArgumentHelp(
      "The file with the classes, for .npy, .fvecs and .bvecs, which hold none.",
      valueName: "file"
    ),
    completion: .file()
  )
  var labels: String?

  @OptionGroup(title: "Global options") var global: GlobalOptions

  var interruption: String { file == "-" ? "interrupted" : "interrupted; \(file) was not written" }

  func validate() throws {
    try checkVectorOutput(file, format: outputFormat ?? earlierFormat, labels: labels)
  }

  mutating func run() async throws {
    let settings = try global.settings()
    let unloader = Unloader(settings: try settings.connectionSettings(), target: try settings.loadTarget())
    let (path, format, labels) = (file, outputFormat ?? earlierFormat, labels)
    let counts = try await unloader.run { try FeatureOutput.open(path, format: format, labels: labels) }
    if path != "-" { try await writeRecipe(settings) }
    if counts.withoutVector > 0 {
      Terminal.warning("\(counted(counts.withoutVector, "row")) without a vector left out")
    }
    if path == "-" {
      global.note("\(counted(counts.rows, "row")) written")
    } else if !global.quiet {
      try Output.line("\(counted(counts.rows, "row")) in \(path)")
    }
  }

  /// Writes what is recorded of the vectors beside them.
  private func writeRecipe(_ settings: Settings) async throws {
    let table = try settings.imageTable()
    let connection = try await settings.connect()
    do {
      let recorded = try await table.recordedRecipe(on: connection)
      await connection.close()
      if let recorded { try RecipeFile.write(recorded.recipe, of: file) }
    } catch {
      await connection.close()
      throw error
    }
  }
}

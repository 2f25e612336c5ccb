public import ArgumentParser
public import ImageSources
public import Ingestion
import VectorSQL

/// How rows are written; shared by `embed-load` and `load`.
struct LoadOptionsGroup: ParsableArguments {
  @Option(
    help: ArgumentHelp("auto, insert (parameterized binary INSERT) or copy (binary COPY).", valueName: "way")
  )
  var method: LoadOptions.Method?

  @Option(help: "A row whose id exists: fail, skip or update.")
  var onConflict = LoadOptions.ConflictPolicy.fail

  @Option(help: ArgumentHelp("Rows in a transaction; without it sized to the vectors.", valueName: "rows"))
  var batch: Int?

  @Option(help: ArgumentHelp("Connections that write side by side.", valueName: "count"))
  var connections = 1

  @Option(help: ArgumentHelp("Most rows a second.", valueName: "rows"))
  var rateLimit: Double?

  @Flag(help: "Go on where an earlier load of this source stopped.")
  var resume = false

  @Flag(help: "Forget an earlier load of this source and start over.")
  var restart = false

  @Flag(help: "Keep no record of the load; it cannot be resumed.")
  var untracked = false

  @Option(help: "Vector indexes: keep, defer (drop, load, build) or auto.")
  var indexes = LoadOptions.IndexPolicy.automatic

  @Flag(help: "The same as --indexes defer.")
  var deferIndex = false

  @Flag(help: "Do not run ANALYZE at the end.")
  var noAnalyze = false

  @Flag(help: "Check everything and write nothing.")
  var dryRun = false

  func validate() throws {
    guard [resume, restart, untracked].filter({ $0 }).count <= 1 else {
      throw ValidationError("--resume, --restart and --untracked exclude each other")
    }
    if let batch, !(1...1_000_000).contains(batch) {
      throw ValidationError("--batch must be 1…1000000, not \(batch)")
    }
    guard (1...32).contains(connections) else {
      throw ValidationError("--connections must be 1…32, not \(connections)")
    }
    if let rateLimit, rateLimit <= 0 || !rateLimit.isFinite {
      throw ValidationError("--rate-limit must be a number above 0")
    }
  }

  /// The options; `recipe` says what makes the vectors, `metric` what searches will compare them by.
  func options(_ way: LoadOptions.Method, recipe: String, metric: Metric?) -> LoadOptions {
    var options = LoadOptions()
    options.method = method ?? way
    options.onConflict = onConflict
    options.batchRows = batch
    options.connections = connections
    options.rateLimit = rateLimit
    options.continuation = resume ? .resume : restart ? .restart : untracked ? .untracked : .ask
    options.indexes = deferIndex ? .defer : indexes
    options.analyzes = !noAnalyze
    options.isDryRun = dryRun
    options.recipe = recipe
    options.metric = metric
    return options
  }
}

extension LoadOptions.ConflictPolicy: ExpressibleByArgument {}
extension LoadOptions.IndexPolicy: ExpressibleByArgument {}

extension ImageIDs: ExpressibleByArgument {
  /// The way of that name.
  public init?(argument: String) {
    guard let way = Self.all.first(where: { $0.description == argument }) else { return nil }
    self = way
  }
}

extension LoadOptions.Method: ExpressibleByArgument {
  /// The method of that name.
  public init?(argument: String) {
    guard let method = Self.all.first(where: { $0.description == argument }) else { return nil }
    self = method
  }
}

extension FeatureSource.Format: ExpressibleByArgument {
  /// The format of that name.
  public init?(argument: String) {
    self.init(argument)
  }
}

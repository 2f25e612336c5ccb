import ArgumentParser
import Basics
import Checkpoints
import CommandSupport
import FoundationEssentials
import ImageSearch
import Inference
import Ingestion
import MetricLearning
import MigrateCommands
import Migrations
import ModelChange
import PostgresClient
import VectorSQL

extension FeatureOptions {
  /// The model of a recipe, independent of the settings.
  static func load(_ recorded: RecordedRecipe) throws -> PreparedFeatures {
    try FeatureOptions.parse([]).prepare(settings([:], over: recorded.recipe), for: recorded)
  }

  /// Settings that say of the model what a recipe says, and nothing else.
  static func settings(_ changes: [Setting: String], over recipe: Recipe) -> Settings {
    let fields: [(Setting, Recipe.Field)] = [
      (.model, .architecture), (.feature, .feature), (.scales, .scales), (.mirror, .mirror),
      (.normalise, .normalise), (.weights, .weightsFile), (.projection, .projectionFile),
    ]
    var flags: [Setting: String] = [:]
    for (setting, field) in fields { flags[setting] = recipe[field] }
    if let file = flags[.weights], !FileManager.default.isReadableFile(atPath: file) { flags[.weights] = nil }
    flags.merge(changes) { $1 }
    return Settings(flags: flags)
  }
}

/// The changes of a table's model, for the migrate commands.
struct TableChanges: ChangeSupport {
  var names: (models: [String], features: [String]) { (KnownModel.all.map(\.name), FeatureOptions.kinds) }

  func runner(_ settings: Settings, force: Bool) throws -> any MigrationStepRunner {
    try Self.steps(settings, force: force)
  }

  static func steps(_ settings: Settings, workers: Int? = nil, force: Bool = false) throws -> ChangeSteps {
    // Migrations may be for a dialect of one's own, which no step speaks.
    let dialect = Dialect(name: try settings.text(.dialect)) ?? .pgvector
    return ChangeSteps(
      settings: try settings.connectionSettings(),
      dialect: dialect,
      workers: workers,
      forcesGate: force
    ) { recorded in
      let prepared = try FeatureOptions.load(recorded)
      return ChangeModel(model: prepared.model, decoding: prepared.decoding)
    }
  }

  func files(
    _ request: ChangeOptions,
    title: String,
    _ settings: Settings
  ) async throws -> [(name: String, text: String)] {
    let connection = try await settings.connect()
    var table = try await ChangedTable.read(try settings.imageTable(), on: connection)
    if let known = table.recipe, known.recipe[.weightsFile] == nil, let file = settings[.weights]?.text {
      var recipe = known.recipe
      recipe[.weightsFile] = Self.absolute(file)
      table.recipe = RecordedRecipe(recipe: recipe, table: known.table, count: known.count)
    }
    if request.contract { return try await contract(table, request, title, on: connection) }
    var limits = GateLimits()
    limits.sample = request.sample
    limits.maximumLoss = request.maxLoss
    limits.minimumRecall = request.minRecall
    if request.toType == "bit" { return try FirstPassFiles(table, limits: limits).files(title) }
    for note in table.notes { Terminal.note(note) }
    let new = try newVectors(request, table)
    limits.minimumAgreement = request.minAgreement ?? new.minimumAgreement
    let missing = MissingImages(rawValue: request.missing) ?? .fail
    if case .images = new.making, missing == .fail { try await table.refuseMissingImages(on: connection) }
    return try ChangeFiles(table, new, missing: missing, limits: limits, title: title).files()
  }

  private func newVectors(_ options: ChangeOptions, _ table: ChangedTable) throws -> NewVectors {
    let old = table.recipe?.recipe ?? Recipe()
    let request = Self.request(options)
    if request.needsImages(old) { return try embedded(request, options.toType, table, old) }
    if let file = request.projection {
      let projection = try Projection(contentsOfFile: file)
      return table.vectors(
        projectedBy: (file, try projection.digest()),
        dimension: projection.outputs,
        type: try Self.type(options.toType, table, projection.outputs)
      )
    }
    let type = try Self.type(options.toType, table, table.dimension)
    guard let converted = table.vectors(convertedTo: type, normalises: request.newlyNormalises(old)) else {
      throw CommandFailure("the vectors have that type already", fix: "name another with --to-type")
    }
    return converted
  }

  private static func request(_ options: ChangeOptions) -> VectorRequest {
    var request = VectorRequest()
    request.weights = options.toWeights.map(absolute)
    request.model = options.toModel
    request.feature = options.toFeature
    request.scales = options.toScales
    request.mirrors = options.toMirror
    request.normalises = options.toNormalise
    request.projection = options.toProjection.map(absolute)
    return request
  }

  /// The vectors that the model asked for makes of the images.
  private func embedded(
    _ request: VectorRequest,
    _ type: String?,
    _ table: ChangedTable,
    _ old: Recipe
  ) throws -> NewVectors {
    var changes: [Setting: String] = [:]
    changes[.weights] = request.weights
    changes[.model] = request.model
    changes[.feature] = request.feature
    changes[.scales] = request.scales
    changes[.mirror] = request.mirrors.map { $0 ? "yes" : "no" }
    changes[.normalise] = request.normalises.map { $0 ? "yes" : "no" }
    changes[.projection] = request.projection
    let base = request.kept(of: old)
    let chosen = FeatureOptions.settings(changes, over: base)
    let features = try FeatureOptions.parse([])
    let model: FeatureModel
    do {
      model = try features.load(chosen)
    } catch let error as CommandFailure {
      // The options have other names here.
      let fix = error.fix?.replacing("--weights", with: "--to-weights")
      throw CommandFailure(error.message, fix: fix, exitCode: error.exitCode)
    }
    let decoding = features.decoding.options(completedBy: old)
    var recipe = try Recipe(model, decoding: decoding)
    recipe[.weightsFile] = chosen[.weights]?.text ?? base[.weightsFile]
    recipe[.projectionFile] = changes[.projection]
    recipe[.metric] = old[.metric]
    let dimension = model.dimension
    return table.vectors(
      madeBy: recipe,
      dimension: dimension,
      type: try Self.type(type, table, dimension)
    )
  }

  /// The name of the new column's type.
  private static func type(_ wanted: String?, _ table: ChangedTable, _ dimension: Int) throws -> String {
    let name = wanted ?? table.usualType(dimension: dimension)
    guard table.possibleTypes.contains(name) else {
      throw CommandFailure(
        "--to-type must be one of \(table.possibleTypes.joined(separator: ", ")), not \"\(name)\"",
        exitCode: 64
      )
    }
    return name
  }

  private static func absolute(_ path: String) -> String {
    URL(filePath: path).standardizedFileURL.path
  }

  private func contract(
    _ table: ChangedTable,
    _ request: ChangeOptions,
    _ title: String,
    on connection: PostgresConnection
  ) async throws -> [(name: String, text: String)] {
    let change = table.change
    guard table.catalog.column(change.previous) != nil else {
      throw CommandFailure(
        "\(change.table.quoted) has no column \(change.previous.name): no switch has been applied",
        fix: "adbvec migrate up"
      )
    }
    let missing = MissingImages(rawValue: request.missing) ?? .fail
    let (count, others) = try await table.countUnfit(on: connection)
    for warning in ChangeFiles.warnings(missing: missing, count: count, others: others) {
      Terminal.warning(warning)
    }
    return ChangeFiles.contract(table, missing: missing, count: count, title: title)
  }
}

/// `adbvec reembed`.
struct ReembedCommand: AsyncParsableCommand, InterruptibleCommand {
  static let configuration = CommandConfiguration(
    commandName: "reembed",
    abstract: "Do a share of a change's new vectors on this machine.",
    discussion: """
      'adbvec migrate up' makes the new vectors of a change by itself; this does some of them on another machine that sees \
      the images, at the same time. Each row is done once. It ends when no row waits.

        adbvec reembed --database-url postgresql://server/images
      """
  )

  @Option(help: ArgumentHelp("Images processed at once, each on one core.", valueName: "count"))
  var workers: Int = max(1, ProcessInfo.processInfo.activeProcessorCount)

  @Option(
    help: ArgumentHelp(
      "The new model's weights, where they lie elsewhere on this machine.",
      valueName: "file"
    ),
    completion: .file()
  )
  var weights: String?

  @Option(help: "text or json.")
  var format = ReportFormat.text

  @OptionGroup(title: "Global options") var global: GlobalOptions

  var interruption: String { "interrupted; what was made stays, and the rest waits" }

  func validate() throws { try FeatureOptions.check(workers: workers) }

  mutating func run() async throws {
    let settings = try global.settings()
    let connection = try await settings.connect()
    let table = try settings.imageTable()
    let steps = try TableChanges.steps(settings, workers: workers)
    let isQuiet = global.quiet
    let done = try await steps.share(of: table, weights: weights, on: connection) { line in
      if !isQuiet { Terminal.note(line) }
    }
    switch format {
    case .json:
      try JSONReport(command: "reembed", result: ["made": done.made, "missing": done.missing]).print()
    case .text:
      let left = done.missing == 0 ? "" : ", \(counted(done.missing, "image")) missing"
      try Output.line("\(counted(done.made, "vector")) made\(left)")
    }
  }
}

import ArgumentParser
import Checkpoints
import CommandSupport
import ImageCodecs
import ImageSearch
import ImageSources
import Inference
import Ingestion
import LocalPostgres
import MetricLearning
import PostgresClient

/// Options of commands that turn images into embeddings; the same everywhere, so that all commands make equal ones.
struct FeatureOptions: ParsableArguments {
  /// What a shell offers for --feature.
  static let kinds = ["logits", "probabilities", "pooled", "gem", "rmac", "cls"]

  @Option(
    help: ArgumentHelp(
      "The model, such as squeezenet1_1 (default: the one that the weights fit).",
      valueName: "name"
    ),
    completion: .list(KnownModel.all.map(\.name))
  )
  var model: String?

  @Option(
    help: ArgumentHelp(
      "The architecture of your own weights: any number of classes, extra heads are ignored.",
      valueName: "name"
    ),
    completion: .list(Architecture.all.map(\.name))
  )
  var architecture: String?

  @Option(
    help: ArgumentHelp("The file with the weights, .safetensors or .pth.", valueName: "file"),
    completion: .file()
  )
  var weights: String?

  @Option(
    help: ArgumentHelp(
      "The layer and pooling: logits, probabilities, pooled, gem[:P], rmac[:LEVELS], cls or layer:NAME (default: logits).",
      valueName: "kind"
    ),
    completion: .list(kinds)
  )
  var feature: String?

  @Option(
    help: ArgumentHelp(
      "Average over input sizes, as multiples of the model's: 0.7,1,1.4 (default: 1).",
      valueName: "list"
    )
  )
  var scales: String?

  @Flag(
    inversion: .prefixedNo,
    help: "Average over an image and its mirror image."
  )
  var mirror: Bool?

  @Flag(inversion: .prefixedNo, help: "Scale embeddings to length 1.")
  var normalise: Bool?

  @Option(
    help: ArgumentHelp("The projection to apply last; see 'adbvec projection fit'.", valueName: "file"),
    completion: .file(extensions: ["safetensors"])
  )
  var projection: String?

  @OptionGroup var preprocessing: PreprocessingArguments

  @OptionGroup var decoding: DecodingArguments

  func validate() throws {
    if model != nil, architecture != nil {
      throw ValidationError("--model and --architecture exclude each other")
    }
  }

  /// The flags as settings.
  var flags: [Setting: String?] {
    [
      .model: model ?? architecture, .weights: weights, .feature: feature, .scales: scales,
      .projection: projection, .mirror: mirror.map { $0 ? "yes" : "no" },
      .normalise: normalise.map { $0 ? "yes" : "no" },
    ]
  }

  /// Whether any option says how embeddings are made.
  var isGiven: Bool {
    flags.values.contains { $0 != nil } || preprocessing.changes(completing: .init()) != .init()
      || decoding.background != nil || decoding.exif != nil || decoding.icc != nil || decoding.decode != nil
      || decoding.grey16 != nil
  }

  /// Loads the model in force.
  func load(_ settings: Settings) throws -> FeatureModel {
    try load(settings, FeatureChoice(settings))
  }

  /// - Throws: `ValidationError` for no worker at all, or for more than any machine has a use for.
  static func check(workers: Int) throws {
    try checkRange("--workers", workers, 1...256)
  }

  /// Loads the model of a choice.
  func load(_ settings: Settings, _ choice: FeatureChoice) throws -> FeatureModel {
    let model = try load(settings, choice, ignoresExtraTensors: architecture != nil)
    try model.checkProjection(decoding: decoding.options, leavingOut: openDecodingFields)
    return model
  }

  /// Fields of decoding that no option says.
  private var openDecodingFields: [Recipe.Field] {
    [(.exif, decoding.exif == nil), (.icc, decoding.icc == nil), (.decode, decoding.decode == nil)]
      .compactMap { (field, isOpen) in isOpen ? field : nil }
  }

  private func load(
    _ settings: Settings,
    _ choice: FeatureChoice,
    ignoresExtraTensors: Bool
  ) throws -> FeatureModel {
    let model = try FeatureModel(
      architecture: try choice.model.map { try Architecture.named($0) },
      weights: try choice.weights ?? Self.storedWeights(choice.model, settings),
      feature: choice.feature,
      normalised: choice.normalised,
      augmentation: choice.augmentation,
      projection: try choice.projection.map { try Projection(contentsOfFile: $0) },
      preprocessing: preprocessing.changes(completing: choice.preprocessing),
      ignoresExtraTensors: ignoresExtraTensors
    )
    let others = model.unusedTensors
    if let first = others.first {
      Terminal.note("\(others.count) tensors of the weights are not used, such as \(first)")
    }
    return model
  }

  /// The recipe that new vectors of a table follow. A table without rows has no vectors that options could contradict.
  func recipe(in store: RecipeStore, _ connection: PostgresConnection) async throws -> RecordedRecipe? {
    let recorded = try await store.read(connection)
    guard isGiven else { return recorded }
    return try await store.hasRows(connection) ? recorded : nil
  }

  /// Loads the model for a table: what is not given is taken from the table's recipe.
  /// - Throws: `RecipeMismatch` when what is given contradicts the recipe.
  func prepare(_ settings: Settings, for recorded: RecordedRecipe?) throws -> PreparedFeatures {
    guard let recorded else {
      let choice = try FeatureChoice(settings)
      let model = try load(settings, choice)
      return PreparedFeatures(
        model: model,
        decoding: decoding.options,
        recipe: try Recipe(model, decoding: decoding.options, choice)
      )
    }
    let recipe = recorded.recipe
    let decoding = decoding.options(completedBy: recipe)
    // What decoding alone decides is compared before the weights are read.
    try recipe.check(Recipe(decoding: decoding), table: recorded.table)
    var choice = try Self.choice(settings, completedBy: recorded)
    let ignoresExtraTensors = architecture != nil || self.model == nil
    let model: FeatureModel
    do {
      model = try load(settings, choice, ignoresExtraTensors: ignoresExtraTensors)
    } catch let error as NetworkError where error.code == .weights && settings[.model] == nil {
      // Weights of another architecture than the table's: that is what is wrong, not that they do not fit it.
      choice.model = nil
      guard let other = try? load(settings, choice, ignoresExtraTensors: ignoresExtraTensors) else {
        throw error
      }
      model = other
    }
    try model.checkProjection(decoding: decoding, leavingOut: openDecodingFields)
    let given = try Recipe(model, decoding: decoding, choice)
    try recipe.check(given, table: recorded.table)
    if recorded.count > 1 {
      Terminal.warning(
        "the rows of \(recorded.table) were made by \(recorded.count) recipes; distances mean something among the "
          + "rows of the newest only"
      )
    }
    return PreparedFeatures(model: model, decoding: decoding, recipe: given)
  }

  /// The settings in force, with what nobody set taken from a table's recipe.
  /// - Throws: `CommandFailure` when the recipe's projection is not at hand.
  private static func choice(_ settings: Settings, completedBy recorded: RecordedRecipe) throws
    -> FeatureChoice
  {
    let fields: [(Setting, Recipe.Field)] = [
      (.feature, .feature), (.normalise, .normalise), (.scales, .scales), (.mirror, .mirror),
    ]
    let given = fields.filter { settings[$0.0].map { $0.origin != "default" } ?? false }.map(\.1)
    let choice = try FeatureChoice(settings).completed(by: recorded.recipe, keeping: Set(given))
    if let digest = choice.missingProjection(of: recorded.recipe) {
      throw CommandFailure(
        "the vectors of \(recorded.table) went through a projection with the digest \(digest). "
          + "Fix: name its file with --projection FILE",
        exitCode: 64
      )
    }
    return choice
  }

  /// Weights that `adbvec models fetch` left.
  private static func storedWeights(_ name: String?, _ settings: Settings) throws -> String {
    let model = name ?? "efficientnet_lite0"
    if let found = ModelStore.standard(settings.environment).path(ofModel: model) { return found }
    throw CommandFailure(
      "the weights of \(model) are not on this machine",
      fix: wayToWeights(of: model) + ", or give --weights FILE (.safetensors or .pth)",
      exitCode: 64
    )
  }

  private static func wayToWeights(of model: String) -> String {
    guard let known = KnownModel.all.first(where: { $0.architecture == model }) else {
      return "'adbvec models list' names the models that can be fetched"
    }
    return known.advice
  }
}

extension FeatureChoice {
  /// The settings in force that decide an image's vector.
  init(_ settings: Settings) throws {
    self.init(
      feature: try FeatureKind(parsing: try settings.text(.feature)),
      normalised: try settings.flag(.normalise),
      augmentation: try TestTimeAugmentation(
        parsing: try settings.text(.scales),
        mirror: try settings.flag(.mirror) ? .averaged : .none
      )
    )
    model = settings[.model]?.text
    weights = settings[.weights]?.text
    projection = settings[.projection]?.text
  }
}

extension ModelStore {
  /// The checkpoints in the folders that everything fetched goes to; new ones go into the first that can be written.
  static func standard(_ environment: [String: String]) -> ModelStore {
    ModelStore(folders: CacheFolders.candidates(environment).map { $0 + "/weights" })
  }
}

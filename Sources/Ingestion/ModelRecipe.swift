internal import Basics
internal import FoundationEssentials
public import ImageCodecs
public import ImageSearch
internal import ImageSources
public import Inference
internal import MetricLearning

extension Recipe {
  /// The recipe of the vectors that a model makes of images.
  ///
  /// - Parameters:
  ///   - model: the weights, the feature and what is done with it.
  ///   - decoding: how images are decoded before.
  /// - Throws: `ProjectionError` for a projection that cannot be read.
  public init(_ model: FeatureModel, decoding: Image.DecodingOptions) throws {
    self.init(
      architecture: model.network.architecture,
      weights: model.weightsDigest,
      feature: model.feature,
      preprocessing: model.preprocessing,
      projection: try model.projection?.digest(),
      decoding: decoding
    )
    self[.scales] = Self.list(model.augmentation.scales)
    self[.mirror] =
      model.augmentation.mirror == .none ? "no" : model.augmentation.mirror == .averaged ? "yes" : "only"
    self[.normalise] = model.normalised ? "yes" : "no"
    if let provenance = model.projection?.provenance, !provenance.isEmpty {
      let known = provenance.filter { $0.key != "recipe" }.sorted { $0.key < $1.key }
      self[.projectionProvenance] = known.map { "\($0.key): \($0.value)" }.joined(separator: ", ")
    }
  }

  /// The recipe of a network and its feature, of one size of the image and as they come.
  init(
    architecture: Architecture,
    weights: String,
    feature: FeatureKind,
    preprocessing: Preprocessing,
    projection: String?,
    decoding: Image.DecodingOptions
  ) {
    self.init(decoding: decoding)
    self[.architecture] = architecture.name
    self[.weights] = weights
    self[.feature] = String(describing: feature)
    (self[.scales], self[.mirror], self[.normalise]) = ("1", "no", "no")
    self[.projection] = projection ?? "none"
    self[.resize] = String(preprocessing.resize)
    self[.crop] = String(preprocessing.crop)
    self[.interpolation] = String(describing: preprocessing.interpolation)
    self[.mean] = Self.list(preprocessing.normalization.mean)
    self[.deviation] = Self.list(preprocessing.normalization.deviation)
  }

  /// What decoding alone decides.
  public init(decoding: Image.DecodingOptions) {
    self.init([
      .background: decoding.background.map(Self.hexadecimal) ?? "none",
      .exif: decoding.appliesOrientation ? "yes" : "no",
      .icc: decoding.convertsColours ? "yes" : "no",
      .decode: decoding.fidelity.rawValue,
      .grey16: decoding.grey16 == .scaled ? "scaled" : "clipped",
    ])
  }

  /// `#rrggbb`.
  public static func hexadecimal(_ color: RGBColor) -> String {
    "#" + [color.red, color.green, color.blue].map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
  }

  /// Numbers as the command line takes them: `0.7,1,1.4`.
  public static func list(_ numbers: [some LosslessStringConvertible]) -> String {
    numbers.map { number in
      let text = String(number)
      return text.hasSuffix(".0") ? String(text.dropLast(2)) : text
    }.joined(separator: ",")
  }

  /// Reads what ``list(_:)`` writes; nil for anything but finite numbers.
  package static func numbers(_ text: String) -> [Float]? {
    let numbers = text.split(separator: ",", omittingEmptySubsequences: false).map {
      Float($0.filter { $0 != " " }) ?? .nan
    }
    return numbers.allSatisfy(\.isFinite) ? numbers : nil
  }
}

/// What decides an image's vector, as it was chosen.
package struct FeatureChoice: Hashable {
  /// The network; nil for the one that the weights fit.
  package var model: String?
  /// The checkpoint file; nil for the weights of the model that were fetched.
  package var weights: String?
  package var feature: FeatureKind
  package var normalised: Bool
  package var augmentation: TestTimeAugmentation
  /// The projection's file.
  package var projection: String?
  /// What differs from the network's preprocessing.
  package var preprocessing = PreprocessingChanges()

  package init(feature: FeatureKind, normalised: Bool, augmentation: TestTimeAugmentation) {
    self.feature = feature
    self.normalised = normalised
    self.augmentation = augmentation
  }

  /// The choice with what nobody made taken from a table's recipe; files are taken where they can be read.
  /// - Parameter given: the fields of the recipe that somebody chose. Model and files were chosen where they are not nil.
  /// - Throws: `NetworkError` for a recipe that does not say what it should.
  package func completed(by recipe: Recipe, keeping given: Set<Recipe.Field>) throws -> FeatureChoice {
    func recorded(_ field: Recipe.Field) -> String? { given.contains(field) ? nil : recipe[field] }
    func file(_ field: Recipe.Field) -> String? {
      recipe[field].flatMap { FileManager.default.isReadableFile(atPath: $0) ? $0 : nil }
    }
    var choice = self
    if let text = recorded(.feature) { choice.feature = try FeatureKind(parsing: text) }
    if let text = recorded(.normalise) { choice.normalised = text == "yes" }
    let mirror = recorded(.mirror).map { $0 == "yes" ? .averaged : .none } ?? augmentation.mirror
    choice.augmentation =
      try recorded(.scales).map { try TestTimeAugmentation(parsing: $0, mirror: mirror) }
      ?? TestTimeAugmentation(scales: augmentation.scales, mirror: mirror)
    choice.model = model ?? recipe[.architecture]
    if weights == nil, choice.model == recipe[.architecture] { choice.weights = file(.weightsFile) }
    choice.preprocessing = PreprocessingChanges(
      mean: recipe[.mean].flatMap(Recipe.numbers),
      deviation: recipe[.deviation].flatMap(Recipe.numbers),
      interpolation: recipe[.interpolation].flatMap(Interpolation.init(rawValue:)),
      resize: recipe[.resize].flatMap { Int($0) },
      crop: recipe[.crop].flatMap { Int($0) }
    )
    if missingProjection(of: recipe) != nil { choice.projection = file(.projectionFile) }
    return choice
  }

  /// The digest of the projection that a recipe has, when none is chosen.
  package func missingProjection(of recipe: Recipe) -> String? {
    projection == nil && recipe[.projection] != "none" ? recipe[.projection] : nil
  }
}

extension Recipe {
  /// The recipe of a model, and where the files are that were chosen for it.
  /// - Throws: As `init(_:decoding:)`.
  package init(_ model: FeatureModel, decoding: Image.DecodingOptions, _ choice: FeatureChoice) throws {
    try self.init(model, decoding: decoding)
    func absolute(_ path: String) -> String { URL(fileURLWithPath: path).standardizedFileURL.path }
    self[.weightsFile] = choice.weights.map(absolute)
    self[.projectionFile] = choice.projection.map(absolute)
  }
}

extension FeatureModel {
  /// Refuses a projection that was fitted on vectors of another recipe.
  /// - Parameter fields: of decoding, which nobody chose: their defaults differ between files and records, and between
  ///   versions.
  /// - Throws: `RecipeMismatch`; `ProjectionError` for a projection that cannot be read.
  package func checkProjection(decoding: Image.DecodingOptions, leavingOut fields: [Recipe.Field]) throws {
    guard let text = projection?.provenance["recipe"], let samples = Recipe(recorded: text) else { return }
    var given = try Recipe(self, decoding: decoding)
    given[.projection] = nil
    for field in fields { given[field] = nil }
    try samples.check(given, table: "the projection's samples")
  }
}

/// A model for one table, how images are decoded for it, and the recipe that both make.
package struct PreparedFeatures {
  package let model: FeatureModel
  /// With the size that the model wants.
  package let decoding: Image.DecodingOptions
  package let recipe: Recipe

  package init(model: FeatureModel, decoding: Image.DecodingOptions, recipe: Recipe) {
    self.model = model
    var decoding = decoding
    decoding.coverage = model.coverage
    self.decoding = decoding
    self.recipe = recipe
  }
}

/// What made the vectors of a file, kept in a file beside it: `vectors.npy.recipe.json`.
public struct RecipeFile: Sendable, Hashable, Codable {
  /// What tells the vectors' file from one that took its name since.
  private let fingerprint: String
  private let recipe: Recipe

  /// Where the recipe of a file of vectors is.
  public static func path(of file: String) -> String { file + ".recipe.json" }

  /// Writes the recipe of a file of vectors that is whole; of a pipe or a device nothing is written.
  /// - Throws: `CollectionError` when the file cannot be read, `AtomicFile.Failure` when the recipe cannot be written.
  public static func write(_ recipe: Recipe, of file: String) throws {
    guard let fingerprint = try FeatureSource(path: file).fingerprint() else { return }
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
    let written = RecipeFile(fingerprint: fingerprint.description, recipe: recipe)
    try AtomicFile.write(Array(encoder.encode(written)) + Array("\n".utf8), to: path(of: file))
  }

  /// The recipe of a file of vectors; nil where none is beside it.
  /// - Parameter warn: told when there is one that is not this file's.
  /// - Throws: `CollectionError` when the file of vectors cannot be read.
  public static func recipe(of file: String, warn: (String) -> Void) throws -> Recipe? {
    guard let data = FileManager.default.contents(atPath: path(of: file)) else { return nil }
    guard let fingerprint = try FeatureSource(path: file).fingerprint() else { return nil }
    guard let found = try? JSONDecoder().decode(RecipeFile.self, from: data),
      found.fingerprint == fingerprint.description
    else {
      warn("\(path(of: file)) does not say what made the vectors that \(file) has now, and is left aside")
      return nil
    }
    return found.recipe
  }
}

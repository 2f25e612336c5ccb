public import ArgumentParser
import CommandSupport
import Foundation
public import ImageFeatures
import LocalPostgres
import ModelStore

/// Options of commands that turn images into vectors; the same everywhere, so that what one command loads the others
/// find.
struct FeatureOptions: ParsableArguments {
  @Option(
    help: ArgumentHelp(
      "The network, such as squeezenet1_1; without it the one that the weights fit.",
      valueName: "name"
    )
  )
  var model: String?

  @Option(
    help: ArgumentHelp(
      "The network of a checkpoint that was trained on elsewhere: takes its number of classes, leaves its extra heads alone.",
      valueName: "name"
    )
  )
  var architecture: String?

  @Option(help: ArgumentHelp("The checkpoint, .safetensors or .pth.", valueName: "file"))
  var weights: String?

  @Option(
    help: ArgumentHelp(
      "logits, probabilities, pooled, gem[:P], rmac[:LEVELS], cls or layer:NAME.",
      valueName: "kind"
    )
  )
  var feature: String?

  @Option(
    help: ArgumentHelp(
      "Average over these sizes of the input, as multiples of the network's: 0.7,1,1.4.",
      valueName: "list"
    )
  )
  var scales: String?

  @Flag(
    inversion: .prefixedNo,
    help: "Average over an image and its mirror image."
  )
  var mirror: Bool?

  @Flag(inversion: .prefixedNo, help: "Scale vectors to length 1.")
  var normalise: Bool?

  @Option(
    help: ArgumentHelp("A projection that is applied last; see 'adbvec projection fit'.", valueName: "file")
  )
  var projection: String?

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

  /// Loads the model in force.
  func load(_ settings: Settings) throws -> FeatureModel {
    try load(settings, FeatureChoice(settings))
  }

  /// - Throws: `ValidationError` for no worker at all, or for more than any machine has a use for.
  static func check(workers: Int) throws {
    guard (1...256).contains(workers) else {
      throw ValidationError("--workers must be 1…256, not \(workers)")
    }
  }

  /// Loads a model; `without` its projection to learn another.
  func load(_ settings: Settings, _ choice: FeatureChoice) throws -> FeatureModel {
    let model = try FeatureModel(
      architecture: try choice.model.map { try Architecture.named($0) },
      weights: try choice.weights ?? Self.storedWeights(choice.model, settings),
      feature: choice.feature,
      normalised: choice.normalised,
      copies: choice.copies,
      projection: try choice.projection.map { try Projection(contentsOfFile: $0) },
      ignoresExtraTensors: architecture != nil
    )
    let others = model.network.leftOver
    if let first = others.first {
      Terminal.note("\(others.count) tensors of the checkpoint are not used, such as \(first)")
    }
    return model
  }

  /// A checkpoint that `adbvec models fetch` or `scripts/bootstrap` left.
  private static func storedWeights(_ name: String?, _ settings: Settings) throws -> String {
    let model = name ?? "efficientnet_lite0"
    if let found = ModelStore.standard(settings.environment).path(ofModel: model) { return found }
    let ways = KnownModel.all.filter { $0.architecture.name == model }.map { $0.advice }.first
    throw CommandFailure(
      "no weights for \(model): give --weights FILE (.safetensors or .pth)"
        + (ways.map { ", or run \($0)" } ?? ""),
      exitCode: 64
    )
  }
}

/// The settings in force that decide an image's vector, as values.
struct FeatureChoice {
  var model: String?
  var weights: String?
  var feature: FeatureKind
  var normalised: Bool
  var copies: ImageCopies
  var projection: String?

  init(_ settings: Settings) throws {
    model = settings[.model]?.text
    weights = settings[.weights]?.text
    feature = try FeatureKind(parsing: try settings.text(.feature))
    normalised = try settings.flag(.normalise)
    copies = try ImageCopies(
      parsing: try settings.text(.scales),
      mirror: try settings.flag(.mirror) ? .averaged : .none
    )
    projection = settings[.projection]?.text
  }
}

extension ModelStore {
  /// The checkpoints in the folders that everything fetched goes to; new ones go into the first that can be written.
  static func standard(_ environment: [String: String]) -> ModelStore {
    ModelStore(folders: CacheFolders.candidates(environment).map { $0 + "/weights" })
  }
}

/// How images are decoded before anything is computed from them.
struct DecodingArguments: ParsableArguments {
  @Option(
    help: ArgumentHelp(
      "What shows through transparent pixels: white, black or #RRGGBB; without it transparency is dropped, as Pillow does.",
      valueName: "colour"
    )
  )
  var background: RGBColor?

  @Flag(help: "Turn images as their EXIF orientation says.")
  var exif = false

  @Option(
    help: ArgumentHelp(
      "How 16-bit grey becomes 8-bit: clipped, as Pillow does, or scaled, the high byte.",
      valueName: "way"
    )
  )
  var grey16 = Image.DecodingOptions.Grey16.clipped

  @Option(
    help: ArgumentHelp(
      "Images of more pixels are not read; without it 89478485, where Pillow warns.",
      valueName: "count"
    )
  )
  var maxPixels: Int?

  func validate() throws {
    if let maxPixels, !(1...Self.mostPixels).contains(maxPixels) {
      throw ValidationError("--max-pixels must be 1…\(Self.mostPixels), not \(maxPixels)")
    }
  }

  /// More would not fit a buffer of the decoders.
  private static let mostPixels = Int(Int32.max) / 8

  /// The options of the decoder.
  var options: Image.DecodingOptions {
    var options = Image.DecodingOptions(background: background, appliesOrientation: exif, grey16: grey16)
    if let maxPixels { options.maximumPixels = maxPixels }
    return options
  }

  /// What a recipe says of them; empty for the tutorial's way.
  var recipe: String {
    (background.map { " background:\($0.red),\($0.green),\($0.blue)" } ?? "") + (exif ? " exif" : "")
      + (grey16 == .scaled ? " grey16:scaled" : "")
  }
}

extension Image.DecodingOptions {
  /// For people to look at: transparent pixels show white.
  static let display = Image.DecodingOptions(background: .white, appliesOrientation: true)
}

extension Image.DecodingOptions.Grey16: ExpressibleByArgument {
  /// `clipped` or `scaled`.
  public init?(argument: String) {
    switch argument {
    case "clipped": self = .clipped
    case "scaled": self = .scaled
    default: return nil
    }
  }

  /// The names, for the help.
  public static var allValueStrings: [String] { ["clipped", "scaled"] }

  /// The name.
  public var defaultValueDescription: String { self == .clipped ? "clipped" : "scaled" }
}

extension RGBColor: ExpressibleByArgument {
  /// `white`, `black` or `#RRGGBB`.
  public init?(argument: String) {
    switch argument.lowercased() {
    case "white": self = .white
    case "black": self = .black
    default:
      guard argument.count == 7, argument.hasPrefix("#"), let hex = UInt32(argument.dropFirst(), radix: 16)
      else {
        return nil
      }
      self.init(hex: hex)
    }
  }
}

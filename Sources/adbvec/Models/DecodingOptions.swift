public import ArgumentParser
import CommandSupport
import FoundationEssentials
public import ImageCodecs
import ImageSearch
import ImageSources
import Inference
import Ingestion

/// How images are prepared for the model, where that differs from the architecture's usual preprocessing.
struct PreprocessingArguments: ParsableArguments {
  @Option(
    help: ArgumentHelp(
      "Subtracted from red, green and blue (0…1), in place of the model's mean: 0.5,0.5,0.5.",
      valueName: "list"
    )
  )
  var mean: String?

  @Option(
    help: ArgumentHelp("Red, green and blue are divided by these last: 0.5,0.5,0.5.", valueName: "list")
  )
  var std: String?

  @Option(
    help: ArgumentHelp("The side of the crop as a share of the resized image, 0.1…1.", valueName: "share")
  )
  var crop: Double?

  @Option(help: ArgumentHelp("The filter that resizes images.", valueName: "filter"))
  var interpolation: Interpolation?

  func validate() throws {
    for (option, text) in [("--mean", mean), ("--std", std)] {
      guard let text else { continue }
      guard let numbers = Recipe.numbers(text), numbers.count == 3,
        option == "--mean" || numbers.allSatisfy({ $0 > 0 })
      else {
        throw ValidationError("\(option) takes three numbers such as 0.5,0.5,0.5, not \"\(text)\"")
      }
    }
    if let crop, !(0.1...1).contains(crop) {
      throw ValidationError("--crop takes a share from 0.1 to 1 such as 0.95, not \(crop)")
    }
  }

  /// The options; what is not given is taken from a recipe.
  func changes(completing recipe: PreprocessingChanges) -> PreprocessingChanges {
    var changes = recipe
    changes.mean = mean.flatMap(Recipe.numbers) ?? recipe.mean
    changes.deviation = std.flatMap(Recipe.numbers) ?? recipe.deviation
    changes.interpolation = interpolation ?? recipe.interpolation
    if let crop { (changes.cropShare, changes.resize) = (crop, nil) }
    return changes
  }
}

extension Interpolation: ExpressibleByArgument {}

/// How images are decoded before anything is computed from them.
struct DecodingArguments: ParsableArguments {
  @Option(
    help: ArgumentHelp(
      "The colour behind transparent pixels: white, black or #RRGGBB (default: transparency is dropped, as Pillow does).",
      valueName: "colour"
    )
  )
  var background: RGBColor?

  @Flag(
    inversion: .prefixedNo,
    help: "Rotate images by their EXIF orientation (default: --exif; for records of CIFAR there is none)."
  )
  var exif: Bool?

  @Flag(
    inversion: .prefixedNo,
    help: "Convert colours of an ICC profile, such as Display P3, to sRGB (default: the table's, else --icc)."
  )
  var icc: Bool?

  @Option(
    help: ArgumentHelp(
      "fast (only as many pixels as the model needs) or exact (Pillow's pixels) (default: the table's, else fast).",
      valueName: "way"
    )
  )
  var decode: Image.DecodingOptions.Fidelity?

  @Option(
    help: ArgumentHelp(
      "How 16-bit grey becomes 8-bit: clipped (as Pillow does) or scaled (the high byte) (default: clipped).",
      valueName: "way"
    )
  )
  var grey16: Image.DecodingOptions.Grey16?

  @Option(
    help: ArgumentHelp(
      "Skip images with more pixels, in millions (default: 89, where Pillow warns; serve: 40).",
      valueName: "count"
    )
  )
  var maxMegapixels: Int?

  /// As earlier versions took it.
  @Option(help: .hidden) var maxPixels: Int?

  func validate() throws {
    if let maxPixels { try checkRange("--max-pixels", maxPixels, 1...Self.mostPixels) }
    if let maxMegapixels {
      try checkRange("--max-megapixels", maxMegapixels, 1...Self.mostPixels / 1_000_000)
    }
  }

  /// More would not fit a buffer of the decoders.
  private static let mostPixels = Int(Int32.max) / 8

  /// The most pixels that are asked for; nil for the command's default.
  var pixelLimit: Int? { maxMegapixels.map { $0 * 1_000_000 } ?? maxPixels }

  /// The options of the decoder for image files.
  var options: Image.DecodingOptions {
    var options = Image.DecodingOptions(
      background: background,
      appliesOrientation: exif ?? true,
      convertsColours: icc ?? true,
      grey16: grey16 ?? .clipped,
      fidelity: decode ?? .fast
    )
    if let pixelLimit { options.maximumPixels = pixelLimit }
    return options
  }

  /// What decides the pixels of a collection's images: records are not decoded, so that nothing is done to them by default.
  func options(for collection: any ImageCollection) throws -> Image.DecodingOptions {
    var options = options
    guard try collection.files() == nil else { return options }
    options.appliesOrientation = exif ?? false
    options.convertsColours = icc ?? false
    options.fidelity = decode ?? .exact
    return options
  }

  /// The options of the decoder, with what was not given taken from a recipe.
  func options(completedBy recipe: Recipe) -> Image.DecodingOptions {
    var options = options
    if background == nil, let color = recipe[.background], color != "none" {
      options.background = RGBColor(argument: color)
    }
    if exif == nil { options.appliesOrientation = recipe[.exif] == "yes" }
    if icc == nil { options.convertsColours = recipe[.icc] == "yes" }
    if decode == nil { options.fidelity = recipe[.decode] == "fast" ? .fast : .exact }
    if grey16 == nil { options.grey16 = recipe[.grey16] == "scaled" ? .scaled : .clipped }
    return options
  }

  /// What a recipe says of them; empty for the tutorial's way.
  var recipe: String {
    (background.map { " background:\($0.red),\($0.green),\($0.blue)" } ?? "") + (exif == true ? " exif" : "")
      + (icc == true ? " icc" : "")
      + (decode.map { " decode:\($0.rawValue)" } ?? "") + (grey16 == .scaled ? " grey16:scaled" : "")
  }
}

extension Image.DecodingOptions {
  /// For people to look at: transparent pixels show white.
  static let display = Image.DecodingOptions(
    background: .white,
    appliesOrientation: true,
    convertsColours: Image.canConvertColours
  )
}

extension Image.DecodingOptions.Fidelity: ExpressibleByArgument {}

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

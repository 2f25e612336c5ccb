public import ArgumentParser
public import ImageFeatures

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

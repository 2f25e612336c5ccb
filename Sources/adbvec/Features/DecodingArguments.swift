import ArgumentParser
import ImageFeatures

/// How pictures are decoded before anything is computed from them.
struct DecodingArguments: ParsableArguments {
  @Option(
    help: ArgumentHelp(
      "What shows through transparent pixels: white, black or #RRGGBB; without it transparency is dropped, as Pillow does.",
      valueName: "colour"
    )
  )
  var background: RGBColor?

  @Flag(help: "Turn pictures as their EXIF orientation says.")
  var exif = false

  /// The options of the decoder.
  var options: Picture.DecodingOptions {
    Picture.DecodingOptions(background: background, appliesOrientation: exif)
  }

  /// What a recipe says of them; empty for the tutorial's way.
  var recipe: String {
    (background.map { " background:\($0.red),\($0.green),\($0.blue)" } ?? "") + (exif ? " exif" : "")
  }
}

extension Picture.DecodingOptions {
  /// For people to look at: transparent pixels show white.
  static let display = Picture.DecodingOptions(background: .white, appliesOrientation: true)
}

import CGD
import Foundation

/// A TrueType font in two weights, as paths that FreeType opens.
public struct GridFont: Sendable, Hashable {
  /// The regular weight: a file's path, or a fontconfig pattern.
  public let regular: String
  /// The bold weight.
  public let bold: String
  let usesFontconfig: Bool

  /// A font from the paths of its files; `bold` may be left out.
  ///
  /// - Throws: ``GridError`` (`.noFont`) when FreeType cannot open one of them.
  public init(regular: String, bold: String? = nil) throws {
    try TextRenderer.checkLibrary()
    self.init(regular: regular, bold: bold ?? regular, usesFontconfig: false)
    for path in [self.regular, self.bold] where !isUsable(path) {
      throw GridError(.noFont, "\(path): cannot be opened as a font")
    }
  }

  private init(regular: String, bold: String, usesFontconfig: Bool) {
    self.regular = regular
    self.bold = bold
    self.usesFontconfig = usesFontconfig
  }

  /// The folders and file names where DejaVu Sans, or a font like it, usually lies.
  private static let knownFiles: [(regular: String, bold: String)] = [
    (
      "/usr/share/fonts/truetype/dejavu/DejaVuSans.ttf",
      "/usr/share/fonts/truetype/dejavu/DejaVuSans-Bold.ttf"
    ),
    (
      "/usr/share/fonts/dejavu-sans-fonts/DejaVuSans.ttf",
      "/usr/share/fonts/dejavu-sans-fonts/DejaVuSans-Bold.ttf"
    ),
    ("/usr/share/fonts/dejavu/DejaVuSans.ttf", "/usr/share/fonts/dejavu/DejaVuSans-Bold.ttf"),
    ("/usr/share/fonts/TTF/DejaVuSans.ttf", "/usr/share/fonts/TTF/DejaVuSans-Bold.ttf"),
    ("/usr/local/share/fonts/dejavu/DejaVuSans.ttf", "/usr/local/share/fonts/dejavu/DejaVuSans-Bold.ttf"),
    (
      "/usr/share/fonts/truetype/liberation/LiberationSans-Regular.ttf",
      "/usr/share/fonts/truetype/liberation/LiberationSans-Bold.ttf"
    ),
    ("/System/Library/Fonts/Supplemental/Arial.ttf", "/System/Library/Fonts/Supplemental/Arial Bold.ttf"),
  ]

  /// DejaVu Sans, or a font like it, from the usual places or through fontconfig.
  ///
  /// - Throws: ``GridError`` (`.noFont`) with what to install.
  public static func system() throws -> GridFont {
    try TextRenderer.checkLibrary()
    for files in knownFiles where FileManager.default.isReadableFile(atPath: files.regular) {
      let bold = FileManager.default.isReadableFile(atPath: files.bold) ? files.bold : files.regular
      let font = GridFont(regular: files.regular, bold: bold, usesFontconfig: false)
      if font.isUsable(font.regular), font.isUsable(font.bold) { return font }
    }
    let matched = GridFont(regular: "DejaVu Sans:book", bold: "DejaVu Sans:bold", usesFontconfig: true)
    guard matched.isUsable(matched.regular), matched.isUsable(matched.bold) else {
      throw GridError(
        .noFont,
        "no font was found to label the images; install DejaVu Sans (fonts-dejavu-core)"
      )
    }
    return matched
  }

  private func isUsable(_ name: String) -> Bool {
    (try? TextRenderer(font: self).bounds(of: "x", name: name, size: 10)) != nil
  }
}

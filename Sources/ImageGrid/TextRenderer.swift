import CGD
import Foundation
import Synchronization

/// Draws and measures one line of text with FreeType, through libgd.
struct TextRenderer {
  enum Weight { case regular, bold }

  struct Bounds {
    /// From the pen's start to the right edge of the ink.
    var width: Int
    /// From the baseline up to the top of the ink.
    var ascent: Int
  }

  let font: GridFont

  /// libgd is opened at its first use.
  static func checkLibrary() throws {
    guard let problem = adbvec_gd_problem() else { return }
    throw GridError(.drawing, String(cString: problem))
  }

  func width(of text: String, weight: Weight, size: Double) throws -> Int {
    try bounds(of: text, name: name(weight), size: size).width
  }

  func bounds(of text: String, name: String, size: Double) throws -> Bounds {
    var corners = [Int32](repeating: 0, count: 8)
    try run(nil, &corners, 0, name, size, x: 0, y: 0, text)
    return Bounds(width: Int(max(corners[2], corners[4])), ascent: Int(-min(corners[5], corners[7])))
  }

  /// Draws with the pen at (x, baseline).
  func draw(
    _ text: String,
    on image: gdImagePtr,
    x: Int,
    baseline: Int,
    weight: Weight,
    size: Double,
    colour: Int32
  )
    throws
  {
    var corners = [Int32](repeating: 0, count: 8)
    try run(image, &corners, colour, name(weight), size, x: x, y: baseline, text)
  }

  /// The text, or its beginning and an ellipsis, that fits a width.
  func fitted(_ text: String, width limit: Int, weight: Weight, size: Double) throws -> String {
    let clean = Self.oneLine(text)
    guard try width(of: clean, weight: weight, size: size) > limit else { return clean }
    let characters = Array(clean)
    var low = 0
    var high = characters.count
    while low < high {
      let middle = (low + high + 1) / 2
      let candidate = String(characters[..<middle]) + "…"
      if try width(of: candidate, weight: weight, size: size) <= limit {
        low = middle
      } else {
        high = middle - 1
      }
    }
    return String(characters[..<low]).trimmingSuffix() + "…"
  }

  private func name(_ weight: Weight) -> String { weight == .bold ? font.bold : font.regular }

  /// At most 512 characters, without control characters.
  private static func oneLine(_ text: String) -> String {
    String(
      text.prefix(512).map { $0.isNewline || $0 == "\t" ? " " : $0 }
        .filter { !$0.unicodeScalars.contains { $0.value < 0x20 || (0x7F...0x9F).contains($0.value) } }
    )
  }

  /// libgd keeps its fonts, its choice of fontconfig and its last error once a process, and sets them up and reads them
  /// outside its own lock.
  private static let oneAtATime = Mutex(())

  /// libgd reads HTML entities in text, so a plain ampersand is written as one.
  private func run(
    _ image: gdImagePtr?,
    _ corners: inout [Int32],
    _ colour: Int32,
    _ name: String,
    _ size: Double,
    x: Int,
    y: Int,
    _ text: String
  ) throws {
    try Self.checkLibrary()
    var extra = gdFTStringExtra()
    extra.flags = gdFTEX_RESOLUTION
    extra.hdpi = 72
    extra.vdpi = 72
    let escaped = text.split(separator: "&", omittingEmptySubsequences: false).joined(separator: "&amp;")
    let message = Self.oneAtATime.withLock { _ in
      gdFTUseFontConfig(font.usesFontconfig ? 1 : 0)
      return gdImageStringFTEx(image, &corners, colour, name, size, 0, Int32(x), Int32(y), escaped, &extra)
        .map { String(cString: $0) }
    }
    if let message {
      throw GridError(.drawing, "FreeType cannot draw text with \(name): \(message)")
    }
  }
}

extension String {
  fileprivate func trimmingSuffix() -> String {
    var trimmed = self
    while trimmed.last == " " { trimmed.removeLast() }
    return trimmed
  }
}

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

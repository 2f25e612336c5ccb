internal import Basics
internal import CGD
internal import FoundationEssentials

/// Draws and measures one line of text with FreeType, through libgd.
///
/// A line may be in any script: what the chosen font lacks is drawn with the nearest font of the system that has it.
struct TextRenderer {
  enum Weight { case regular, bold }

  /// A piece of a line that one font draws.
  struct Run: Equatable {
    let text: String
    /// A font file's path, or a fontconfig pattern.
    let font: String
    let width: Int
    /// What stands for the text where the font has it as an image.
    var glyph: ColourGlyph?
  }

  let font: GridFont

  /// libgd is opened at its first use.
  static func checkLibrary() throws {
    guard let problem = adbvec_gd_problem() else { return }
    throw GridError(.drawing, String(cString: problem))
  }

  func width(of text: String, weight: Weight, size: Double) throws -> Int {
    try runs(of: text, weight: weight, size: size).reduce(0) { $0 + $1.width }
  }

  /// Where the next character is drawn, and in which colour.
  struct Pen {
    let image: gdImagePtr
    var x: Int
    let baseline: Int
    let colour: Int32
  }

  func draw(_ text: String, weight: Weight, size: Double, with pen: Pen) throws {
    var pen = pen
    for run in try runs(of: text, weight: weight, size: size) {
      if let glyph = run.glyph {
        glyph.draw(on: pen.image, x: pen.x, baseline: pen.baseline, size: size)
      } else {
        _ = try corners(of: run.text, run.font, size, drawnWith: pen)
      }
      pen.x += run.width
    }
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

  /// The pieces of a line, each with the font that has its characters.
  func runs(of text: String, weight: Weight, size: Double) throws -> [Run] {
    let name = weight == .bold ? font.bold : font.regular
    var pieces: [(font: String, text: String, glyph: ColourGlyph?)] = []
    for character in text {
      let other = FontFallback.shared.font(for: character, beside: font, name: name, weight)
      let file = other?.file ?? name
      if other?.glyph == nil, let last = pieces.last, last.font == file, last.glyph == nil {
        pieces[pieces.count - 1].text.append(character)
      } else {
        pieces.append((file, String(character), other?.glyph))
      }
    }
    return try pieces.enumerated().map { index, piece in
      if let glyph = piece.glyph {
        return Run(text: piece.text, font: piece.font, width: glyph.width(at: size), glyph: glyph)
      }
      let isLast = index == pieces.count - 1
      let width =
        try isLast
        ? inkWidth(of: piece.text, piece.font, size) : advance(of: piece.text, piece.font, size)
      return Run(text: piece.text, font: piece.font, width: width)
    }
  }

  /// From the pen's start to the right edge of the ink.
  func inkWidth(of text: String, _ name: String, _ size: Double) throws -> Int {
    let corners = try corners(of: text, name, size, drawnWith: nil)
    return Int(max(corners[2], corners[4]))
  }

  /// From the pen's start to where the next character begins: spaces at the end count.
  private func advance(of text: String, _ name: String, _ size: Double) throws -> Int {
    try inkWidth(of: text + "l", name, size) - inkWidth(of: "l", name, size)
  }

  /// At most 512 characters, without control characters.
  private static func oneLine(_ text: String) -> String {
    String(
      text.prefix(512).map { $0.isNewline || $0 == "\t" ? " " : $0 }
        .filter { !$0.unicodeScalars.contains { $0.value < 0x20 || (0x7F...0x9F).contains($0.value) } }
    )
  }

  /// libgd keeps its fonts, its choice of fontconfig and its last error once per process, and sets them up and reads them
  /// outside its own lock.
  private static let oneAtATime = StateLock(())

  /// The corners of a text, as x and y by turns from the lower left one on; nil for the pen only measures.
  private func corners(
    of text: String,
    _ name: String,
    _ size: Double,
    drawnWith pen: Pen?
  ) throws -> [Int32] {
    try Self.checkLibrary()
    var corners = [Int32](repeating: 0, count: 8)
    var extra = gdFTStringExtra()
    extra.flags = gdFTEX_RESOLUTION
    extra.hdpi = 72
    extra.vdpi = 72
    // libgd reads HTML entities in text, so a plain ampersand is written as one.
    let escaped = text.split(separator: "&", omittingEmptySubsequences: false).joined(separator: "&amp;")
    let isPattern = font.usesFontconfig && !name.hasPrefix("/")
    let message = Self.oneAtATime.withLock { _ in
      gdFTUseFontConfig(isPattern ? 1 : 0)
      let (x, y) = (Int32(pen?.x ?? 0), Int32(pen?.baseline ?? 0))
      return gdImageStringFTEx(pen?.image, &corners, pen?.colour ?? 0, name, size, 0, x, y, escaped, &extra)
        .map { String(cString: $0) }
    }
    if let message {
      throw GridError(.drawing, "FreeType cannot draw text with \(name): \(message)")
    }
    return corners
  }
}

extension String {
  fileprivate func trimmingSuffix() -> String {
    var trimmed = self
    while trimmed.last == " " { trimmed.removeLast() }
    return trimmed
  }
}

/// Finds fonts for characters that a grid's own font lacks, through fontconfig.
final class FontFallback: Sendable {
  static let shared = FontFallback()

  private struct Key: Hashable {
    let font: String
    let scalar: Unicode.Scalar
  }

  private enum Found {
    case own
    case file(String, ColourGlyph?)
    case none
  }

  private let known = StateLock<[Key: Found]>([:])

  /// The file of a font that has a character, and its image where it is one; nil for the grid's own font, also where no
  /// font has it.
  func font(
    for character: Character,
    beside font: GridFont,
    name: String,
    _ weight: TextRenderer.Weight
  ) -> (file: String, glyph: ColourGlyph?)? {
    guard let scalar = character.unicodeScalars.first(where: { !Self.isInEveryFont($0) }) else { return nil }
    switch find(scalar, font, name, weight) {
    case .file(let path, let glyph): return (path, glyph)
    case .own, .none: return nil
    }
  }

  /// Whether no font of the system has a character.
  func isMissing(_ character: Character, from font: GridFont) -> Bool {
    character.unicodeScalars.filter { !Self.isInEveryFont($0) }.contains {
      if case .none = find($0, font, font.regular, .regular) { true } else { false }
    }
  }

  /// Latin, Greek and Cyrillic; and what changes the character before it and is not drawn.
  private static func isInEveryFont(_ scalar: Unicode.Scalar) -> Bool {
    switch scalar.value {
    case ..<0x0530, 0x2010...0x2027, 0x200D, 0xFE00...0xFE0F, 0xE0100...0xE01EF: true
    default: false
    }
  }

  private func find(
    _ scalar: Unicode.Scalar,
    _ font: GridFont,
    _ name: String,
    _ weight: TextRenderer.Weight
  ) -> Found {
    let key = Key(font: name, scalar: scalar)
    if let found = known.withLock({ $0[key] }) { return found }
    let found = search(scalar, font, name, weight)
    known.withLock { known in
      if known.count >= 10_000 { known.removeAll() }
      known[key] = found
    }
    return found
  }

  private func search(
    _ scalar: Unicode.Scalar,
    _ font: GridFont,
    _ name: String,
    _ weight: TextRenderer.Weight
  ) -> Found {
    // Without fontconfig nothing is known but the font itself.
    let has = name.hasPrefix("/") ? adbvec_font_has(name, scalar.value) : 0
    guard has == 0 else { return .own }
    let pattern = "DejaVu Sans:" + (weight == .bold ? "bold" : "book")
    func path(_ found: UnsafeMutablePointer<CChar>?) -> String? {
      defer { free(found) }
      return found.map { String(cString: $0) }
    }
    if let file = path(adbvec_font_file(pattern, scalar.value)),
      (try? TextRenderer(font: font).inkWidth(of: String(Character(scalar)), file, 10)) != nil
    {
      return .file(file, nil)
    }
    guard let file = path(adbvec_colour_font_file(scalar.value)), let glyph = ColourGlyph(scalar, in: file)
    else {
      return .none
    }
    return .file(file, glyph)
  }
}

/// A TrueType or OpenType font in two weights, as paths that FreeType opens.
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
    // libgd takes a name without a slash for one to be looked up.
    let paths = [regular, bold ?? regular].map { URL(fileURLWithPath: $0).path }
    self.init(regular: paths[0], bold: paths[1], usesFontconfig: false)
    for path in paths where !isUsable(path) {
      throw GridError(.noFont, "\(path): cannot be opened as a font")
    }
  }

  private init(regular: String, bold: String, usesFontconfig: Bool) {
    self.regular = regular
    self.bold = bold
    self.usesFontconfig = usesFontconfig
  }

  /// The characters of a text that neither this font nor any other of the system has: boxes stand for them.
  public func charactersWithoutFont(in text: String) -> [Character] {
    text.filter { FontFallback.shared.isMissing($0, from: self) }.map { $0 }
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
        "no font was found to label the images. Fix: install DejaVu Sans (fonts-dejavu-core)"
      )
    }
    return matched
  }

  private func isUsable(_ name: String) -> Bool {
    (try? TextRenderer(font: self).inkWidth(of: "x", name, 10)) != nil
  }
}

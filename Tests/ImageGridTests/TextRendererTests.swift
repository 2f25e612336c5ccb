import CGD
import Foundation
import Testing

@testable import ImageGrid

@Suite struct TextRendererTests {
  let text: TextRenderer

  init() throws { text = TextRenderer(font: try GridFont.system()) }

  @Test func `Entities of HTML are drawn as they are written`() throws {
    let entity = try text.width(of: "&lt;", weight: .regular, size: 20)
    let sign = try text.width(of: "<", weight: .regular, size: 20)
    #expect(entity > 2 * sign)
  }

  @Test func `A long line ends in an ellipsis and fits`() throws {
    let line = "a rather long class name that nobody would choose"
    let fitted = try text.fitted(line, width: 100, weight: .bold, size: 14)
    #expect(fitted.hasPrefix("a rather") && fitted.hasSuffix("…"))
    #expect(try text.width(of: fitted, weight: .bold, size: 14) <= 100)
    #expect(try text.fitted("short", width: 100, weight: .bold, size: 14) == "short")
  }

  @Test func `Line breaks and control characters do not reach the drawing`() throws {
    #expect(try text.fitted("a\nb\u{1B}[31mc", width: 500, weight: .regular, size: 12) == "a b[31mc")
  }

  @Test func `Latin, Greek and Cyrillic are one run of the grid's own font`() throws {
    let runs = try text.runs(of: "Katze γάτα кошка…", weight: .bold, size: 12)
    #expect(runs.map(\.font) == [text.font.bold])
  }

  /// Characters that the font lacks come from another font, or are named as missing: never both, never neither.
  @Test(arguments: ["日本", "中文", "ไทย", "😀", "\u{10FFFD}"])
  func `Another script is drawn with another font or named as missing`(label: String) throws {
    let font = text.font
    let runs = try text.runs(of: "a \(label) b", weight: .regular, size: 12)
    #expect(runs.map(\.text).joined() == "a \(label) b")
    for run in runs where run.font == font.regular {
      for character in run.text where !font.charactersWithoutFont(in: String(character)).contains(character) {
        let scalar = try #require(character.unicodeScalars.first)
        #expect(adbvec_font_has(font.regular, scalar.value) != 0, "\(character)")
      }
    }
    for run in runs where run.font != font.regular {
      #expect(font.charactersWithoutFont(in: run.text).isEmpty)
      #expect(run.width > 0)
    }
    // A private use character that no font has.
    #expect(font.charactersWithoutFont(in: "\u{10FFFD}") == ["\u{10FFFD}"])
  }

  @Test func `A space before another script keeps its width`() throws {
    let runs = try text.runs(of: "a \u{10FFFD}", weight: .regular, size: 20)
    let width = try text.width(of: "a \u{10FFFD}", weight: .regular, size: 20)
    #expect(width == runs.reduce(0) { $0 + $1.width })
    #expect(
      try text.width(of: "a a", weight: .regular, size: 20) > text.width(of: "aa", weight: .regular, size: 20)
        + 3
    )
  }

  @Test func `A file that is not a font is refused`() {
    #expect(throws: GridError.self) { try GridFont(regular: "/etc/hostname") }
  }

  static let emoji = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
    .appending(path: "Fixtures/fonts/colour-emoji.ttf").path

  /// A red square whose corners are clear, on white.
  @Test(arguments: [8.0, 17, 32, 51])
  func `A coloured emoji is drawn at any size`(size: Double) throws {
    let glyph = try #require(ColourGlyph("\u{1F98A}", in: Self.emoji))
    #expect(ColourGlyph("x", in: Self.emoji) == nil && ColourGlyph("\u{1F98A}", in: text.font.regular) == nil)
    let image = try #require(gdImageCreateTrueColor(100, 100))
    defer { gdImageDestroy(image) }
    for y in 0..<100 { for x in 0..<100 { image.pointee.tpixels?[y]?[x] = 0xFFFFFF } }
    glyph.draw(on: image, x: 10, baseline: 60, size: size)
    func pixel(_ x: Int, _ y: Int) -> Int32? { image.pointee.tpixels?[y]?[x] }
    let side = Int(size)
    #expect(pixel(10 + side / 2, 60 - side / 2) == 0xFF2000)
    #expect(pixel(10, 60 - Int((28 * size / 32).rounded())) != 0xFF2000, "a corner is clear")
    #expect(pixel(9, 50) == 0xFFFFFF && pixel(10 + side + 2, 50) == 0xFFFFFF && pixel(30, 95) == 0xFFFFFF)
    #expect(glyph.width(at: size) >= side && glyph.width(at: size) <= side + 5)
    // What reaches over the edge is left out.
    glyph.draw(on: image, x: 98, baseline: 2, size: size)
    glyph.draw(on: image, x: -5, baseline: 104, size: size)
  }
}

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
}

import ImageCodecs
import Testing

@testable import ImageGrid

@Suite struct BarChartTests {
  private let blue = RGBColor(hex: 0x0072B2)
  private let orange = RGBColor(hex: 0xE69F00)

  private func chart(_ shares: [[Double?]]) -> BarChart {
    BarChart(
      heading: "shares",
      measures: ["P@1", "mAP"],
      groups: shares.enumerated().map { .init(title: "setting \($0)", shares: $1) }
    )
  }

  /// Pixels of a colour right of the titles, by row.
  private func lengths(_ image: Image, _ colour: RGBColor) -> [Int] {
    (80..<image.height).map { y in (330..<image.width).count { image.pixel(x: $0, y: y) == colour } }
  }

  @Test func `A bar is as long as its share`() throws {
    let drawn = try chart([[0.5, 1], [0.25, nil]]).image()
    let blues = lengths(drawn, blue).filter { $0 > 0 }
    #expect(Set(blues) == [280, 140])
    #expect(Set(lengths(drawn, orange).filter { $0 > 0 }) == [560], "a share that is not there has no bar")
  }

  @Test func `Shares outside 0 to 1 stay inside the chart`() throws {
    let drawn = try chart([[-1, 7]]).image()
    #expect(lengths(drawn, orange).max() == 560)
    #expect(lengths(drawn, blue).max() == 1)
  }

  @Test func `What cannot be drawn is refused`() {
    #expect(throws: GridError.self) { try chart([]).image() }
    #expect(throws: GridError.self) { try chart([[1]]).image() }
    #expect(throws: GridError.self) { try chart(.init(repeating: [0, 0], count: 2000)).image() }
  }
}

import Foundation
import ImageCodecs
import ImageGrid
import Testing

@Suite struct TerminalPreviewTests {
  @Test(
    arguments: [
      (["TERM": "xterm-kitty"], .kitty),
      (["TERM": "xterm-256color", "TERM_PROGRAM": "WezTerm"], .iTerm2),
      (["TERM": "xterm-256color", "TERM_PROGRAM": "iTerm.app", "COLORTERM": "truecolor"], .iTerm2),
      (["TERM": "xterm-ghostty"], .kitty),
      (["TERM": "foot"], .sixel),
      (["TERM": "xterm-256color", "COLORTERM": "truecolor"], .halfBlocks),
      (["TERM": "xterm-256color"], .halfBlocks256),
      (["TERM": "screen-256color", "KITTY_WINDOW_ID": "1", "COLORTERM": "truecolor"], .halfBlocks),
      (["TERM": "xterm-kitty", "NO_COLOR": "1"], .kitty),
      (["TERM": "xterm-256color", "NO_COLOR": "1"], nil),
      (["TERM": "dumb"], nil),
      (["TERM": "vt100"], nil),
      ([:], nil),
    ] as [([String: String], TerminalPreview.Method?)]
  )
  func `The terminal is known by its variables`(
    environment: [String: String],
    method: TerminalPreview.Method?
  ) {
    #expect(TerminalPreview(environment: environment, isTerminal: true)?.method == method)
    #expect(TerminalPreview(environment: environment, isTerminal: false) == nil)
  }

  @Test func `Half blocks pair the rows, and an odd last row keeps the terminal's ground`() throws {
    let image = try Image(width: 2, height: 3, rgb: (1...18).map { UInt8($0) })
    let sequence = try TerminalPreview(method: .halfBlocks).sequence(for: image)
    #expect(
      sequence == "\u{1B}[38;2;1;2;3;48;2;7;8;9m▀\u{1B}[38;2;4;5;6;48;2;10;11;12m▀\u{1B}[0m\n"
        + "\u{1B}[38;2;13;14;15;49m▀\u{1B}[38;2;16;17;18;49m▀\u{1B}[0m\n"
    )
  }

  @Test func `256 colours take the nearest of the cube and the greys`() throws {
    let image = try Image(width: 3, height: 1, rgb: [255, 0, 0, 128, 128, 128, 95, 135, 175])
    let sequence = try TerminalPreview(method: .halfBlocks256).sequence(for: image)
    #expect(sequence == "\u{1B}[38;5;196;49m▀\u{1B}[38;5;244;49m▀\u{1B}[38;5;67;49m▀\u{1B}[0m\n")
  }

  @Test func `Half blocks fit the terminal`() throws {
    let image = try Image(width: 400, height: 400, rgb: [UInt8](repeating: 7, count: 480_000))
    let lines = try TerminalPreview(method: .halfBlocks, columns: 60, rows: 11).sequence(for: image).split(
      separator: "\n"
    )
    #expect(lines.count == 10)
    #expect(lines.allSatisfy { $0.count { $0 == "▀" } == 20 })
  }

  @Test func `kitty gets the PNG file in pieces of 4096`() throws {
    let image = try noise(60)
    let sequence = try TerminalPreview(method: .kitty).sequence(for: image)
    let pieces = sequence.dropLast().components(separatedBy: "\u{1B}\\").dropLast()
    #expect(pieces.count > 2)
    #expect(pieces.first?.hasPrefix("\u{1B}_Ga=T,f=100,q=2,c=6,m=1;") == true)
    #expect(pieces.last?.hasPrefix("\u{1B}_Gq=2,m=0;") == true)
    let payloads = pieces.map { $0.split(separator: ";", maxSplits: 1)[1] }
    #expect(payloads.allSatisfy { $0.utf8.count <= 4096 })
    #expect(try Image(decoding: Data(base64Encoded: payloads.joined()) ?? Data()) == image)
  }

  @Test func `iTerm2 gets the PNG file with its size`() throws {
    let image = try noise(4)
    let sequence = try TerminalPreview(method: .iTerm2).sequence(for: image)
    let parts = sequence.split(separator: ":", maxSplits: 1)
    let png = Data(base64Encoded: String(parts[1].dropLast(2))) ?? Data()
    #expect(parts[0] == "\u{1B}]1337;File=inline=1;size=\(png.count);width=1;preserveAspectRatio=1")
    #expect(sequence.hasSuffix("\u{07}\n"))
    #expect(try Image(decoding: png) == image)
  }

  @Test func `Sixel draws bands of six rows in the image's colours`() throws {
    let red: [UInt8] = [255, 0, 0]
    let blue: [UInt8] = [0, 0, 255]
    let upper: [[UInt8]] = [red, red, red, red, blue]
    let lower = [[UInt8]](repeating: blue, count: 5)
    let rows = [upper, upper] + [[[UInt8]]](repeating: lower, count: 5)
    let image = try Image(width: 5, height: 7, rgb: Array(rows.joined().joined()))
    #expect(
      try TerminalPreview(method: .sixel).sequence(for: image)
        == "\u{1B}P0;1q\"1;1;5;7#0;2;0;0;100#1;2;100;0;0#0!4{~$#1!4B?-#0!5@-\u{1B}\\\n"
    )
  }

  private func noise(_ side: Int) throws -> Image {
    let rgb = (0..<side * side * 3).map { _ in UInt8.random(in: 0...255) }
    return try Image(width: side, height: side, rgb: rgb)
  }
}

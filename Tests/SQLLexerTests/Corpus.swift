import Foundation

/// The statements of `Tests/Fixtures/statements.sql`, cut at its marking lines and not by the lexer.
enum Corpus {
  static let path = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
    .appending(path: "Fixtures/statements.sql").path

  /// The whole file.
  static let text = (try? String(contentsOfFile: path, encoding: .utf8)) ?? ""

  /// The statements as they stand in the file, with comments, semicolon and COPY data.
  static let entries = text.components(separatedBy: "-- §\n").dropFirst().map(\.self)
}

/// Random numbers that are the same in every run.
struct SplitMix64: RandomNumberGenerator {
  var state: UInt64

  mutating func next() -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    var z = state
    z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
    z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
    return z ^ (z >> 31)
  }
}

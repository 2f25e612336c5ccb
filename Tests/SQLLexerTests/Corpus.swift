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

public import SQLLexer

/// A place in a file, with the line that it is on.
public struct SourceLocation: Sendable, Hashable, CustomStringConvertible {
  /// The file, as the user knows it.
  public let file: String
  /// The place in it.
  public let position: SourcePosition
  /// The whole line there.
  public let line: String

  /// The place of a byte in a file's text.
  public init(file: String, text: SourceText, offset: Int) {
    self.file = file
    position = text.position(at: offset)
    line = text.line(at: offset)
  }

  /// The line's number, from 1.
  public var lineNumber: Int { position.line }

  /// The column, in characters from 1.
  public var column: Int { position.column }

  /// `file:line:column`.
  public var description: String { "\(file):\(position.line):\(position.column)" }

  /// The line with a caret under the column, as compilers show it; a long line is cut around the column.
  public var excerpt: String {
    let number = String(position.line)
    let characters = Array(line.unicodeScalars)
    let start = max(0, min(position.column - 1 - 60, characters.count - 100))
    let shown = characters[start..<min(characters.count, start + 120)]
    let before = shown.prefix(position.column - 1 - start).map {
      $0 == "\t" ? Character("\t") : Character(" ")
    }
    let text = String(String.UnicodeScalarView(shown))
    let margin = String(repeating: " ", count: number.count)
    return " \(number) | \(text)\n \(margin) | \(String(before))^"
  }
}

/// An error as every command and API reports it: a stable code, what failed and where, and one thing to do about it.
package protocol ReportedError: Error, CustomStringConvertible {
  /// The kind of failure in snake_case; part of the JSON schema, so it does not change.
  var reportedCode: String { get }
  /// What failed, where and why, without the fix.
  var reportedMessage: String { get }
  /// A command, statement or setting that works in this state; nil where none is known.
  var fix: String? { get }
}

extension ReportedError {
  package var reportedMessage: String { ReportedText(description).message }
  package var fix: String? { ReportedText(description).fix }
}

/// The parts of an error's text, as terminals show it: what failed, and behind the last ". Fix: " what to do about it.
package struct ReportedText {
  package let message: String
  package let fix: String?

  package init(_ text: String) {
    // A table in front of the fix ends with its own line.
    let marks = [". Fix: ", "\nFix: "].compactMap { text.utf8.ranges(of: $0.utf8).last }
    let mark = marks.max { $0.lowerBound < $1.lowerBound }
    message = mark.map { String(text[..<$0.lowerBound]) } ?? text
    fix = mark.map { String(text[$0.upperBound...]) }
  }
}

/// Spells a name of Swift's as JSON and errors do: `noSuchID` becomes `no_such_id`.
package func snakeCase(_ name: String) -> String {
  var words: [String] = []
  let letters = Array(name)
  for (index, letter) in letters.enumerated() {
    let isStart =
      letter.isUppercase
      && (index == 0 || !letters[index - 1].isUppercase
        || index + 1 < letters.count && letters[index + 1].isLowercase)
    if isStart || words.isEmpty { words.append("") }
    words[words.count - 1].append(contentsOf: letter.lowercased())
  }
  return words.filter { !$0.isEmpty }.joined(separator: "_")
}

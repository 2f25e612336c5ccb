import Basics
internal import SQLLexer

/// The `-- lint:ignore D001,V009 reason` comments of a file.
struct LintIgnores {
  struct Entry {
    var code: String
    var offset: Int
  }

  let entries: [Entry]

  init(_ file: SourceFile) {
    var found: [Entry] = []
    for token in Script(file.text).tokens where token.kind == .lineComment {
      let words = OptionWord.words(in: file.text, range: token.range.lowerBound + 2..<token.range.upperBound)
      guard words.first?.text == "lint:ignore" else { continue }
      for word in words.dropFirst().prefix(1) {
        for code in word.text.split(separator: ",") {
          found.append(Entry(code: String(code), offset: word.offset))
        }
      }
    }
    entries = found
  }

  /// Takes out what is ignored, and adds what is wrong with the ignoring.
  func apply(to findings: [LintFinding], in file: SourceFile) -> [LintFinding] {
    let known = Set(LintRule.all.map(\.code))
    let kept = findings.filter { finding in !entries.contains { $0.code == finding.rule.code } }
    let own = entries.compactMap { entry -> LintFinding? in
      let location = SourceLocation(file: file.path, text: file.text, offset: entry.offset)
      if !known.contains(entry.code) {
        return LintFinding(
          rule: .unknownCode,
          message: "there is no rule \(entry.code)",
          hint: Suggestion.nearest(to: entry.code, in: known.sorted()).isEmpty ? "see lint --rules" : nil,
          location: location
        )
      }
      guard !findings.contains(where: { $0.rule.code == entry.code }) else { return nil }
      return LintFinding(
        rule: .uselessIgnore,
        message: "\(entry.code) finds nothing in this file",
        hint: "remove the comment",
        location: location
      )
    }
    return kept + own
  }
}

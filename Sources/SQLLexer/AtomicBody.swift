/// Follows the SQL-standard body of a routine, `BEGIN ATOMIC … END`, whose semicolons end no statement.
///
/// Inside the body only `CASE … END` nests. A word behind `AS` or a dot is a name, even when it reads `end`.
struct AtomicBody {
  private var depth = 0
  private var createsRoutine = false
  private var wordCount = 0

  var isOpen: Bool { depth > 0 }

  mutating func readOther() { wordCount += 1 }

  mutating func read(_ tokens: [Token], _ source: SourceText) {
    wordCount += 1
    guard let last = tokens.last else { return }
    if wordCount <= 4 { createsRoutine = createsRoutine || Self.startsRoutine(tokens, source) }
    guard createsRoutine, last.range.count <= 6 else { return }
    let previous = tokens.count > 1 ? word(tokens[tokens.count - 2], source) : ""
    guard previous != "as", previous != "." else { return }
    switch word(last, source) {
    case "atomic" where previous == "begin": depth = max(depth, 1)
    case "case" where depth > 0: depth += 1
    case "end" where depth > 0: depth -= 1
    default: break
    }
  }

  private static func startsRoutine(_ tokens: [Token], _ source: SourceText) -> Bool {
    var words = tokens.prefix(4).map { source[$0.range].lowercased() }[...]
    guard words.popFirst() == "create" else { return false }
    if words.starts(with: ["or", "replace"]) { words = words.dropFirst(2) }
    return words.first == "function" || words.first == "procedure"
  }

  private func word(_ token: Token, _ source: SourceText) -> String { source[token.range].lowercased() }
}

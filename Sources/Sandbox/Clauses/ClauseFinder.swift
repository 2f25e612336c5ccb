internal import SQLLexer

/// Finds distribution clauses in a SQL text that arrives in pieces, in memory that does not grow with the text.
///
/// A token that touches the end of a piece may go on in the next one. So the last token is kept and read again with
/// what follows, and a long string is kept as its opening alone.
struct ClauseFinder {
  /// No clause found later begins before this offset.
  private(set) var settled = 0

  private let longestHold: Int
  private var window: [UInt8] = []
  private var length = 0
  private var tracker = ClauseTracker()
  private var hasGivenUp = false

  init(longestHold: Int = ReadingLimits().held) { self.longestHold = longestHold }

  /// Reads the next piece.
  /// - Parameter isLast: whether the text ends with it.
  /// - Returns: the clauses that are now complete, with their bytes counted from the start of the text.
  mutating func read(_ bytes: some Collection<UInt8>, isLast: Bool) -> [DistributionClause] {
    length += bytes.count
    if hasGivenUp || (isLast && window.isEmpty && !ClauseWord.occurs(in: bytes)) {
      settled = length
      return []
    }
    window.append(contentsOf: bytes)
    let lexed = LexedWindow(window)
    let end = isLast ? lexed.lexemes.count : lexed.lexemes.indexOfLastToHold
    let clauses = follow(lexed.lexemes[..<end])
    keep(from: end < lexed.lexemes.count ? lexed.lexemes[end] : nil, isOpen: lexed.endsInsideQuotes)
    // What stands for a long string can be longer than what is left of the string itself.
    settled = max(settled, tracker.openClauseStart ?? length - window.count)
    if length - settled > longestHold { giveUp() }
    return clauses
  }

  private mutating func follow(_ lexemes: ArraySlice<Lexeme>) -> [DistributionClause] {
    let base = length - window.count
    return lexemes.lazy.filter(\.isSignificant).compactMap { lexeme in
      tracker.read(
        lexeme.kind,
        window[lexeme.range],
        at: base + lexeme.range.lowerBound..<base + lexeme.range.upperBound
      )
    }
  }

  private mutating func keep(from lexeme: Lexeme?, isOpen: Bool) {
    window.removeFirst(lexeme?.range.lowerBound ?? window.count)
    guard isOpen, let lexeme, let short = QuotedOpening.shortened(window, lexeme.kind) else { return }
    window = short
    settled = tracker.openClauseStart ?? length
  }

  private mutating func giveUp() {
    hasGivenUp = true
    settled = length
    window = []
    tracker = ClauseTracker()
  }
}

extension [Lexeme] {
  /// Only what comes before is certain: words and numbers go on at the next letter, strings behind a line end, and a
  /// dollar sign with a word may turn out to open a string.
  fileprivate var indexOfLastToHold: Int {
    guard let last = lastIndex(where: \.isSignificant) else { return Swift.max(0, count - 1) }
    return last > 0 && self[last - 1].kind == .unknown ? last - 1 : last
  }
}

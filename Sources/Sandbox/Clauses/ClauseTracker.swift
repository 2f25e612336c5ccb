internal import SQLLexer

/// Follows tokens from statement to statement and notices distribution clauses behind `CREATE TABLE`.
///
/// By the rules of `SQLStatement.distributionClause`, for tokens that come one at a time.
struct ClauseTracker {
  private enum Progress {
    case nothing
    case distributed(start: Int)
    case by(start: Int)
    case columns(start: Int)
  }

  private enum Head {
    case start
    case create(words: Int, sawMaterialized: Bool)
    case table
    case other
  }

  private var head = Head.start
  private var depth = 0
  private var progress = Progress.nothing

  /// Where a clause begins whose end was not seen yet.
  var openClauseStart: Int? {
    switch progress {
    case .nothing: nil
    case .distributed(let start), .by(let start), .columns(let start): start
    }
  }

  /// Reads the next significant token.
  /// - Parameters:
  ///   - text: its bytes.
  ///   - range: their place in the SQL text.
  /// - Returns: the clause that ends with it.
  mutating func read(_ kind: Token.Kind, _ text: ArraySlice<UInt8>, at range: Range<Int>)
    -> DistributionClause?
  {
    let symbol = kind == .punctuation && text.count == 1 ? text.first : nil
    switch symbol {
    case UInt8(ascii: "("): depth += 1
    case UInt8(ascii: ")"): depth = max(0, depth - 1)
    case UInt8(ascii: ";") where depth == 0:
      self = ClauseTracker()
      return nil
    default: break
    }
    if case .other = head { return nil }
    let word = kind == .word ? Word(text) : .other
    if case .table = head { return advance(word, symbol, at: range) }
    readHead(word)
    return nil
  }

  private mutating func readHead(_ word: Word) {
    switch (head, word) {
    case (.start, .create): head = .create(words: 0, sawMaterialized: false)
    case (.create, .table), (.create(_, sawMaterialized: true), .view): head = .table
    case (.create(let words, _), .materialized): head = .create(words: words + 1, sawMaterialized: true)
    case (.create(let words, _), _) where words < 2: head = .create(words: words + 1, sawMaterialized: false)
    default: head = .other
    }
  }

  private mutating func advance(
    _ word: Word,
    _ symbol: UInt8?,
    at range: Range<Int>
  ) -> DistributionClause? {
    switch (progress, word) {
    case (.columns(let start), _):
      return symbol == UInt8(ascii: ")") && depth == 0 ? found(.by, start..<range.upperBound) : nil
    case (.distributed(let start), .randomly): return found(.randomly, start..<range.upperBound)
    case (.distributed(let start), .replicated): return found(.replicated, start..<range.upperBound)
    case (.distributed(let start), .by): progress = .by(start: start)
    case (.by(let start), _) where symbol == UInt8(ascii: "("): progress = .columns(start: start)
    case (_, .distributed) where depth == 0: progress = .distributed(start: range.lowerBound)
    default: progress = .nothing
    }
    return nil
  }

  private mutating func found(_ kind: DistributionClause.Kind, _ range: Range<Int>) -> DistributionClause {
    progress = .nothing
    return DistributionClause(kind: kind, range: range)
  }
}

/// The words that matter here.
private enum Word: String, CaseIterable {
  case create, table, materialized, view, distributed, by, randomly, replicated, other

  init(_ text: ArraySlice<UInt8>) {
    self = Self.allCases.first { $0.matches(text) } ?? .other
  }

  private func matches(_ text: ArraySlice<UInt8>) -> Bool {
    rawValue.utf8.count == text.count && zip(text, rawValue.utf8).allSatisfy { $0 | 0x20 == $1 }
  }
}

internal import SQLLexer

/// A clause behind `CREATE TABLE` that AnalyticDB and Greenplum read and stock PostgreSQL's parser does not.
public struct DistributionClause: Sendable, Hashable {
  /// The three ways to write it.
  public enum Kind: Sendable, Hashable, CaseIterable, CustomStringConvertible {
    /// `DISTRIBUTED BY (column, …)`.
    case by
    /// `DISTRIBUTED RANDOMLY`.
    case randomly
    /// `DISTRIBUTED REPLICATED`.
    case replicated

    /// The clause as it is written.
    public var description: String {
      switch self {
      case .by: "DISTRIBUTED BY (…)"
      case .randomly: "DISTRIBUTED RANDOMLY"
      case .replicated: "DISTRIBUTED REPLICATED"
      }
    }
  }

  /// How it is written.
  public let kind: Kind
  /// Its bytes, counted from the start of the SQL text.
  public let range: Range<Int>

  /// The clause moved by some bytes.
  func shifted(by offset: Int) -> DistributionClause {
    DistributionClause(kind: kind, range: range.lowerBound + offset..<range.upperBound + offset)
  }
}

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

/// The word that every distribution clause begins with.
enum ClauseWord {
  private static let letters = Array("distributed".utf8)

  /// Whether the word stands anywhere in a text, whatever its case; a text without it needs no lexing.
  static func occurs(in bytes: some Collection<UInt8>) -> Bool {
    bytes.withContiguousStorageIfAvailable(search) ?? Array(bytes).withUnsafeBufferPointer(search)
  }

  private static func search(_ bytes: UnsafeBufferPointer<UInt8>) -> Bool {
    guard bytes.count >= letters.count else { return false }
    return letters.withUnsafeBufferPointer { letters in
      var start = 0
      let last = bytes.count - letters.count
      while start <= last {
        var matched = 0
        while matched < letters.count, bytes[start + matched] | 0x20 == letters[matched] { matched += 1 }
        if matched == letters.count { return true }
        start += 1
      }
      return false
    }
  }
}

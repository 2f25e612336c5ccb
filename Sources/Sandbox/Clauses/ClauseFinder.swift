internal import SQLLexer

/// A part of a statement that AnalyticDB and Greenplum read and stock PostgreSQL does not.
public struct DistributionClause: Sendable, Hashable {
  /// What it is.
  public enum Kind: Sendable, Hashable, CaseIterable, CustomStringConvertible {
    /// `DISTRIBUTED BY (column, …)`.
    case by
    /// `DISTRIBUTED RANDOMLY`.
    case randomly
    /// `DISTRIBUTED REPLICATED`.
    case replicated
    /// A storage option of append-optimised tables in `CREATE TABLE … WITH (…)`.
    case storageOption
    /// The column that names the node of a row; 0 here.
    case segmentID

    /// The clause as it is written.
    public var description: String {
      switch self {
      case .by: "DISTRIBUTED BY (…)"
      case .randomly: "DISTRIBUTED RANDOMLY"
      case .replicated: "DISTRIBUTED REPLICATED"
      case .storageOption: "WITH (appendonly, orientation, compresstype …)"
      case .segmentID: "gp_segment_id"
      }
    }
  }

  /// How it is written.
  public let kind: Kind
  /// Its bytes, counted from the start of the SQL text.
  public private(set) var range: Range<Int>
  /// What stands there for the server, not longer than the clause; nil comments the clause out.
  var replacement: String?

  /// The clause moved by some bytes.
  func shifted(by offset: Int) -> DistributionClause {
    var moved = self
    moved.range = range.lowerBound + offset..<range.upperBound + offset
    return moved
  }
}

/// Finds distribution clauses in a SQL text that arrives in pieces, in memory that does not grow with the text.
///
/// A token that touches the end of a piece may go on in the next one. So the last token is kept and read again with
/// what follows, and a long string is kept as its opening alone.
struct ClauseFinder {
  /// No clause found later begins before this offset.
  private(set) var settled = 0

  /// Three identifiers of 63 bytes in quotes, and the dots: a longer name is not held back.
  private static let longestName = 200

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
    tracker.dropName(before: length - Self.longestName)
    keep(from: end < lexed.lexemes.count ? lexed.lexemes[end] : nil, isOpen: lexed.endsInsideQuotes)
    // What stands for a long string can be longer than what is left of the string itself.
    settled = max(settled, tracker.openClauseStart ?? length - window.count)
    if length - settled > longestHold { giveUp() }
    return clauses
  }

  private mutating func follow(_ lexemes: ArraySlice<Lexeme>) -> [DistributionClause] {
    let base = length - window.count
    var found: [DistributionClause] = []
    for lexeme in lexemes where lexeme.isSignificant {
      let range = base + lexeme.range.lowerBound..<base + lexeme.range.upperBound
      found += tracker.read(lexeme.kind, window[lexeme.range], at: range)
    }
    // What was passed on already cannot be changed any more.
    return found.filter { $0.range.lowerBound >= settled }
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

/// Follows tokens from statement to statement and notices what only AnalyticDB reads: distribution clauses of
/// `CREATE TABLE` and `ALTER TABLE`, storage options, and `gp_segment_id`.
///
/// Distribution clauses by the rules of `SQLStatement.distributionClause`, for tokens that come one at a time.
struct ClauseTracker {
  private enum Progress {
    case nothing
    /// `ALTER TABLE … SET`, and perhaps `WITH (…)` behind it.
    case set(start: Int), setWith(start: Int)
    case distributed(start: Int)
    case by(start: Int)
    case columns(start: Int)
    /// `CREATE TABLE … WITH`, then its parentheses.
    case with(start: Int), options(StorageOptions)

    var start: Int? {
      switch self {
      case .nothing: nil
      case .set(let start), .setWith(let start), .distributed(let start), .by(let start), .columns(let start),
        .with(let start):
        start
      case .options(let options): options.start
      }
    }
  }

  private enum Head {
    case start
    case create(words: Int, sawMaterialized: Bool)
    case alter
    case table(isNew: Bool)
    case other
  }

  private var head = Head.start
  private var depth = 0
  private var progress = Progress.nothing
  private var name = NameChain()

  /// Where a clause or name begins whose end was not seen yet.
  var openClauseStart: Int? { [progress.start, name.start].compactMap(\.self).min() }

  /// Lets go of a name that began before an offset.
  mutating func dropName(before offset: Int) {
    if let start = name.start, start < offset { name = NameChain() }
  }

  /// Reads the next significant token.
  /// - Parameters:
  ///   - text: its bytes.
  ///   - range: their place in the SQL text.
  /// - Returns: the clauses that end with it.
  mutating func read(_ kind: Token.Kind, _ text: ArraySlice<UInt8>, at range: Range<Int>)
    -> [DistributionClause]
  {
    let symbol = kind == .punctuation && text.count == 1 ? text.first : nil
    switch symbol {
    case UInt8(ascii: "("): depth += 1
    case UInt8(ascii: ")"): depth = max(0, depth - 1)
    case UInt8(ascii: ";") where depth == 0:
      self = ClauseTracker()
      return []
    default: break
    }
    let word = kind == .word ? Word(text) : .other
    let chain = name.read(kind, symbol, word, at: range)
    if word == .segmentID, let chain {
      return [DistributionClause(kind: .segmentID, range: chain, replacement: "0::int4")]
    }
    switch head {
    case .other: return []
    case .table(let isNew): return advance(word, symbol, text, isNew: isNew, at: range)
    default:
      readHead(word)
      return []
    }
  }

  private mutating func readHead(_ word: Word) {
    switch (head, word) {
    case (.start, .create): head = .create(words: 0, sawMaterialized: false)
    case (.start, .alter): head = .alter
    case (.alter, .table): head = .table(isNew: false)
    case (.create, .table), (.create(_, sawMaterialized: true), .view): head = .table(isNew: true)
    case (.create(let words, _), .materialized): head = .create(words: words + 1, sawMaterialized: true)
    case (.create(let words, _), _) where words < 2: head = .create(words: words + 1, sawMaterialized: false)
    default: head = .other
    }
  }

  private mutating func advance(
    _ word: Word,
    _ symbol: UInt8?,
    _ text: ArraySlice<UInt8>,
    isNew: Bool,
    at range: Range<Int>
  ) -> [DistributionClause] {
    let opens = symbol == UInt8(ascii: "(")
    let closes = symbol == UInt8(ascii: ")") && depth == 0
    switch (progress, word) {
    case (.columns(let start), _):
      return closes ? found(.by, start..<range.upperBound, isNew) : []
    case (.options(var options), _):
      options.read(symbol, text, depth: depth, at: range)
      progress = closes ? .nothing : .options(options)
      return closes ? options.clauses(until: range.upperBound) : []
    case (.setWith(let start), _):
      if closes { progress = .set(start: start) } else if depth == 0 { progress = .nothing }
    case (.distributed(let start), .randomly): return found(.randomly, start..<range.upperBound, isNew)
    case (.distributed(let start), .replicated): return found(.replicated, start..<range.upperBound, isNew)
    case (.distributed(let start), .by): progress = .by(start: start)
    case (.by(let start), _) where opens: progress = .columns(start: start)
    case (.with(let start), _) where opens: progress = .options(StorageOptions(start: start))
    case (.set(let start), .distributed): progress = .distributed(start: start)
    case (.set(let start), .with): progress = .setWith(start: start)
    case (_, .set) where depth == 0 && !isNew: progress = .set(start: range.lowerBound)
    case (_, .with) where depth == 0 && isNew: progress = .with(start: range.lowerBound)
    case (_, .distributed) where depth == 0 && isNew: progress = .distributed(start: range.lowerBound)
    default: progress = .nothing
    }
    return []
  }

  /// `ALTER TABLE` needs something to do: `SET WITHOUT OIDS`, which PostgreSQL takes and does nothing for.
  private mutating func found(
    _ kind: DistributionClause.Kind,
    _ range: Range<Int>,
    _ isNew: Bool
  ) -> [DistributionClause] {
    progress = .nothing
    return [DistributionClause(kind: kind, range: range, replacement: isNew ? nil : "SET WITHOUT OIDS")]
  }
}

/// `WITH (…)` of `CREATE TABLE`, an option at a time.
private struct StorageOptions {
  private struct Option {
    var range: Range<Int>
    var isForeign: Bool
    /// Where the comma behind it ends.
    var end: Int
  }

  let start: Int
  private var options: [Option] = []
  private var isAtName = true

  init(start: Int) { self.start = start }

  private static let foreign: Set<String> = [
    "appendonly", "appendoptimized", "orientation", "compresstype", "compresslevel", "blocksize", "checksum",
  ]

  mutating func read(_ symbol: UInt8?, _ text: ArraySlice<UInt8>, depth: Int, at range: Range<Int>) {
    if symbol == UInt8(ascii: ",") && depth == 1 {
      if !options.isEmpty { options[options.count - 1].end = range.upperBound }
      isAtName = true
    } else if depth > 0, isAtName {
      let name = String(decoding: text, as: UTF8.self).lowercased()
      options.append(Option(range: range, isForeign: Self.foreign.contains(name), end: range.upperBound))
      isAtName = false
    } else if depth > 0, !options.isEmpty {
      let last = options.count - 1
      options[last].range = options[last].range.lowerBound..<range.upperBound
      options[last].end = range.upperBound
    }
  }

  /// All of it where no option is PostgreSQL's; else each foreign option with the comma that would be left over.
  func clauses(until end: Int) -> [DistributionClause] {
    guard options.contains(where: { !$0.isForeign }) else {
      return options.isEmpty ? [] : [DistributionClause(kind: .storageOption, range: start..<end)]
    }
    return options.indices.filter { options[$0].isForeign }.map { index in
      let option = options[index]
      let keepsEarlier = options[..<index].contains { !$0.isForeign }
      // The comma before it is the last byte that the option before it took.
      let range =
        keepsEarlier
        ? options[index - 1].end - 1..<option.range.upperBound : option.range.lowerBound..<option.end
      return DistributionClause(kind: .storageOption, range: range)
    }
  }
}

/// A name with its qualifiers, such as `s.t.gp_segment_id`, followed token by token.
private struct NameChain {
  private(set) var start: Int?
  private var endsWithDot = false
  private var followsAs = false

  /// - Returns: where the whole name stands when this token ends one that is not an alias.
  mutating func read(_ kind: Token.Kind, _ symbol: UInt8?, _ word: Word, at range: Range<Int>) -> Range<Int>?
  {
    guard kind == .word || kind == .quotedIdentifier else {
      endsWithDot = symbol == UInt8(ascii: ".") && start != nil
      if !endsWithDot { start = nil }
      followsAs = false
      return nil
    }
    if !endsWithDot { start = range.lowerBound }
    endsWithDot = false
    defer { followsAs = word == .alias }
    return followsAs ? nil : (start ?? range.lowerBound)..<range.upperBound
  }
}

/// The words that matter here.
private enum Word: String, CaseIterable {
  case create, alter, table, materialized, view, set, with, distributed, by, randomly, replicated
  case alias = "as"
  case segmentID = "gp_segment_id"
  case other = ""

  init(_ text: ArraySlice<UInt8>) {
    self = Self.allCases.first { $0.matches(text) } ?? .other
  }

  private func matches(_ text: ArraySlice<UInt8>) -> Bool {
    rawValue.utf8.count == text.count
      && zip(text, rawValue.utf8).allSatisfy { ClauseWord.lowercased($0) == $1 }
  }
}

/// The words without one of which a text has nothing to leave out.
enum ClauseWord {
  private static let words = [
    "distributed", "gp_segment_id", "appendonly", "appendoptimized", "orientation", "compress",
  ]
  .map { Array($0.utf8) }
  private static let shortest = 8

  static func lowercased(_ byte: UInt8) -> UInt8 {
    (UInt8(ascii: "A")...UInt8(ascii: "Z")).contains(byte) ? byte | 0x20 : byte
  }

  /// Whether one of the words stands anywhere in a text, in upper or lower case; a text without them needs no lexing.
  static func occurs(in bytes: some Collection<UInt8>) -> Bool {
    bytes.withContiguousStorageIfAvailable(search) ?? Array(bytes).withUnsafeBufferPointer(search)
  }

  private static func search(_ bytes: UnsafeBufferPointer<UInt8>) -> Bool {
    guard bytes.count >= shortest else { return false }
    for start in 0...bytes.count - shortest {
      switch bytes[start] | 0x20 {
      case UInt8(ascii: "d"), UInt8(ascii: "g"), UInt8(ascii: "a"), UInt8(ascii: "o"), UInt8(ascii: "c"):
        if words.contains(where: { matches($0, bytes, at: start) }) { return true }
      default: break
      }
    }
    return false
  }

  private static func matches(_ word: [UInt8], _ bytes: UnsafeBufferPointer<UInt8>, at start: Int) -> Bool {
    guard start + word.count <= bytes.count else { return false }
    for (offset, letter) in word.enumerated() where lowercased(bytes[start + offset]) != letter {
      return false
    }
    return true
  }
}

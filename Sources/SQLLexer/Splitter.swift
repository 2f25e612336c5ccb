/// Gathers the scanner's tokens into statements.
struct Splitter {
  let source: SourceText
  private var scanner: Scanner
  private(set) var tokens: [Token] = []
  private(set) var statements: [SQLStatement] = []
  private(set) var errors: [LexicalError] = []
  private var current: [Token] = []
  private var depth = 0
  private var body = AtomicBody()

  init(_ source: SourceText, standardConformingStrings: Bool) {
    self.source = source
    scanner = Scanner(source.utf8, standardConformingStrings: standardConformingStrings)
  }

  mutating func run() {
    while let token = scanner.next() {
      tokens.append(token)
      if let failure = scanner.failure {
        report(failure.code, at: failure.offset)
        scanner.failure = nil
      }
      if token.isSignificant { add(token) }
    }
    finish(isTerminated: false)
  }

  private mutating func add(_ token: Token) {
    let byte = source.utf8[token.range.lowerBound]
    if token.kind == .punctuation {
      if byte == Byte.openParenthesis { depth += 1 }
      if byte == Byte.closeParenthesis { depth = max(0, depth - 1) }
      if byte == Byte.semicolon, depth == 0, !body.isOpen { return finish(isTerminated: true) }
    }
    current.append(token)
    if token.kind == .word, depth == 0 { body.read(current, source) } else { body.readOther() }
  }

  private mutating func finish(isTerminated: Bool) {
    defer {
      current.removeAll(keepingCapacity: true)
      depth = 0
      body = AtomicBody()
    }
    guard let first = current.first, let last = current.last else { return }
    let statement = SQLStatement(
      source: source,
      // A copy without spare room.
      tokens: Array(current[...]),
      range: first.range.lowerBound..<last.range.upperBound,
      copyData: nil,
      closesCopyData: false,
      isTerminated: isTerminated
    )
    statements.append(isTerminated && statement.copiesFromStandardInput ? withData(statement) : statement)
  }

  /// Takes the data lines behind a COPY; the rest of its own line may only hold white space or a comment.
  private mutating func withData(_ statement: SQLStatement) -> SQLStatement {
    let bytes = source.utf8
    var lineEnd = scanner.offset
    while lineEnd < bytes.count, bytes[lineEnd] != Byte.newline { lineEnd += 1 }
    let rest = Script(SourceText(utf8: Array(bytes[scanner.offset..<lineEnd])))
    if let extra = rest.tokens.first(where: \.isSignificant) {
      report(.textBesideCopyData, at: scanner.offset + extra.range.lowerBound)
      return statement
    }
    let start = min(lineEnd + 1, bytes.count)
    let end = endOfData(from: start)
    scanner.offset = end.next
    return SQLStatement(
      source: source,
      tokens: statement.tokens,
      range: statement.range,
      copyData: start..<end.data,
      closesCopyData: end.data < bytes.count,
      isTerminated: true
    )
  }

  private func endOfData(from start: Int) -> (data: Int, next: Int) {
    source.utf8.withUnsafeBufferPointer { bytes in
      var line = start
      while line < bytes.count {
        var end = line
        while end < bytes.count, bytes[end] != Byte.newline { end += 1 }
        let next = min(end + 1, bytes.count)
        let length = end > line && bytes[end - 1] == Byte.carriageReturn ? end - 1 - line : end - line
        if length == 2, bytes[line] == Byte.backslash, bytes[line + 1] == Byte.dot { return (line, next) }
        line = next
      }
      return (bytes.count, bytes.count)
    }
  }

  private mutating func report(_ code: LexicalError.Code, at offset: Int) {
    errors.append(LexicalError(code: code, position: source.position(at: offset)))
  }
}

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

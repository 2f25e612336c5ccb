/// One statement found in a text, with its tokens and its place.
public struct SQLStatement: Sendable, Hashable {
  /// The text that it stands in.
  public let source: SourceText
  /// Its significant tokens, without the closing semicolon; never empty.
  public let tokens: [Token]
  /// Its bytes, from the first significant token to the last; comments inside are part of it.
  public let range: Range<Int>
  /// The data lines of `COPY … FROM STDIN`, each with its line end, without the closing `\.`.
  public let copyData: Range<Int>?
  /// Whether the data's closing `\.` is there; false where the text ended before it, or where there is no data.
  public let closesCopyData: Bool
  /// Whether a semicolon ended it.
  public let isTerminated: Bool

  /// Its text, without the semicolon.
  public var text: String { source[range] }

  /// Where it begins.
  public var position: SourcePosition { source.position(at: range.lowerBound) }

  /// The text of a token.
  public func text(of token: Token) -> String { source[token.range] }

  /// Whether the tokens from `index` on are these words, in upper or lower case; give the words in lower case.
  public func hasWords(_ words: [StaticString], at index: Int = 0) -> Bool {
    guard index >= 0, index + words.count <= tokens.count else { return false }
    return zip(tokens[index...], words).allSatisfy { token, word in
      token.kind == .word && isWord(token, word)
    }
  }

  /// Whether the tokens from `index` on are these words, in upper or lower case; give the words in lower case.
  public func hasWords(_ words: StaticString..., at index: Int = 0) -> Bool { hasWords(words, at: index) }

  /// Whether a token is this one punctuation mark or operator.
  public func isSymbol(_ symbol: StaticString, at index: Int) -> Bool {
    guard tokens.indices.contains(index) else { return false }
    let token = tokens[index]
    guard token.kind == .punctuation || token.kind == .operator else { return false }
    return symbol.withUTF8Buffer { source.utf8[token.range].elementsEqual($0) }
  }

  /// The index behind the parenthesis that closes the one at `index`; nil when none opens or closes there.
  public func endOfParentheses(at index: Int) -> Int? {
    guard isSymbol("(", at: index) else { return nil }
    var depth = 0
    for position in index..<tokens.count {
      if isSymbol("(", at: position) { depth += 1 }
      if isSymbol(")", at: position) { depth -= 1 }
      if depth == 0 { return position + 1 }
    }
    return nil
  }

  private func isWord(_ token: Token, _ word: StaticString) -> Bool {
    guard token.range.count == word.utf8CodeUnitCount else { return false }
    return word.withUTF8Buffer { letters in
      zip(source.utf8[token.range], letters).allSatisfy { byte, letter in
        byte == letter || (Byte.isLetter(byte) && byte | 0x20 == letter)
      }
    }
  }
}

extension SQLStatement {
  /// Whether it is `COPY … FROM STDIN`, whose data follows it in a script. `FROM STDOUT` means the same to the server.
  public var copiesFromStandardInput: Bool {
    guard hasWords("copy") else { return false }
    return depthZeroIndices.contains {
      hasWords("from", "stdin", at: $0) || hasWords("from", "stdout", at: $0)
    }
  }

  /// Whether it creates a table: `CREATE [UNLOGGED | [GLOBAL | LOCAL] TEMP…] TABLE` or a materialised view.
  public var createsTable: Bool {
    guard hasWords("create") else { return false }
    for index in 1..<min(4, tokens.count) {
      if hasWords("table", at: index) || hasWords("materialized", "view", at: index) { return true }
    }
    return false
  }

  /// The bytes of `DISTRIBUTED BY (…) | RANDOMLY | REPLICATED` behind a `CREATE TABLE`, as Greenplum places it.
  ///
  /// Nil when the statement creates no table or names no distribution. A column called `distributed` is not a clause.
  public var distributionClause: Range<Int>? {
    guard createsTable else { return nil }
    for index in depthZeroIndices where hasWords("distributed", at: index) {
      let start = tokens[index].range.lowerBound
      if hasWords("randomly", at: index + 1) || hasWords("replicated", at: index + 1) {
        return start..<tokens[index + 1].range.upperBound
      }
      if hasWords("by", at: index + 1), let end = endOfParentheses(at: index + 2) {
        return start..<tokens[end - 1].range.upperBound
      }
    }
    return nil
  }

  /// The statement's text with some bytes of it left out, and the white space before them.
  public func text(without removed: Range<Int>) -> String {
    var end = removed.lowerBound
    while end > range.lowerBound, Byte.isSpace(source.utf8[end - 1]) { end -= 1 }
    return source[range.lowerBound..<end] + source[removed.upperBound..<range.upperBound]
  }

  /// The indices of the tokens outside all parentheses.
  public var depthZeroIndices: [Int] {
    var depth = 0
    return tokens.indices.filter { index in
      if isSymbol("(", at: index) {
        depth += 1
        return false
      }
      if isSymbol(")", at: index) {
        depth = max(0, depth - 1)
        return false
      }
      return depth == 0
    }
  }
}

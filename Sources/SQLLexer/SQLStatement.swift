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
  /// Whether a semicolon ended it.
  public let isTerminated: Bool

  /// Its text, without the semicolon.
  public var text: String { source[range] }

  /// Where it begins.
  public var position: SourcePosition { source.position(at: range.lowerBound) }

  /// The text of a token.
  public func text(of token: Token) -> String { source[token.range] }

  /// Whether the tokens from `index` on are these words, whatever their case; give the words in lower case.
  public func hasWords(_ words: [StaticString], at index: Int = 0) -> Bool {
    guard index >= 0, index + words.count <= tokens.count else { return false }
    return zip(tokens[index...], words).allSatisfy { token, word in
      token.kind == .word && isWord(token, word)
    }
  }

  /// Whether the tokens from `index` on are these words, whatever their case; give the words in lower case.
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

extension SQLStatement {
  /// Whether it is `COPY … FROM STDIN`, whose data follows it in a script.
  public var copiesFromStandardInput: Bool {
    guard hasWords("copy") else { return false }
    return depthZeroIndices.contains { hasWords("from", "stdin", at: $0) }
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
  /// Nil when the statement creates no table or names no distribution. A column called `distributed` is no clause.
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
    let kept = source[range.lowerBound..<removed.lowerBound]
    let head = kept.reversed().drop { $0.isWhitespace }.reversed()
    return String(head) + source[removed.upperBound..<range.upperBound]
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

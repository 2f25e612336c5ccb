internal import SQLLexer

/// Proves by the lexer that each value in a rendered text stays one value: it is a token of its own, or lies inside a
/// token whose ends the file wrote, or is a plain word in the data of a COPY. What is not proved is refused.
struct SubstitutionGuard {
  let text: RenderedText
  let file: SourceFile
  let parameters: ParameterSet

  /// How deep dollar-quoted bodies may stand in one another with a value inside.
  private static let deepestBody = 8

  /// The languages whose bodies are cut into tokens as SQL is.
  private static let sqlLanguages = ["sql", "plpgsql"]

  func check(_ script: Script) throws {
    let values = text.segments[...].filter { $0.parameter != nil && !$0.rendered.isEmpty }[...]
    guard !values.isEmpty else { return }
    var proved: Set<Int> = []
    try check(values, script.tokens, from: 0, depth: 0, foreignBodies(script)) {
      proved.insert($0.rendered.lowerBound)
    }
    for statement in script.statements {
      guard let data = statement.copyData else { continue }
      for value in Self.overlapping(data, values) where data.contains(value.rendered.lowerBound) {
        guard value.rendered.upperBound <= data.upperBound, isPlain(value), !followsBackslash(value),
          !hasMeaning(value, in: statement)
        else {
          throw refusal(
            value,
            "is not a plain word, and COPY reads its data without quotes",
            "use INSERT … VALUES"
          )
        }
        proved.insert(value.rendered.lowerBound)
      }
    }
    if let lost = values.first(where: { !proved.contains($0.rendered.lowerBound) }) { throw refusal(lost) }
  }

  /// Follows values and tokens, both in their order, and checks each pair that overlaps.
  /// - Parameter base: what is added to a token's bytes to get those of the rendered text.
  private func check(
    _ values: ArraySlice<RenderedText.Segment>,
    _ tokens: [Token],
    from base: Int,
    depth: Int,
    _ foreign: Set<Int>,
    _ prove: (RenderedText.Segment) -> Void
  ) throws {
    var first = values.startIndex
    for token in tokens {
      let range = token.range.lowerBound + base..<token.range.upperBound + base
      while first < values.endIndex, values[first].rendered.upperBound <= range.lowerBound { first += 1 }
      guard first < values.endIndex else { return }
      var last = first
      while last < values.endIndex, values[last].rendered.lowerBound < range.upperBound {
        try check(values[last], token.kind, range)
        if values[last].rendered.upperBound <= range.upperBound { prove(values[last]) }
        last += 1
      }
      guard token.kind == .dollarString, first < last else { continue }
      try checkBody(
        values[first..<last],
        of: range,
        depth: depth,
        isForeign: foreign.contains(range.lowerBound)
      )
    }
  }

  /// A body is SQL in its turn, unless its language is another: there a value has to be a plain word.
  private func checkBody(
    _ values: ArraySlice<RenderedText.Segment>,
    of token: Range<Int>,
    depth: Int,
    isForeign: Bool
  ) throws {
    guard let value = values.first else { return }
    guard let body = body(of: token),
      values.allSatisfy({
        body.lowerBound <= $0.rendered.lowerBound && $0.rendered.upperBound <= body.upperBound
      })
    else { throw refusal(value) }
    if isForeign {
      if let value = values.first(where: { !isPlain($0) }) {
        throw refusal(
          value,
          "is not a plain word, and the body's language is not SQL",
          "pass it to the function instead"
        )
      }
      return
    }
    guard depth < Self.deepestBody else {
      throw refusal(value, "stands too deep in dollar quotes", "take it out of the inner quotes")
    }
    var seen: Set<Int> = []
    let tokens = Script.tokens(of: Array(text.utf8[body]))
    let foreign = foreignBodies(tokens, from: body.lowerBound)
    try check(values, tokens, from: body.lowerBound, depth: depth + 1, foreign) {
      seen.insert($0.rendered.lowerBound)
    }
    if let lost = values.first(where: { !seen.contains($0.rendered.lowerBound) }) { throw refusal(lost) }
  }

  private func check(_ value: RenderedText.Segment, _ kind: Token.Kind, _ token: Range<Int>) throws {
    guard let name = value.parameter, let definition = parameters.manifest?[name] else { return }
    let bringsQuotes = definition.kind == .identifier || definition.kind == .literal
    // The token is the value's own, or one of several that it is made of, as `(-5)` or `double precision`.
    if value.rendered.lowerBound <= token.lowerBound, token.upperBound <= value.rendered.upperBound {
      guard bringsQuotes, touchesName(value) else { return }
      throw refusal(value)
    }
    let isInside =
      token.lowerBound < value.rendered.lowerBound && value.rendered.upperBound < token.upperBound
    switch kind {
    case .lineComment:
      guard token.lowerBound < value.rendered.lowerBound, value.rendered.upperBound <= token.upperBound else {
        break
      }
      return
    case .blockComment:
      guard isInside, !formsCommentMark(value) else { break }
      return
    case .dollarString:
      guard isInside else { break }
      return
    case .string, .escapeString, .word, .number:
      let fits = kind == .word || kind == .number || isInside
      guard fits, !bringsQuotes, isPlain(value), !followsBackslash(value) else { break }
      return
    default: break
    }
    throw refusal(value)
  }

  /// Whether `/*` or `*/` stands in the value, or is made of it and a byte beside it: inside a comment either changes where
  /// the comment ends.
  private func formsCommentMark(_ value: RenderedText.Segment) -> Bool {
    let from = max(0, value.rendered.lowerBound - 1)
    let bytes = text.utf8[from..<min(text.utf8.count, value.rendered.upperBound + 1)]
    return zip(bytes, bytes.dropFirst()).contains { ($0 == 0x2F && $1 == 0x2A) || ($0 == 0x2A && $1 == 0x2F) }
  }

  /// Whether a letter, digit or quote of the file stands right beside the value.
  private func touchesName(_ value: RenderedText.Segment) -> Bool {
    let before = value.rendered.lowerBound > 0 ? text.utf8[value.rendered.lowerBound - 1] : 0x20
    let after = value.rendered.upperBound < text.utf8.count ? text.utf8[value.rendered.upperBound] : 0x20
    return [before, after].contains { byte in
      Self.isWordByte(byte) || byte == UInt8(ascii: "'") || byte == UInt8(ascii: "\"")
    }
  }

  private func isPlain(_ value: RenderedText.Segment) -> Bool {
    text.utf8[value.rendered].allSatisfy { Self.isWordByte($0) || $0 == 0x20 }
  }

  private func followsBackslash(_ value: RenderedText.Segment) -> Bool {
    value.rendered.lowerBound > 0 && text.utf8[value.rendered.lowerBound - 1] == 0x5C
  }

  private static func isWordByte(_ byte: UInt8) -> Bool {
    byte >= 0x80 || (0x30...0x39).contains(byte) || (0x41...0x5A).contains(byte & 0xDF) || byte == 0x5F
  }

  private func refusal(_ value: RenderedText.Segment) -> MigrationError {
    let name = value.parameter ?? ""
    let isIdentifier = parameters.manifest?[name]?.kind == .identifier
    return refusal(
      value,
      "runs into the text beside it",
      isIdentifier
        ? "declare a second identifier with default = \"{\(name)}_…\" and use that"
        : "let {{\(name)}} stand alone: it brings its own quotes"
    )
  }

  private func refusal(_ value: RenderedText.Segment, _ problem: String, _ hint: String) -> MigrationError {
    MigrationError(
      .invalidParameter,
      "the value of \(value.parameter ?? "") \(problem)",
      hint: hint,
      at: file.location(value.source.lowerBound)
    )
  }

  /// What stands between the two delimiters of `$tag$ … $tag$`.
  private func body(of range: Range<Int>) -> Range<Int>? {
    guard let tagEnd = text.utf8[range].dropFirst().firstIndex(of: UInt8(ascii: "$")) else { return nil }
    let length = tagEnd + 1 - range.lowerBound
    guard range.count >= 2 * length else { return nil }
    return range.lowerBound + length..<range.upperBound - length
  }

  private static func overlapping(
    _ range: Range<Int>,
    _ values: ArraySlice<RenderedText.Segment>
  ) -> ArraySlice<RenderedText.Segment> {
    var (low, high) = (values.startIndex, values.endIndex)
    while low < high {
      let middle = (low + high) / 2
      if values[middle].rendered.upperBound <= range.lowerBound { low = middle + 1 } else { high = middle }
    }
    return values[low...].prefix { $0.rendered.lowerBound < range.upperBound }
  }

  /// Whether a COPY reads the value's text as something else: as its delimiter, or as NULL.
  private func hasMeaning(_ value: RenderedText.Segment, in copy: SQLStatement) -> Bool {
    let bytes = Array(text.utf8[value.rendered])
    return copy.tokens.contains { token in
      let inner = text.utf8[token.range].dropFirst().dropLast()
      guard token.kind == .string, !inner.isEmpty, inner.count <= bytes.count else { return false }
      return (0...bytes.count - inner.count).contains { bytes[$0...].starts(with: inner) }
    }
  }

  /// Where the dollar-quoted strings begin that stand in statements about another language than SQL and PL/pgSQL.
  private func foreignBodies(_ script: Script) -> Set<Int> {
    script.statements.reduce(into: []) { $0.formUnion(foreignBodies($1.tokens, from: 0)) }
  }

  private func foreignBodies(_ tokens: [Token], from base: Int) -> Set<Int> {
    let significant = tokens.filter(\.isSignificant)
    let isForeign = zip(significant, significant.dropFirst()).contains { word, language in
      word.kind == .word && lowercased(word, base) == "language"
        && !Self.sqlLanguages.contains(lowercased(language, base).filter { $0 != "'" && $0 != "\"" })
    }
    guard isForeign else { return [] }
    return Set(significant.filter { $0.kind == .dollarString }.map { $0.range.lowerBound + base })
  }

  private func lowercased(_ token: Token, _ base: Int) -> String {
    let range = token.range.lowerBound + base..<token.range.upperBound + base
    guard range.count <= 64 else { return "" }
    return String(decoding: text.utf8[range], as: UTF8.self).lowercased()
  }
}

internal import SQLLexer

/// Proves by the lexer that each value in a rendered text stays one value: it is a token of its own, or lies inside a
/// token whose ends the file wrote.
struct SubstitutionGuard {
  let text: RenderedText
  let file: SourceFile
  let parameters: ParameterSet

  func check() throws {
    let values = text.segments.filter { $0.parameter != nil && !$0.rendered.isEmpty }
    guard !values.isEmpty else { return }
    try check(values, in: text.utf8[...])
  }

  /// Checks the values inside one stretch of SQL: the whole text, or the body of a dollar-quoted string in it.
  private func check(_ values: [RenderedText.Segment], in sql: ArraySlice<UInt8>) throws {
    let base = sql.startIndex
    let tokens = Script(SourceText(utf8: Array(sql))).tokens
    for token in tokens {
      let range = token.range.lowerBound + base..<token.range.upperBound + base
      let inside = values.filter { $0.rendered.overlaps(range) }
      guard !inside.isEmpty else { continue }
      for value in inside { try check(value, token.kind, range) }
      if token.kind == .dollarString, let body = Self.body(of: range, in: sql) {
        try check(inside, in: sql[body])
      }
    }
  }

  private func check(_ value: RenderedText.Segment, _ kind: Token.Kind, _ token: Range<Int>) throws {
    guard let name = value.parameter, let definition = parameters.manifest?[name] else { return }
    // The token is the value's own, or one of several that it is made of, as `(-5)` or `double precision`.
    if value.rendered.lowerBound <= token.lowerBound, token.upperBound <= value.rendered.upperBound {
      guard definition.kind == .identifier || definition.kind == .literal, touchesName(value) else { return }
      throw refusal(value, name, definition)
    }
    let isInside =
      token.lowerBound < value.rendered.lowerBound && value.rendered.upperBound < token.upperBound
    switch kind {
    case .lineComment:
      guard token.lowerBound < value.rendered.lowerBound, value.rendered.upperBound <= token.upperBound else {
        break
      }
      return
    case .blockComment, .dollarString:
      guard isInside else { break }
      return
    case .string, .escapeString:
      guard isInside, definition.kind != .identifier, definition.kind != .literal, isPlain(value) else {
        break
      }
      return
    case .word, .number:
      guard definition.kind != .identifier, definition.kind != .literal, isPlain(value) else { break }
      return
    default: break
    }
    throw refusal(value, name, definition)
  }

  /// Whether a letter, digit or quote of the file stands right beside the value.
  private func touchesName(_ value: RenderedText.Segment) -> Bool {
    let before = value.rendered.lowerBound > 0 ? text.utf8[value.rendered.lowerBound - 1] : 0x20
    let after = value.rendered.upperBound < text.utf8.count ? text.utf8[value.rendered.upperBound] : 0x20
    return [before, after].contains { byte in
      byte >= 0x80 || (0x30...0x39).contains(byte) || (0x41...0x5A).contains(byte & 0xDF)
        || [UInt8(ascii: "_"), UInt8(ascii: "'"), UInt8(ascii: "\"")].contains(byte)
    }
  }

  private func isPlain(_ value: RenderedText.Segment) -> Bool {
    text.utf8[value.rendered].allSatisfy { byte in
      byte >= 0x80 || (0x30...0x39).contains(byte) || (0x41...0x5A).contains(byte & 0xDF) || byte == 0x5F
        || byte == 0x20
    }
  }

  private func refusal(
    _ value: RenderedText.Segment,
    _ name: String,
    _ definition: ParameterDefinition
  ) -> MigrationError {
    let hint =
      definition.kind == .identifier
      ? "declare a second identifier with default = \"{\(name)}_…\" and use that"
      : "let {{\(name)}} stand alone: it brings its own quotes"
    return MigrationError(
      .invalidParameter,
      "the value of \(name) runs into the text beside it",
      hint: hint,
      at: SourceLocation(file: file.path, text: file.text, offset: value.source.lowerBound)
    )
  }

  /// What stands between the two delimiters of `$tag$ … $tag$`.
  private static func body(of range: Range<Int>, in sql: ArraySlice<UInt8>) -> Range<Int>? {
    guard let tagEnd = sql[range].dropFirst().firstIndex(of: UInt8(ascii: "$")) else { return nil }
    let length = tagEnd + 1 - range.lowerBound
    guard range.count >= 2 * length else { return nil }
    return range.lowerBound + length..<range.upperBound - length
  }
}

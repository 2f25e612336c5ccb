internal import SQLLexer

/// A section of a migration as SQL, cut into statements, each of which knows its place in the file.
struct RenderedSection: Sendable, Hashable {
  let file: SourceFile
  let options: SectionOptions
  let text: RenderedText
  let script: Script

  init(file: SourceFile, options: SectionOptions, text: RenderedText) {
    self.file = file
    self.options = options
    self.text = text
    script = Script(SourceText(utf8: text.utf8))
  }

  /// The place in the file of a byte of the SQL.
  func location(ofByte offset: Int) -> SourceLocation {
    SourceLocation(file: file.path, text: file.text, offset: text.sourceOffset(of: offset))
  }

  /// The place of a statement, or of the character in it that the server's error names (counted from 1).
  func location(of statement: SQLStatement, character: Int? = nil) -> SourceLocation {
    guard let character else { return location(ofByte: statement.range.lowerBound) }
    let offset = script.source.offset(ofCharacter: character, from: statement.range.lowerBound)
    return location(ofByte: min(offset, statement.range.upperBound))
  }

  /// What a run that stopped half-way has done: at index k a SHA-256 over the first k statements, each hashed together
  /// with the hash before it.
  var chainedHashes: [String] {
    var hashes = [""]
    for statement in script.statements {
      var bytes = Array((hashes.last ?? "").utf8) + script.source.utf8[statement.range]
      if let data = statement.copyData { bytes += script.source.utf8[data] }
      hashes.append(SHA256Hex.of(bytes))
    }
    return hashes
  }
}

extension RenderedSection {
  /// The statements' texts.
  var statementTexts: [String] { script.statements.map(\.text) }
}

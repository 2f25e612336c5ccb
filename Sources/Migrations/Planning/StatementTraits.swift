internal import SQLLexer

/// What the engine has to know of a statement before it sends it.
extension SQLStatement {
  /// Whether it begins or ends a transaction.
  var controlsTransaction: Bool { beginsTransaction || endsTransaction }

  var beginsTransaction: Bool { hasWords("begin") || hasWords("start", "transaction") }

  var endsTransaction: Bool {
    if hasWords("rollback") || hasWords("abort") {
      return !tokens.indices.contains { hasWords("to", at: $0) } && !hasWords("rollback", "prepared")
    }
    return (hasWords("commit") && !hasWords("commit", "prepared")) || hasWords("end")
      || hasWords("prepare", "transaction")
  }

  /// Whether the server refuses it inside a transaction block; the text says what it is, for messages.
  var refusesTransaction: String? {
    for phrase in Self.refusing where hasWords(phrase.words) { return phrase.name }
    if concurrently { return "\(leadingWords(2)) CONCURRENTLY" }
    if hasWords("alter", "system") { return "ALTER SYSTEM" }
    return nil
  }

  /// Whether it has to be sent outside a transaction block: the server refuses it there, or it may end one itself.
  var runsAlone: Bool {
    refusesTransaction != nil || hasWords("call") || hasWords("do") || hasWords("prepare", "transaction")
      || hasWords("commit", "prepared") || hasWords("rollback", "prepared") || hasWords("discard", "all")
      || (hasWords("alter", "type") && tokens.indices.contains { hasWords("add", "value", at: $0) })
  }

  /// Whether it changes a setting for the rest of the session.
  var setsSession: Bool {
    if hasWords("set") {
      return !["local", "transaction", "constraints"].contains { word in hasWord(word, at: 1) }
    }
    return hasWords("reset") || tokens.contains { text(of: $0).lowercased() == "set_config" }
  }

  private var concurrently: Bool {
    guard hasWords("create") || hasWords("drop") || hasWords("reindex") || hasWords("alter", "table") else {
      return false
    }
    return depthZeroIndices.prefix(8).contains { hasWords("concurrently", at: $0) }
      || (hasWords("reindex") && isSymbol("(", at: 1)
        && tokens.prefix(6).indices.contains { hasWords("concurrently", at: $0) })
  }

  private func hasWord(_ word: String, at index: Int) -> Bool {
    tokens.indices.contains(index) && text(of: tokens[index]).lowercased() == word
  }

  private func leadingWords(_ count: Int) -> String {
    tokens.prefix(count).map { text(of: $0).uppercased() }.joined(separator: " ")
  }

  private static let refusing: [(words: [StaticString], name: String)] = [
    (["vacuum"], "VACUUM"), (["create", "database"], "CREATE DATABASE"),
    (["drop", "database"], "DROP DATABASE"), (["create", "tablespace"], "CREATE TABLESPACE"),
    (["drop", "tablespace"], "DROP TABLESPACE"), (["reindex", "database"], "REINDEX DATABASE"),
    (["reindex", "system"], "REINDEX SYSTEM"), (["create", "subscription"], "CREATE SUBSCRIPTION"),
    (["drop", "subscription"], "DROP SUBSCRIPTION"),
  ]
}

/// An index that a statement builds.
struct IndexBuild: Hashable {
  var isConcurrent: Bool
  /// The name without its schema, as the catalogue stores it; nil when the server is to choose one.
  var name: String?
  /// The table as it is written.
  var table: String
}

extension SQLStatement {
  /// What `CREATE [UNIQUE] INDEX …` builds; nil for other statements.
  var indexBuild: IndexBuild? {
    guard hasWords("create") else { return nil }
    var index = hasWords("unique", at: 1) ? 2 : 1
    guard hasWords("index", at: index) else { return nil }
    index += 1
    let isConcurrent = hasWords("concurrently", at: index)
    if isConcurrent { index += 1 }
    if hasWords("if", "not", "exists", at: index) { index += 3 }
    var name: String?
    if !hasWords("on", at: index), tokens.indices.contains(index) {
      name = catalogueName(tokens[index])
      index += 1
    }
    guard hasWords("on", at: index) else { return nil }
    index += hasWords("only", at: index + 1) ? 2 : 1
    guard let table = qualifiedName(at: index) else { return nil }
    return IndexBuild(isConcurrent: isConcurrent, name: name, table: table.text)
  }

  /// A name with its dots from a token on, as it is written, and the index behind it.
  func qualifiedName(at index: Int) -> (text: String, end: Int)? {
    guard isName(at: index) else { return nil }
    var end = index + 1
    while isSymbol(".", at: end), isName(at: end + 1) { end += 2 }
    return (tokens[index..<end].map { text(of: $0) }.joined(), end)
  }

  private func isName(at index: Int) -> Bool {
    tokens.indices.contains(index) && [.word, .quotedIdentifier].contains(tokens[index].kind)
  }

  /// A name as the catalogue stores it: folded to lower case unless quoted.
  func catalogueName(_ token: Token) -> String {
    let written = text(of: token)
    guard token.kind == .quotedIdentifier, written.hasPrefix("\"") else { return written.lowercased() }
    let inner = written.dropFirst().dropLast()
    return inner.split(separator: "\"\"", omittingEmptySubsequences: false).joined(separator: "\"")
  }
}

/// What can be known to fail before a section is sent.
struct SectionCheck {
  let section: RenderedSection

  func errors() -> [MigrationError] {
    let broken = section.script.errors.map { error in
      MigrationError(
        .invalidSQL,
        error.code.description,
        at: section.location(ofByte: error.position.utf8Offset)
      )
    }
    guard broken.isEmpty else { return broken }
    return section.options.transaction ? section.script.statements.compactMap(transactional) : []
  }

  private func transactional(_ statement: SQLStatement) -> MigrationError? {
    if let name = statement.refusesTransaction {
      return MigrationError(
        .invalidSQL,
        "\(name) cannot run inside a transaction",
        hint: "put transaction:false behind the section's mark",
        at: section.location(of: statement)
      )
    }
    guard statement.controlsTransaction else { return nil }
    return MigrationError(
      .invalidSQL,
      "this would end the file's own transaction half-way",
      hint: "leave it out: the file is one transaction; or put transaction:false behind the section's mark",
      at: section.location(of: statement)
    )
  }
}

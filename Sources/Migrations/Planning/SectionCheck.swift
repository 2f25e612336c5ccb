internal import SQLLexer

/// What can be known to fail, or to leave nothing behind, before a section is sent.
struct SectionCheck {
  let section: RenderedSection

  func errors() -> [MigrationError] {
    // First, because the text behind such a statement would be cut otherwise than it is read.
    let escaping = section.script.statements.filter(\.changesStringEscapes).map { statement in
      error(
        "standard_conforming_strings must stay on: with it off, a backslash in '…' is read as an escape",
        hint: "remove the statement and write E'…' where a backslash escapes",
        statement
      )
    }
    guard escaping.isEmpty else { return escaping }
    let broken = section.script.errors.map { error in
      MigrationError(
        .invalidSQL,
        error.code.description,
        at: section.location(ofByte: error.position.utf8Offset)
      )
    }
    guard broken.isEmpty else { return broken }
    let statements = section.script.statements
    let each = stepErrors() + openParts() + lostData() + statements.compactMap(unsendable)
    return each + (section.options.transaction ? statements.compactMap(transactional) : grouping(statements))
  }

  private func stepErrors() -> [MigrationError] {
    do {
      _ = try section.steps(of: .version(""), .up)
      return []
    } catch {
      return [error as? MigrationError].compactMap(\.self)
    }
  }

  /// A section in several parts is joined by semicolons, which must not get into the data of a COPY.
  private func openParts() -> [MigrationError] {
    guard !section.text.joints.isEmpty else { return [] }
    let tokens = Set(section.script.tokens.map(\.range.lowerBound))
    return section.text.joints.filter { !tokens.contains($0) }.map { joint in
      MigrationError(
        .invalidSQL,
        "the part of the section before this one is not closed",
        hint: "end its last statement, or the data of its COPY",
        at: section.location(ofByte: joint)
      )
    }
  }

  /// Data that was left on the disk has to belong to a COPY of this rendering.
  private func lostData() -> [MigrationError] {
    guard !section.file.data.isEmpty else { return [] }
    let read = section.script.statements.compactMap { statement in
      if case .file(let file) = section.copyData(of: statement) { file.offset } else { nil }
    }
    return section.file.data.filter { data in
      !read.contains(data.offset) && section.text.holds(source: data.offset)
    }.map { data in
      MigrationError(
        .invalidSQL,
        "the lines before this are not the data of a COPY with these parameters",
        hint: "put the COPY into a file without {{…}} around it",
        at: section.file.location(data.offset)
      )
    }
  }

  /// Text that psql would keep for itself or that the server cannot read as it is meant.
  private func unsendable(_ statement: SQLStatement) -> MigrationError? {
    if let token = statement.tokens.first(where: {
      $0.kind == .unknown && section.byte($0.range.lowerBound) == 0x5C
    }) {
      return MigrationError(
        .invalidSQL,
        "a backslash command is psql's and cannot run here",
        hint: "remove the line",
        at: section.location(ofByte: token.range.lowerBound)
      )
    }
    if statement.copiesFromStandardInput, !statement.closesCopyData {
      return error(
        "this COPY has no end of data",
        hint: "end the statement with a semicolon, the data with a line \\.",
        statement
      )
    }
    if statement.copiesToStandardOutput {
      return error(
        "this COPY sends rows to a client, and a migration keeps none",
        hint: "remove the statement",
        statement
      )
    }
    if let encoding = statement.clientEncoding, !["utf8", "unicode"].contains(encoding) {
      return error(
        "the client encoding must stay UTF8: the file is UTF-8",
        hint: "remove the statement and save the file as UTF-8",
        statement
      )
    }
    return nil
  }

  private func transactional(_ statement: SQLStatement) -> MigrationError? {
    if let name = statement.refusesTransaction {
      return error(
        "\(name) cannot run inside a transaction",
        hint: "put transaction:false behind the section's mark",
        statement
      )
    }
    guard statement.controlsTransaction else { return nil }
    return error(
      "this would end the file's own transaction half-way",
      hint: "leave it out: the file is one transaction; or put transaction:false behind the section's mark",
      statement
    )
  }

  /// In a section without a transaction of its own, each BEGIN needs its COMMIT: what stays open or is rolled back would be
  /// recorded as done with nothing there.
  private func grouping(_ statements: [SQLStatement]) -> [MigrationError] {
    var problems: [MigrationError] = []
    var open: SQLStatement?
    for statement in statements {
      if let problem = wrong(statement, inside: open != nil) { problems.append(problem) }
      if statement.beginsTransaction, open == nil { open = statement }
      if statement.endsTransaction { open = nil }
    }
    if let open {
      problems.append(
        error("this transaction has no COMMIT", hint: "write COMMIT behind its last statement", open)
      )
    }
    return problems
  }

  private func wrong(_ statement: SQLStatement, inside: Bool) -> MigrationError? {
    if statement.beginsTransaction {
      return inside
        ? error("a transaction is open here already", hint: "use SAVEPOINT, or COMMIT first", statement) : nil
    }
    if statement.chainsTransactions {
      return error("AND CHAIN leaves another transaction open", hint: "write COMMIT, then BEGIN", statement)
    }
    if statement.endsTransaction {
      guard inside else {
        return error("no transaction is open here", hint: "remove it, or write BEGIN before", statement)
      }
      guard statement.commits || statement.hasWords("prepare", "transaction") else {
        return error(
          "this takes back what the statements before it did",
          hint: "remove the transaction",
          statement
        )
      }
      return nil
    }
    if inside, let name = statement.refusesTransaction {
      return error("\(name) cannot run inside a transaction", hint: "move it behind COMMIT", statement)
    }
    if !inside, statement.usesSavepoint {
      return error("savepoints need a transaction", hint: "write BEGIN before and COMMIT behind", statement)
    }
    if !inside, let name = statement.endsWithItsTransaction {
      return error(
        "\(name) ends with its transaction, and here it would be the only statement of one",
        hint: "write BEGIN before it, and COMMIT behind the statements that need it",
        statement
      )
    }
    return nil
  }

  private func error(_ message: String, hint: String, _ statement: SQLStatement) -> MigrationError {
    MigrationError(.invalidSQL, message, hint: hint, at: section.location(of: statement))
  }
}

extension SQLStatement {
  /// Whether it is `COPY … TO STDOUT`, or `TO STDIN`, which means the same to the server.
  fileprivate var copiesToStandardOutput: Bool {
    guard hasWords("copy") else { return false }
    return depthZeroIndices.contains { hasWords("to", "stdout", at: $0) || hasWords("to", "stdin", at: $0) }
  }

  /// The encoding that `SET client_encoding` or `SET NAMES` asks for, in lower case without dashes; nil for other statements.
  fileprivate var clientEncoding: String? {
    guard hasWords("set"), !tokens.isEmpty else { return nil }
    let name = hasWords("session", at: 1) || hasWords("local", at: 1) ? 2 : 1
    let value: Int
    if hasWords("names", at: name) {
      value = name + 1
    } else if hasWords("client_encoding", at: name) {
      value = name + 2
    } else {
      return nil
    }
    guard tokens.indices.contains(value), !hasWords("default", at: value) else { return nil }
    let letters = text(of: tokens[value]).lowercased().unicodeScalars.filter {
      $0.properties.isAlphabetic || $0.properties.numericType != nil
    }
    return String(String.UnicodeScalarView(letters))
  }
}

internal import SQLLexer

/// What locks or breaks a database that is in use.
extension Linter {
  mutating func checkSafety(_ statement: SQLStatement, inTransaction: Bool) {
    checkIndex(statement, inTransaction: inTransaction)
    checkDrops(statement)
    if let table = statement.alteredTable, !isNew(table) { checkAlteration(statement) }
    if statement.hasWords("cluster") || (statement.hasWords("vacuum") && statement.mentions("full")) {
      report(
        .fullRewrite,
        "this rewrites the table while nobody can read it",
        hint: "use VACUUM without FULL",
        statement
      )
    }
    let changesRows = statement.hasWords("update") || statement.hasWords("delete", "from")
    if changesRows, !statement.mentions("where") {
      let table = statement.qualifiedName(at: statement.hasWords("update") ? 1 : 2)?.text ?? ""
      if !isNew(table) {
        report(
          .wholeTableChange,
          "this has no WHERE",
          hint: "go in portions, or say so with WHERE true",
          statement
        )
      }
    }
  }

  private mutating func checkIndex(_ statement: SQLStatement, inTransaction: Bool) {
    if let index = statement.indexBuild, !index.isConcurrent, !isNew(index.table),
      capabilities.contains(.concurrentIndex)
    {
      report(
        .indexBlocksWrites,
        "writers of \(index.table) wait until this index is built",
        hint: "use CREATE INDEX CONCURRENTLY behind \"-- migrate:up transaction:false\"",
        statement
      )
    }
    if inTransaction, let name = statement.refusesTransaction, name.hasSuffix("CONCURRENTLY") {
      report(
        .concurrentlyInTransaction,
        "\(name) cannot run inside a transaction",
        hint: "put transaction:false behind the section's mark",
        statement
      )
    }
    if statement.hasWords("drop", "index"), !statement.hasWords("concurrently", at: 2),
      capabilities.contains(.concurrentIndex)
    {
      report(
        .dropIndexBlocks,
        "this waits for every query on the table, and makes new ones wait",
        hint: "use DROP INDEX CONCURRENTLY behind transaction:false",
        statement
      )
    }
  }

  private mutating func checkDrops(_ statement: SQLStatement) {
    if statement.hasWords("drop", "table") || statement.hasWords("truncate")
      || statement.hasWords("drop", "schema")
    {
      let index = statement.hasWords("truncate") ? 1 : 2
      let name =
        statement.qualifiedName(at: index + (statement.hasWords("if", "exists", at: index) ? 2 : 0))?.text
        ?? ""
      if !isNew(name) { report(.drop, "the rows of \(name) are lost", hint: nil, statement) }
    }
  }

  private mutating func checkAlteration(_ statement: SQLStatement) {
    for index in statement.depthZeroIndices {
      if statement.hasWords("drop", at: index),
        statement.hasWords("column", at: index + 1) || !statement.dropsAttribute(at: index + 1)
      {
        report(.drop, "the column's values are lost", hint: nil, statement, token: index)
      }
      if statement.hasWords("rename", at: index), !statement.hasWords("constraint", at: index + 1) {
        report(
          .rename,
          "programs that use the old name fail at once",
          hint: "add the new name first, move the programs, then drop the old",
          statement,
          token: index
        )
      }
      checkColumn(statement, index)
      checkConstraint(statement, index)
    }
  }

  private mutating func checkColumn(_ statement: SQLStatement, _ index: Int) {
    if statement.alteredColumn(at: index) != nil {
      if statement.hasWords("type", at: index + 1) || statement.hasWords("set", "data", "type", at: index + 1)
      {
        report(
          .typeChange,
          "this rewrites the table while nobody can read it",
          hint: "add a new column, fill it in portions, then switch",
          statement,
          token: index
        )
      }
      if statement.hasWords("set", "not", "null", at: index + 1) {
        report(
          .notNull,
          "this scans the whole table while nobody can write",
          hint: "add CHECK (… IS NOT NULL) NOT VALID, validate it, then set NOT NULL",
          statement,
          token: index
        )
      }
    }
    guard statement.hasWords("add", at: index), !statement.addsConstraint(at: index + 1) else { return }
    let item = statement.rest(from: index)
    let hasDefault = item.contains {
      statement.hasWords("default", at: $0) || statement.hasWords("generated", at: $0)
    }
    if item.contains(where: { statement.hasWords("not", "null", at: $0) }), !hasDefault {
      report(
        .notNull,
        "this fails as soon as the table has a row",
        hint: "give a DEFAULT, or add it without NOT NULL",
        statement,
        token: index
      )
    }
    let volatile = [
      "random", "gen_random_uuid", "uuid_generate_v4", "clock_timestamp", "nextval", "timeofday",
    ]
    if let call = item.first(where: {
      volatile.contains(statement.text(of: statement.tokens[$0]).lowercased())
    }) {
      report(
        .volatileDefault,
        "each row gets its own value, so the table is rewritten",
        hint: "add the column without a default, fill it in portions",
        statement,
        token: call
      )
    }
  }

  private mutating func checkConstraint(_ statement: SQLStatement, _ index: Int) {
    guard statement.hasWords("add", at: index), statement.addsConstraint(at: index + 1) else { return }
    let item = statement.rest(from: index)
    func has(_ words: StaticString...) -> Bool { item.contains { statement.hasWords(words, at: $0) } }
    if has("foreign", "key") || has("check"), !has("not", "valid") {
      report(
        .constraintScan,
        "every row is checked while writers wait",
        hint: "add it NOT VALID, then VALIDATE CONSTRAINT in a later file",
        statement,
        token: index
      )
    }
    if has("unique") || has("primary", "key"), !has("using", "index") {
      report(
        .uniqueConstraint,
        "the index is built while nobody can write",
        hint: "build it first with CREATE UNIQUE INDEX CONCURRENTLY, then ADD … USING INDEX",
        statement,
        token: index
      )
    }
  }
}

extension SQLStatement {
  /// Whether a word stands anywhere outside parentheses.
  func mentions(_ word: StaticString) -> Bool { tokens.indices.contains { hasWords(word, at: $0) } }

  /// The tokens up to the next comma outside parentheses.
  func rest(from index: Int) -> Range<Int> {
    let comma = depthZeroIndices.first { $0 > index && isSymbol(",", at: $0) }
    return index..<(comma ?? tokens.count)
  }

  func addsConstraint(at index: Int) -> Bool {
    hasWords("constraint", at: index) || hasWords("foreign", at: index) || hasWords("check", at: index)
      || hasWords("unique", at: index) || hasWords("primary", at: index) || hasWords("exclude", at: index)
  }

  /// `DROP NOT NULL`, `DROP DEFAULT`, `DROP CONSTRAINT` … take no column away.
  func dropsAttribute(at index: Int) -> Bool {
    let words: [StaticString] = ["not", "default", "constraint", "expression", "identity"]
    return words.contains { hasWords($0, at: index) }
  }
}

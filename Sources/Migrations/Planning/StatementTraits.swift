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

  /// Whether it ends a transaction by keeping what it did.
  var commits: Bool { hasWords("commit") && !hasWords("commit", "prepared") || hasWords("end") }

  /// `COMMIT AND CHAIN`, which begins another transaction at once.
  var chainsTransactions: Bool {
    endsTransaction && tokens.indices.contains { hasWords("and", "chain", at: $0) }
  }

  /// Whether it works on savepoints, which only a transaction has.
  var usesSavepoint: Bool {
    hasWords("savepoint") || hasWords("release")
      || (hasWords("rollback") || hasWords("abort")) && tokens.indices.contains { hasWords("to", at: $0) }
  }

  /// What has an effect until the end of its transaction only; the text says what it is, for messages.
  var endsWithItsTransaction: String? {
    if hasWords("set", "local") { return "SET LOCAL" }
    if hasWords("set", "transaction") { return "SET TRANSACTION" }
    if hasWords("set", "constraints") { return "SET CONSTRAINTS" }
    if hasWords("lock"), tokens.count > 1 { return "LOCK TABLE" }
    if hasWords("declare"), !mentionsPhrase("with", "hold") { return "a cursor without WITH HOLD" }
    if hasWords("create"), mentionsPhrase("on", "commit", "drop") { return "a table with ON COMMIT DROP" }
    guard hasWords("select") else { return nil }
    let locks: [[StaticString]] = [["update"], ["share"], ["no", "key", "update"], ["key", "share"]]
    if depthZeroIndices.contains(where: { index in
      hasWords("for", at: index) && locks.contains { hasWords($0, at: index + 1) }
    }) {
      return "SELECT … FOR UPDATE or SHARE"
    }
    for name in Self.lockFunctions where isCall(of: name.words) { return name.text }
    return isCall(of: ["set_config"]) && isLocalSetting ? "set_config(…, true)" : nil
  }

  private static let lockFunctions: [(words: [StaticString], text: String)] = [
    (["pg_advisory_xact_lock"], "pg_advisory_xact_lock"),
    (["pg_advisory_xact_lock_shared"], "pg_advisory_xact_lock_shared"),
    (["pg_try_advisory_xact_lock"], "pg_try_advisory_xact_lock"),
    (["pg_try_advisory_xact_lock_shared"], "pg_try_advisory_xact_lock_shared"),
  ]

  /// Whether it is `SELECT [pg_catalog.]name(…)` and nothing else.
  private func isCall(of name: [StaticString]) -> Bool {
    let start = hasWords("pg_catalog", at: 1) && isSymbol(".", at: 2) ? 3 : 1
    return hasWords(name, at: start) && endOfParentheses(at: start + 1) == tokens.count
  }

  /// Whether its last argument is `true`.
  private var isLocalSetting: Bool {
    guard isSymbol(",", at: tokens.count - 3) else { return false }
    return ["true", "'t'", "'true'", "'on'"].contains(text(of: tokens[tokens.count - 2]).lowercased())
  }

  /// Whether it may make the server read backslashes in plain strings as escapes, here or in a later session.
  var changesStringEscapes: Bool {
    let name = "standard_conforming_strings"
    if hasWords("do") || hasWords("update") || hasWords("select") && mentions(.setConfig) {
      return source[range].lowercased().contains(name)
    }
    guard hasWords("set") || hasWords("alter") else { return false }
    guard let index = tokens.indices.first(where: { isSetting(name, at: $0) }) else { return false }
    let value = isSymbol("=", at: index + 1) || hasWords("to", at: index + 1) ? index + 2 : index + 1
    guard tokens.indices.contains(value) else { return false }
    let on = ["on", "true", "yes", "1", "'on'", "'true'", "'yes'", "'1'", "default"]
    return !hasWords("reset", at: index - 1) && !on.contains(text(of: tokens[value]).lowercased())
  }

  private func isSetting(_ name: String, at index: Int) -> Bool {
    let token = tokens[index]
    guard token.kind == .word || token.kind == .quotedIdentifier else { return false }
    return catalogueName(token).lowercased() == name
  }

  /// Whether the server refuses it inside a transaction block; the text says what it is, for messages.
  ///
  /// These are the callers of `PreventInTransactionBlock` in PostgreSQL 18, as far as the statement alone tells: whether
  /// `REINDEX TABLE` or `CLUSTER` of one table may run inside depends on whether the table is partitioned.
  var refusesTransaction: String? {
    for phrase in Self.refusing where hasWords(phrase.words) { return phrase.name }
    switch () {
    case _ where hasWords("reindex"): return refusedReindex
    case _ where hasWords("cluster"): return names(behind: 1) ? nil : "CLUSTER without a table"
    case _ where hasWords("create"):
      return createsConcurrently ? "CREATE INDEX CONCURRENTLY" : refusedSubscription
    case _ where hasWords("drop", "index", "concurrently"): return "DROP INDEX CONCURRENTLY"
    case _ where hasWords("alter", "table"): return detachesConcurrently ? "ALTER TABLE CONCURRENTLY" : nil
    case _ where hasWords("alter", "subscription"): return refusedSubscription
    case _ where hasWords("alter", "database"):
      return mentionsPhrase("set", "tablespace") ? "ALTER DATABASE SET TABLESPACE" : nil
    default: return nil
    }
  }

  private static let refusing: [(words: [StaticString], name: String)] = [
    (["vacuum"], "VACUUM"), (["create", "database"], "CREATE DATABASE"),
    (["drop", "database"], "DROP DATABASE"), (["create", "tablespace"], "CREATE TABLESPACE"),
    (["drop", "tablespace"], "DROP TABLESPACE"), (["drop", "subscription"], "DROP SUBSCRIPTION"),
    (["alter", "system"], "ALTER SYSTEM"), (["commit", "prepared"], "COMMIT PREPARED"),
    (["rollback", "prepared"], "ROLLBACK PREPARED"), (["discard", "all"], "DISCARD ALL"),
  ]

  private var createsConcurrently: Bool {
    hasWords("create", "index", "concurrently") || hasWords("create", "unique", "index", "concurrently")
  }

  /// `ALTER TABLE … DETACH PARTITION … CONCURRENTLY`; a table of that name is not the statement's last word.
  private var detachesConcurrently: Bool {
    guard let detach = depthZeroIndices.first(where: { hasWords("detach", "partition", at: $0) }),
      let partition = qualifiedName(at: detach + 2)
    else { return false }
    return hasWords("concurrently", at: partition.end)
  }

  /// `REINDEX [(options)] DATABASE | SYSTEM | SCHEMA`, or any kind with CONCURRENTLY.
  private var refusedReindex: String? {
    let kind = endOfParentheses(at: 1) ?? 1
    for (word, name) in [("database", "DATABASE"), ("system", "SYSTEM"), ("schema", "SCHEMA")]
      as [(StaticString, String)]
    where hasWords(word, at: kind) {
      return "REINDEX \(name)"
    }
    if hasWords("concurrently", at: kind + 1) || option("concurrently", in: 1..<kind) == true {
      return "REINDEX CONCURRENTLY"
    }
    return nil
  }

  /// Subscriptions that make, drop or read a slot on another server.
  private var refusedSubscription: String? {
    if hasWords("create", "subscription") {
      let options = 2..<tokens.count
      let isLocal = option("create_slot", in: options) == false || option("connect", in: options) == false
      return isLocal ? nil : "CREATE SUBSCRIPTION"
    }
    guard hasWords("alter", "subscription") else { return nil }
    if mentionsPhrase("refresh", "publication") || mentionsPhrase("refresh", "sequences") {
      return "ALTER SUBSCRIPTION REFRESH"
    }
    let changes =
      mentionsPhrase("set", "publication") || mentionsPhrase("add", "publication")
      || mentionsPhrase("drop", "publication")
    if changes, option("refresh", in: 2..<tokens.count) != false { return "ALTER SUBSCRIPTION … PUBLICATION" }
    let sets = depthZeroIndices.contains { hasWords("set", at: $0) && isSymbol("(", at: $0 + 1) }
    let hasSlotOption =
      option("failover", in: 2..<tokens.count) != nil || option("two_phase", in: 2..<tokens.count) != nil
    return sets && hasSlotOption ? "ALTER SUBSCRIPTION SET" : nil
  }

  /// A yes-or-no option: `concurrently`, `concurrently false`, `create_slot = off`; nil when it is not there.
  private func option(_ name: StaticString, in range: Range<Int>) -> Bool? {
    guard let index = range.first(where: { hasWords(name, at: $0) }) else { return nil }
    let value = isSymbol("=", at: index + 1) ? index + 2 : index + 1
    guard tokens.indices.contains(value) else { return true }
    return !["false", "off", "0", "'false'", "'off'", "'0'"].contains(text(of: tokens[value]).lowercased())
  }

  /// Whether a name stands behind the options of `CLUSTER (VERBOSE)` or `CLUSTER VERBOSE`.
  private func names(behind start: Int) -> Bool {
    var index = endOfParentheses(at: start) ?? start
    if hasWords("verbose", at: index), qualifiedName(at: index + 1) != nil || index + 1 == tokens.count {
      index += 1
    }
    return qualifiedName(at: index) != nil
  }

  /// Whether words stand anywhere in it, one behind the other.
  func mentionsPhrase(_ words: StaticString...) -> Bool {
    tokens.indices.contains { hasWords(words, at: $0) }
  }
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
    guard token.kind == .quotedIdentifier else { return written.lowercased() }
    return Self.unquoted(written)
  }

  /// The content of `"…"` or `U&"…"`, whose `\0061` and `\+000061` are code points.
  private static func unquoted(_ written: String) -> String {
    let scalars = Array(written.unicodeScalars)
    let isUnicode = scalars.first != "\""
    var content = String.UnicodeScalarView()
    var index = isUnicode ? 3 : 1
    while index < scalars.count - 1 {
      let scalar = scalars[index]
      if isUnicode, scalar == "\\", let (escaped, length) = codePoint(scalars[(index + 1)...]) {
        content.append(escaped)
        index += 1 + length
      } else {
        content.append(scalar)
        index += scalar == "\"" || isUnicode && scalar == "\\" ? 2 : 1
      }
    }
    return String(content)
  }

  private static func codePoint(_ rest: ArraySlice<Unicode.Scalar>) -> (Unicode.Scalar, length: Int)? {
    let (skipped, count) = rest.first == "+" ? (1, 6) : (0, 4)
    let digits = String(String.UnicodeScalarView(rest.dropFirst(skipped).prefix(count)))
    guard digits.utf8.count == count, let value = UInt32(digits, radix: 16),
      let scalar = Unicode.Scalar(value)
    else { return nil }
    return (scalar, skipped + count)
  }
}

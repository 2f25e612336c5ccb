internal import Basics
internal import SQLLexer
internal import VectorSQL

/// How a later run can tell whether a statement that was sent outside a transaction has taken effect.
///
/// Everything else is sent in one transaction with its record, so that the history alone answers the question.
enum StatementOutcome: Sendable, Hashable {
  /// Running it again gives the same result.
  case repeatable
  /// `CREATE INDEX CONCURRENTLY`: the indexes of the table tell.
  case index(table: String)
  /// `REINDEX … CONCURRENTLY`: repeatable; a failure leaves invalid copies behind.
  case reindex
  /// `DETACH PARTITION … CONCURRENTLY`, whose second half `FINALIZE` completes.
  case detach(parent: String, partition: String)
  /// The SQL condition holds once it has taken effect.
  case condition(String)
  /// Nothing tells.
  case unknown

  /// The word for it in the history.
  var kind: String {
    switch self {
    case .repeatable: "repeatable"
    case .index: "index"
    case .reindex: "reindex"
    case .detach: "detach"
    case .condition: "condition"
    case .unknown: "unknown"
    }
  }

  /// An SQL expression of type text: what the catalogue says before the statement is sent; digits, commas and words only.
  var before: String {
    switch self {
    case .repeatable, .unknown: "''"
    case .index(let table):
      """
      coalesce(\(Self.relation(table))::oid::text, '0') || ':' || coalesce((SELECT string_agg(indexrelid::text, ',') \
      FROM pg_index WHERE indrelid = \(Self.relation(table))), '')
      """
    case .reindex:
      "coalesce((SELECT string_agg(indexrelid::text, ',') FROM pg_index WHERE NOT indisvalid), '')"
    case .detach(let parent, let partition): "(\(Self.isDetached(parent, partition)))::text"
    case .condition(let condition): "(\(condition))::text"
    }
  }

  static func isDetached(_ parent: String, _ partition: String) -> String {
    """
    NOT EXISTS (SELECT 1 FROM pg_inherits WHERE inhparent = \(relation(parent)) \
    AND inhrelid = \(relation(partition)))
    """
  }

  /// The relation of a name as SQL text; NULL where there is none.
  static func relation(_ name: String) -> String { "to_regclass(\(SQLValue.quotedLiteral(name)))" }
}

extension SQLStatement {
  /// Whether it is known beforehand that the server refuses it inside a transaction block.
  ///
  /// A `CALL` is tried inside one: where the procedure commits, the server says so before anything has been kept.
  var isKnownToRunAlone: Bool {
    if refusesTransaction != nil || hasWords("prepare", "transaction") || hasWords("discard", "all") {
      return true
    }
    if hasWords("commit", "prepared") || hasWords("rollback", "prepared") { return true }
    return hasWords("do") && mentions(.transactionControl)
  }

  /// How a later run can tell whether it took effect.
  var outcome: StatementOutcome {
    if hasWords("create", "index") || hasWords("create", "unique", "index") {
      guard let build = indexBuild, let table = relationName(at: tableIndexOfIndexBuild) else {
        return .unknown
      }
      return build.isConcurrent ? .index(table: table) : .unknown
    }
    if hasWords("reindex") { return mentions(.concurrently) ? .reindex : .repeatable }
    for verb in Self.repeatableVerbs where hasWords(verb) { return .repeatable }
    return namedObject ?? detached ?? prepared ?? .unknown
  }

  private static let repeatableVerbs: [[StaticString]] = [
    ["vacuum"], ["analyze"], ["analyse"], ["cluster"], ["repack"], ["checkpoint"], ["alter", "system"],
    ["discard"],
    ["alter", "database"], ["alter", "subscription"],
  ]

  /// `CREATE` and `DROP` of what has one name in the server or the database.
  private var namedObject: StatementOutcome? {
    let isDrop = hasWords("drop")
    guard isDrop || hasWords("create"), tokens.count > 2 else { return nil }
    let start = isDrop && hasWords("if", "exists", at: 2) ? 4 : 2
    let catalogues: [(word: StaticString, table: String, column: String)] = [
      ("database", "pg_database", "datname"), ("tablespace", "pg_tablespace", "spcname"),
      ("subscription", "pg_subscription", "subname"),
    ]
    for (word, table, column) in catalogues where hasWords(word, at: 1) {
      guard let name = storedName(at: start) else { return .unknown }
      let exists = "EXISTS (SELECT 1 FROM \(table) WHERE \(column) = \(SQLValue.quotedLiteral(name)))"
      return .condition(isDrop ? "NOT \(exists)" : exists)
    }
    guard hasWords("drop", "index", "concurrently") else { return nil }
    guard let name = relationName(at: hasWords("if", "exists", at: 3) ? 5 : 3) else { return .unknown }
    return .condition("\(StatementOutcome.relation(name)) IS NULL")
  }

  private var detached: StatementOutcome? {
    guard hasWords("alter", "table") else { return addedValue }
    var index = 2
    if hasWords("if", "exists", at: index) { index += 2 }
    if hasWords("only", at: index) { index += 1 }
    guard let parent = relationName(at: index), let end = qualifiedName(at: index)?.end else {
      return .unknown
    }
    guard hasWords("detach", "partition", at: end), let partition = relationName(at: end + 2) else {
      return .unknown
    }
    return .detach(parent: parent, partition: partition)
  }

  /// `ALTER TYPE … ADD VALUE`, which servers before 12 take outside transactions only.
  private var addedValue: StatementOutcome? {
    guard hasWords("alter", "type"), let type = relationName(at: 2), let end = qualifiedName(at: 2)?.end,
      hasWords("add", "value", at: end)
    else { return nil }
    let index = hasWords("if", "not", "exists", at: end + 2) ? end + 5 : end + 2
    guard tokens.indices.contains(index), tokens[index].kind == .string else { return .unknown }
    return .condition(
      """
      EXISTS (SELECT 1 FROM pg_enum WHERE enumlabel = \(text(of: tokens[index])) \
      AND enumtypid = \(SQLValue.quotedLiteral(type))::regtype)
      """
    )
  }

  private var prepared: StatementOutcome? {
    let isPrepare = hasWords("prepare", "transaction")
    guard isPrepare || hasWords("commit", "prepared") || hasWords("rollback", "prepared"), tokens.count == 3,
      tokens[2].kind == .string
    else { return nil }
    let exists = "EXISTS (SELECT 1 FROM pg_prepared_xacts WHERE gid = \(text(of: tokens[2])))"
    return .condition(isPrepare ? exists : "NOT \(exists)")
  }

  private var tableIndexOfIndexBuild: Int {
    let on = depthZeroIndices.first { hasWords("on", at: $0) } ?? tokens.count
    return hasWords("only", at: on + 1) ? on + 2 : on + 1
  }

  /// A name with its dots as `to_regclass` reads it; nil where that cannot be said.
  func relationName(at index: Int) -> String? {
    guard let end = qualifiedName(at: index)?.end, !hasWords("uescape", at: end) else { return nil }
    return tokens[index..<end].map { token in
      let written = text(of: token)
      guard token.kind == .quotedIdentifier, !written.hasPrefix("\"") else { return written }
      return Quoting.doubling(Self.unicodeName(written))
    }.joined()
  }

  /// A name without dots as the catalogue stores it.
  private func storedName(at index: Int) -> String? {
    guard tokens.indices.contains(index), !hasWords("uescape", at: index + 1) else { return nil }
    let token = tokens[index]
    guard token.kind == .word || token.kind == .quotedIdentifier else { return nil }
    let written = text(of: token)
    return token.kind == .word || written.hasPrefix("\"") ? catalogueName(token) : Self.unicodeName(written)
  }

  /// What `U&"…"` names, with the usual escape character.
  private static func unicodeName(_ written: String) -> String {
    var rest = Array(written.unicodeScalars.drop { $0 != "\"" }.dropFirst().dropLast())[...]
    var name = String.UnicodeScalarView()
    while let scalar = rest.popFirst() {
      if scalar == "\"" { rest = rest.dropFirst() }
      guard scalar == "\\", let next = rest.first, next != "\\" else {
        if scalar == "\\" { rest = rest.dropFirst() }
        name.append(scalar)
        continue
      }
      if next == "+" { rest = rest.dropFirst() }
      let digits = rest.prefix(next == "+" ? 6 : 4)
      rest = rest.dropFirst(digits.count)
      if let value = UInt32(String(String.UnicodeScalarView(digits)), radix: 16),
        let scalar = Unicode.Scalar(value)
      {
        name.append(scalar)
      }
    }
    return String(name)
  }
}

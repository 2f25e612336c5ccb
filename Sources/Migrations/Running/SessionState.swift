internal import SQLLexer
internal import VectorSQL

/// Which kinds of words a text of SQL holds, anywhere in it: in the code of routines and strings, too.
///
/// Found with one pass over the bytes; what it cannot rule out counts as found.
struct SQLWords: OptionSet, Sendable {
  let rawValue: Int

  /// Something that may evaluate a function, or changes the session by itself.
  static let session = SQLWords(rawValue: 1)
  /// Temporary objects.
  static let temporary = SQLWords(rawValue: 2)
  /// Roles and session authorisation.
  static let role = SQLWords(rawValue: 4)
  /// `COMMIT`, `ROLLBACK` …
  static let transactionControl = SQLWords(rawValue: 8)
  /// `CONCURRENTLY`.
  static let concurrently = SQLWords(rawValue: 16)
  /// `set_config`.
  static let setConfig = SQLWords(rawValue: 32)

  /// `INDEX`, `PRIMARY`, `UNIQUE`: what builds one.
  static let index = SQLWords(rawValue: 64)
  /// What may run a trigger, a default or a function of an earlier file, and so change the session out of sight.
  static let evaluation = SQLWords(rawValue: 128)

  init(rawValue: Int) { self.rawValue = rawValue }

  /// The kinds of words in a text.
  init(in bytes: ArraySlice<UInt8>) {
    var found: SQLWords = []
    var word: UInt64 = 0
    var length = 0
    for byte in bytes {
      let lower = byte | 0x20
      if (0x61...0x7A).contains(lower) || byte == 0x5F {
        if length < 8 { word = word << 8 | UInt64(byte == 0x5F ? byte : lower) }
        length += 1
      } else if length > 0 {
        found.formUnion(Self.known[word] ?? [])
        word = 0
        length = 0
      }
    }
    self = found.union(Self.known[word] ?? [])
  }

  /// Words by their first eight letters.
  private static let known: [UInt64: SQLWords] = {
    let kinds: [(SQLWords, [String])] = [
      (
        .session,
        [
          "select", "do", "call", "execute", "perform", "set", "reset", "listen", "prepare", "discard",
          "load", "declare",
          "set_config", "temp", "temporary", "role", "authorization",
        ]
      ),
      (.temporary, ["temp", "temporary"]),
      (.role, ["role", "authorization"]),
      (.transactionControl, ["commit", "rollback", "abort"]),
      (.concurrently, ["concurrently"]),
      (.setConfig, ["set_config"]),
      (.index, ["index", "reindex", "primary", "unique"]),
      (.evaluation, ["insert", "values", "copy", "delete", "merge", "refresh", "default", "truncate"]),
    ]
    var known: [UInt64: SQLWords] = [:]
    for (kind, words) in kinds {
      for word in words {
        known[word.utf8.prefix(8).reduce(0) { $0 << 8 | UInt64($1) }, default: []].formUnion(kind)
      }
    }
    return known
  }()
}

extension SQLStatement {
  /// Whether a word of a kind stands anywhere in it.
  func mentions(_ words: SQLWords) -> Bool {
    !SQLWords(in: source.utf8[range]).isDisjoint(with: words)
  }

  /// Whether sending it again on another session does nothing but give that session the same setting: `SET`, `RESET`, or
  /// `SELECT set_config(…)` of literals alone.
  var isPlainSetting: Bool {
    if hasWords("set") {
      return !hasWords("local", at: 1) && !hasWords("transaction", at: 1) && !hasWords("constraints", at: 1)
    }
    if hasWords("reset") { return true }
    guard hasWords("select", "set_config"), tokens.count == 9, isSymbol("(", at: 2), isSymbol(")", at: 8)
    else {
      return false
    }
    return tokens[3].kind == .string && tokens[5].kind == .string && hasWords("false", at: 7)
  }

  /// Whether it may set what cannot be read back from `pg_settings`: a role, or a setting of an extension's or one's own.
  var hidesSettings: Bool {
    guard !isPlainSetting, mentions(.setConfig) || (mentions(.role) && hasWords("do")) else { return false }
    return mentions(.role) || mentionsDottedString
  }

  /// `'a.b'` anywhere in it, as the name of a custom setting would stand there.
  private var mentionsDottedString: Bool {
    let bytes = source.utf8[range]
    var isName = false
    var hasDot = false
    for byte in bytes {
      if byte == UInt8(ascii: "'") {
        if isName && hasDot { return true }
        isName = true
        hasDot = false
      } else if byte == UInt8(ascii: ".") {
        hasDot = true
      } else if !(byte == 0x5F || (0x30...0x39).contains(byte) || (0x61...0x7A).contains(byte | 0x20)) {
        isName = false
      }
    }
    return false
  }
}

/// What a session was like behind a statement of a file that runs without a transaction, as the history keeps it.
struct SessionState: Sendable, Hashable {
  /// How many statements were done then.
  var statements: Int
  /// Whether it held temporary objects.
  var hasTemporaryObjects: Bool
  /// The settings that differed from those of a new session.
  var settings: [String: String]

  private static let countName = "adbvec.statements"
  private static let temporaryName = "adbvec.temporary"

  init?(json: String) {
    guard var values = FlatJSON.read(json),
      let count = values.removeValue(forKey: Self.countName).flatMap({ Int($0) })
    else { return nil }
    statements = count
    hasTemporaryObjects = values.removeValue(forKey: Self.temporaryName) == "true"
    settings = values
  }

  /// An SQL expression for the state of the session that evaluates it.
  static func expression(statements: Int) -> String {
    """
    (SELECT json_object_agg(name, setting)::text FROM (SELECT name, setting FROM pg_settings WHERE source = 'session' \
    AND name NOT IN ('lock_timeout', 'statement_timeout') AND name NOT LIKE 'transaction%' \
    UNION ALL SELECT '\(countName)', '\(statements)' \
    UNION ALL SELECT '\(temporaryName)', (EXISTS (SELECT 1 FROM pg_class \
    WHERE relnamespace = pg_my_temp_schema()))::text) s)
    """
  }

  /// The statements that give a new session these settings.
  var restoring: [String] {
    settings.sorted { $0.key < $1.key }.map { name, value in
      "SELECT set_config(\(SQLValue.quotedLiteral(name)), \(SQLValue.quotedLiteral(value)), false)"
    }
  }

  /// What gives a session back the state that a new one has, except advisory locks: the run's own is among them.
  ///
  /// `DISCARD ALL` in its parts.
  static func clean(after words: SQLWords, on commits: HistoryTable.CommitRules) -> [String] {
    guard words.contains(.session) || words.contains(.evaluation) else { return [] }
    let all = [
      "CLOSE ALL", "SET SESSION AUTHORIZATION DEFAULT", "RESET ROLE", "RESET ALL", "DEALLOCATE ALL",
      "DISCARD TEMP",
    ]
    // On Greenplum these are the parts that reach the segments; notifications and sequences are not the session's there.
    return commits == .onSegments ? all : all + ["UNLISTEN *", "DISCARD SEQUENCES"]
  }
}

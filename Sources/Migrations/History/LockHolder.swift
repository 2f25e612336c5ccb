internal import SQLLexer

/// The session that holds the migration lock.
public struct LockHolder: Sendable, Hashable, CustomStringConvertible {
  /// The server's process.
  public var pid: Int
  /// What the session calls itself.
  public var application: String
  /// The session's user.
  public var user: String
  /// Seconds since the session began.
  public var age: Int
  /// `active`, `idle` …
  public var state: String
  /// The statement that it runs, or ran last; strings in it are left out, for they may be secrets.
  public var query: String

  /// One line for people.
  public var description: String {
    var text = "process \(pid)"
    if !application.isEmpty { text += " (\(application))" }
    if !user.isEmpty { text += " of \(user)" }
    text += ", connected for \(age) s"
    if !state.isEmpty { text += ", \(state)" }
    return query.isEmpty ? text : text + ": \(query)"
  }

  /// The first words of a statement on one line, each string in it replaced by `'…'`.
  static func redact(_ query: String) -> String {
    let script = Script(query)
    var words: [String] = []
    for token in script.tokens where token.isSignificant {
      switch token.kind {
      case .string, .escapeString, .unicodeString, .bitString, .dollarString: words.append("'…'")
      default: words.append(script.source[token.range])
      }
    }
    let line = words.joined(separator: " ")
    return line.count > 80 ? String(line.prefix(79)) + "…" : line
  }
}

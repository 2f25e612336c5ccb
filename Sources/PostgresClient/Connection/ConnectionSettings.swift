internal import CLibpq

/// How to reach a server: a libpq URL or keyword string, and keywords that win over it.
///
/// What is left out comes from libpq's own places: `PG*` variables, the service file, `.pgpass`.
public struct ConnectionSettings: Sendable, Hashable {
  /// `postgresql://…`, or `host=… dbname=…`; nil leaves everything to libpq.
  public var url: String?
  /// libpq keywords, such as `application_name` or `options`, that win over the URL.
  public var overrides: [String: String]

  /// Settings from a URL and keywords that win over it.
  public init(url: String? = nil, overrides: [String: String] = [:]) {
    self.url = url
    self.overrides = overrides
  }

  /// Keyword and value pairs in the order that `PQconnectdbParams` reads them: later ones win.
  var parameters: [(keyword: String, value: String)] {
    var pairs: [(String, String)] = [("connect_timeout", "10"), ("application_name", "adbvec")]
    if let url { pairs.append(("dbname", url)) }
    pairs.append(("client_encoding", "UTF8"))
    pairs += overrides.sorted { $0.key < $1.key }.map { ($0.key, $0.value) }
    return pairs
  }

  /// The address for people: without the password, in each form it can be given.
  public var redacted: String {
    guard let url else { return "the PG* environment" }
    guard let known = try? Self.keywords(of: url) else { return "an address that libpq cannot read" }
    let shown = ["host", "port", "user", "dbname"].compactMap { keyword in
      known[keyword].map { "\(keyword)=\($0)" }
    }
    return shown.isEmpty ? "the PG* environment" : shown.joined(separator: " ")
  }

  /// What libpq understands of a URL or keyword string.
  ///
  /// An `@` or `/` in a password that is not percent-encoded makes libpq take a part of the password for the host, the
  /// port or the database, which messages show; such a URL is refused.
  /// - Throws: `PostgresError` with code `libraryMissing`, or `invalidSettings`, without repeating the text: it may hold a password.
  public static func keywords(of url: String) throws -> [String: String] {
    try PostgresConnection.openLibrary()
    var message: UnsafeMutablePointer<CChar>?
    guard let options = PQconninfoParse(url, &message) else {
      PQfreemem(message)
      throw unreadable(
        "The database URL cannot be read. Fix: write postgresql://user@host:port/database "
          + "(percent-encode special characters) or host=… dbname=…"
      )
    }
    defer { PQconninfoFree(options) }
    var known: [String: String] = [:]
    var option = options
    while let keyword = option.pointee.keyword {
      if let value = option.pointee.val { known[String(cString: keyword)] = String(cString: value) }
      option += 1
    }
    if ["postgresql://", "postgres://"].contains(where: url.hasPrefix), mayShowPassword(url, known) {
      throw unreadable(
        "The user name or password in the database URL contains a character that a URL must encode. "
          + "Fix: percent-encode it (@ is %40, / is %2F, : is %3A), or use PGPASSWORD or ~/.pgpass."
      )
    }
    return known
  }

  private static func mayShowPassword(_ url: String, _ known: [String: String]) -> Bool {
    // A host may begin with @ (an abstract Unix socket) and has none elsewhere.
    if known["host"]?.dropFirst().utf8.contains(UInt8(ascii: "@")) == true { return true }
    if known["port"]?.utf8.allSatisfy({ (48...57).contains($0) || $0 == UInt8(ascii: ",") }) == false {
      return true
    }
    // Behind the host, only the query may hold a bare @.
    let address = url.utf8.drop { $0 != UInt8(ascii: "/") }.dropFirst(2).prefix { $0 != UInt8(ascii: "?") }
    return address.drop { $0 != UInt8(ascii: "/") }.contains(UInt8(ascii: "@"))
  }

  private static func unreadable(_ message: String) -> PostgresError {
    PostgresError(code: .invalidSettings, message: message)
  }
}

/// Takes values out of what the server says: PostgreSQL quotes rows, keys and inputs in some of its messages.
enum Redaction {
  /// `invalid input syntax for type integer: "abc"` keeps everything but the quoted input (SQLSTATE class 22), and so
  /// does `value "99999999999" is out of range for type integer`.
  static func message(_ text: String, sqlState: String) -> String {
    // An untranslatable character (22P05) is told by its bytes; what stands in quotes are the encodings.
    guard sqlState.hasPrefix("22"), sqlState != "22P05" else { return text }
    guard text.hasSuffix("\""), let start = text.firstRange(of: ": \"") else { return masked(text) }
    return String(text[..<start.lowerBound])
  }

  /// `Key (id)=(5) already exists.` loses the values, a detail with `failing row contains` is dropped, and `Token "abc" is invalid.`
  /// its token.
  static func detail(_ text: String, sqlState: String) -> String? {
    if text.lowercased().contains("failing row contains") { return nil }
    if sqlState.hasPrefix("22") { return masked(text) }
    guard text.hasPrefix("Key ("), let start = text.firstRange(of: ")=(") else { return text }
    let key = text[..<start.lowerBound] + ")"
    // A value may hold anything, the words behind it too: the last place that could end it does.
    if sqlState == exclusionViolation { return key + " conflicts with an existing key." }
    guard let end = text.ranges(of: ") ").last?.upperBound, end > start.upperBound else { return String(key) }
    return key + " " + text[end...]
  }

  private static let exclusionViolation = "23P01"

  /// Everything from the first double quote to the last: the value between them may hold quotes, too.
  private static func masked(_ text: String) -> String {
    guard let first = text.firstIndex(of: "\""), let last = text.lastIndex(of: "\""), first < last else {
      return text
    }
    return text[...first] + "…" + text[last...]
  }

  /// Lines with parameters go; `COPY t, line 3, column v: "…"` and `JSON data, line 1: …` keep their place.
  static func context(_ text: String) -> String? {
    let lines = text.split(separator: "\n").compactMap { line -> Substring? in
      if line.contains("portal"), line.contains("parameter") { return nil }
      if line.hasPrefix("JSON data"), let colon = line.firstIndex(of: ":") { return line[..<colon] }
      guard line.hasPrefix("COPY "), let quote = line.firstRange(of: ": \"") else { return line }
      return line[..<quote.lowerBound]
    }
    return lines.isEmpty ? nil : lines.joined(separator: "\n")
  }
}

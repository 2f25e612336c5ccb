internal import CLibpq

/// How to reach a server: a libpq URL or keyword string, and keywords that win over it.
///
/// Whatever is left out comes from libpq's own places: `PG*` variables, the service file, `.pgpass`.
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

  /// The address for people: no password, whatever form it was given in.
  public var redacted: String {
    guard let url else { return "the PG* environment" }
    guard let known = try? Self.keywords(of: url) else { return "an address that libpq cannot read" }
    let shown = ["host", "port", "user", "dbname"].compactMap { keyword in
      known[keyword].map { "\(keyword)=\($0)" }
    }
    return shown.isEmpty ? "the PG* environment" : shown.joined(separator: " ")
  }

  /// What libpq understands of a URL or keyword string.
  /// - Throws: `PostgresError` with code `invalidSettings`, without repeating the text: it may hold a password.
  public static func keywords(of url: String) throws -> [String: String] {
    var message: UnsafeMutablePointer<CChar>?
    guard let options = PQconninfoParse(url, &message) else {
      PQfreemem(message)
      throw PostgresError(
        code: .invalidSettings,
        message: "the database URL cannot be read; write postgresql://user@host:port/database "
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
    return known
  }
}

internal import Basics
internal import FoundationEssentials
internal import HTTPTypes
internal import Hummingbird

/// Lets only those in who ask under an accepted name, from no other site, and with the token where there is one.
struct RequestGate: RouterMiddleware {
  typealias Context = BasicRequestContext

  let acceptedHosts: Set<String>?
  let sessions: Sessions?

  /// Addresses that answer without a token: nothing of the collection is in them.
  private static let open: Set<String> = [
    "/health", "/ready", "/login", "/logout", "/assets/page.css", "/assets/page.js", "/assets/icon.svg",
  ]

  func handle(
    _ request: Request,
    context: BasicRequestContext,
    next: (Request, BasicRequestContext) async throws -> Response
  ) async throws -> Response {
    do {
      try check(request)
    } catch var error as HTTPError {
      error.isFromOutside = true
      throw error
    }
    if let sessions, !Self.open.contains(request.uri.path), !sessions.admit(request) {
      guard ErrorMiddleware.isForPeople(request), request.method == .get else {
        var error = HTTPError(
          .unauthorized,
          "token-needed",
          "this server asks for a token: Authorization: Bearer TOKEN"
        )
        error.isFromOutside = true
        throw error
      }
      return Response(status: .seeOther, headers: [.location: ReturnPath.login(from: request)])
    }
    return try await next(request, context)
  }

  private func check(_ request: Request) throws {
    guard HTTPRequest.Method.known.contains(request.method) else {
      throw HTTPError(.notImplemented, "wrong-method", "this server does not know that method")
    }
    try checkHost(request)
    try checkOrigin(request)
  }

  /// RFC 9112, section 3.2: one Host, and no more; the first one has become the authority.
  private func checkHost(_ request: Request) throws {
    guard let authority = request.head.authority, !authority.isEmpty, request.headers[.host] == nil else {
      throw HTTPError(.badRequest, "invalid-request", "a request has exactly one Host field")
    }
    guard let acceptedHosts else { return }
    guard acceptedHosts.contains(Self.host(of: authority)) else {
      throw HTTPError(.misdirectedRequest, "wrong-host", "this server does not answer under that name")
    }
  }

  /// A form of another site must not search here in this browser's name.
  private func checkOrigin(_ request: Request) throws {
    guard request.method == .post, let origin = request.headers[.origin] else { return }
    guard let authority = request.head.authority, URL(string: origin)?.authority == authority else {
      throw HTTPError(.forbidden, "other-site", "this request comes from another site")
    }
  }

  static func host(of authority: String) -> String {
    if authority.hasPrefix("[") {
      return String(authority.dropFirst().prefix { $0 != "]" }).lowercased()
    }
    return String(authority.prefix { $0 != ":" }).lowercased()
  }
}

extension HTTPField.Name {
  /// A `Host` field behind the first one.
  static var host: HTTPField.Name { HTTPField.Name("Host") ?? .from }
}

extension URL {
  fileprivate var authority: String? {
    host.map { host in port.map { "\(host.contains(":") ? "[\(host)]" : host):\($0)" } ?? host }
  }
}

/// Where a login leads to: the page that was asked for.
enum ReturnPath {
  /// The login's address for somebody who asked for a page.
  static func login(from request: Request) -> String {
    let query = request.uri.query.map { "?" + $0 } ?? ""
    let path = checked(request.uri.path + query)
    return path == "/" ? "/login" : "/login?return=\(PageLink.encoded(path))"
  }

  /// A path of this server; the start page for anything else.
  static func checked(_ path: String?) -> String {
    guard let path, path.hasPrefix("/"), path.utf8.count <= 4_096,
      path.utf8.allSatisfy({ (0x21...0x7E).contains($0) && $0 != UInt8(ascii: "\\") }),
      !path.hasPrefix("//"), !path.hasPrefix("/login"), !path.hasPrefix("/logout")
    else { return "/" }
    return path
  }
}

/// Who gave the token: programs in every request, browsers once, for a cookie that ends with the logout, in time, or
/// with the server.
final class Sessions: Sendable {
  /// More logins than these end the oldest ones.
  private static let maximum = 10_000

  private let token: String
  private let isSecure: Bool
  private let lifetime: Duration
  private let ends = StateLock<[String: ContinuousClock.Instant]>([:])

  init(token: String, isSecure: Bool, lifetime: Duration) {
    self.token = token
    self.isSecure = isSecure
    self.lifetime = lifetime
  }

  /// A browser takes a name with this prefix only over HTTPS, and from no other host.
  private var cookie: String { isSecure ? "__Host-adbvec" : "adbvec" }

  /// Whether a request bears the token or a cookie of a login.
  func admit(_ request: Request) -> Bool {
    if let header = request.headers[.authorization], header.lowercased().hasPrefix("bearer ") {
      return isToken(header.dropFirst(7).trimmed)
    }
    guard let key = request.cookies[cookie]?.value else { return false }
    return ends.withLock { $0[key].map { $0 > .now } ?? false }
  }

  /// Compares in a time that depends on the length only.
  func isToken(_ text: String) -> Bool {
    let (left, right) = (Array(text.utf8), Array(token.utf8))
    guard left.count == right.count else { return false }
    return zip(left, right).reduce(0) { $0 | ($1.0 ^ $1.1) } == 0
  }

  /// Begins a session.
  /// - Returns: The `Set-Cookie` field; scripts cannot read the cookie, and forms of other sites do not send it.
  func logIn() -> String {
    let key = RandomKey.make() + RandomKey.make()
    let end = ContinuousClock.now + lifetime
    ends.withLock { ends in
      ends = ends.filter { $0.value > .now }
      if ends.count >= Self.maximum, let oldest = ends.min(by: { $0.value < $1.value }) {
        ends[oldest.key] = nil
      }
      ends[key] = end
    }
    return field(key, seconds: lifetime.components.seconds)
  }

  /// Ends the session of a request.
  /// - Returns: The `Set-Cookie` field that removes the cookie.
  func logOut(_ request: Request) -> String {
    if let key = request.cookies[cookie]?.value { ends.withLock { $0[key] = nil } }
    return field("", seconds: 0)
  }

  /// Lax: a link in a message opens the search for users who are logged in.
  private func field(_ value: String, seconds: Int64) -> String {
    "\(cookie)=\(value); Max-Age=\(seconds); Path=/; HttpOnly; SameSite=Lax" + (isSecure ? "; Secure" : "")
  }
}

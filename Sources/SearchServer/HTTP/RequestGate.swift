internal import Basics
internal import FoundationEssentials
internal import HTTPTypes
internal import Hummingbird

/// Lets only those in who ask under an accepted name, from no other site, and with the token where there is one.
struct RequestGate: RouterMiddleware {
  typealias Context = PageContext

  let acceptedHosts: Set<String>?
  let sessions: Sessions?
  let proxies: ProxyHeaders

  /// Addresses that answer without a token: nothing of the collection is in them.
  private static let open = Set(
    ["/health", "/ready", "/login", "/logout"] + PageTemplates.addressed.map { "/assets/\($0)" }
  )

  func handle(
    _ request: Request,
    context: PageContext,
    next: (Request, PageContext) async throws -> Response
  ) async throws -> Response {
    do {
      try check(request)
    } catch var error as HTTPError {
      error.isFromOutside = true
      throw error
    }
    if let sessions, !Self.open.contains(request.uri.path) {
      let client = proxies.client(of: request, context)
      if sessions.admit(request, from: client, isSecure: proxies.isSecure(request)) {
        return try await next(request, context)
      }
      if request.headers[.authorization] != nil, let wait = sessions.throttle.wait(client) {
        var error = HTTPError(
          .tooManyRequests,
          "too_many_attempts",
          "too many wrong tokens from this address"
        )
        error.retryAfterSeconds = wait
        error.isFromOutside = true
        throw error
      }
      guard ErrorMiddleware.isForPeople(request), request.method == .get || request.uri.path == "/search"
      else {
        var error = HTTPError(
          .unauthorized,
          "token_needed",
          "this server asks for a token: Authorization: Bearer TOKEN"
        )
        error.isFromOutside = true
        throw error
      }
      let hasEnded = sessions.hasCookie(request, isSecure: proxies.isSecure(request))
      let login = ReturnPath.login(from: request, hasEnded: hasEnded)
      return Response(status: .seeOther, headers: [.location: login])
    }
    return try await next(request, context)
  }

  private func check(_ request: Request) throws {
    guard HTTPRequest.Method.known.contains(request.method) else {
      throw HTTPError(.notImplemented, "wrong_method", "this server does not know that method")
    }
    try checkHost(request)
    try checkOrigin(request)
  }

  /// RFC 9112, section 3.2: one Host, and no more; the first one has become the authority.
  private func checkHost(_ request: Request) throws {
    guard let authority = request.head.authority, !authority.isEmpty, request.headers[.host] == nil else {
      throw HTTPError(.badRequest, "invalid_request", "a request has exactly one Host field")
    }
    guard let acceptedHosts else { return }
    guard acceptedHosts.contains(Self.host(of: proxies.authority(of: request) ?? authority)) else {
      throw HTTPError(.misdirectedRequest, "wrong_host", "this server does not answer under that name")
    }
  }

  /// A form of another site must not search here in this browser's name.
  private func checkOrigin(_ request: Request) throws {
    guard request.method == .post, let origin = request.headers[.origin] else { return }
    guard let authority = proxies.authority(of: request), URL(string: origin)?.authority == authority else {
      throw HTTPError(.forbidden, "other_site", "this request comes from another site")
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
  /// The login's address for somebody who asked for a page. What a form sent is gone: it leads to the start page.
  static func login(from request: Request, hasEnded: Bool) -> String {
    let query = request.uri.query.map { "?" + $0 } ?? ""
    let path = request.method == .get ? checked(request.uri.path + query) : "/"
    var parameters = path == "/" ? [] : ["return=\(PercentEncoding.text(path))"]
    if hasEnded { parameters.append("ended=1") }
    return parameters.isEmpty ? "/login" : "/login?" + parameters.joined(separator: "&")
  }

  /// A path of this server; the start page for anything else.
  static func checked(_ path: String?) -> String {
    guard let path, isLocal(path), !path.hasPrefix("/login"), !path.hasPrefix("/logout") else { return "/" }
    return path
  }

  /// Whether a browser takes a text for an address of this server, wherever it stands.
  static func isLocal(_ path: String) -> Bool {
    path.hasPrefix("/") && !path.hasPrefix("//") && path.utf8.count <= 4_096
      && path.utf8.allSatisfy { (0x21...0x7E).contains($0) && $0 != UInt8(ascii: "\\") }
  }
}

/// Who gave the token: programs in every request, browsers once, for a cookie that ends with the logout, in time, or
/// with the server.
final class Sessions: Sendable {
  /// More logins than these end the oldest ones.
  private static let maximum = 10_000

  let throttle = LoginThrottle()
  private let token: String
  private let lifetime: Duration
  private let ends = StateLock<[String: ContinuousClock.Instant]>([:])

  init(token: String, lifetime: Duration) {
    self.token = token
    self.lifetime = lifetime
  }

  /// A browser takes a name with this prefix only over HTTPS, and from no other host.
  private static func cookie(isSecure: Bool) -> String { isSecure ? "__Host-adbvec" : "adbvec" }

  /// Whether a request bears the token or a cookie of a login.
  func admit(_ request: Request, from client: String, isSecure: Bool) -> Bool {
    if let header = request.headers[.authorization], header.lowercased().hasPrefix("bearer ") {
      return isToken(header.dropFirst(7).trimmed, from: client)
    }
    guard let key = request.cookies[Self.cookie(isSecure: isSecure)]?.value else { return false }
    return ends.withLock { $0[key].map { $0 > .now } ?? false }
  }

  /// Whether a request bears a cookie of a login, also of one that has ended.
  func hasCookie(_ request: Request, isSecure: Bool) -> Bool {
    request.cookies[Self.cookie(isSecure: isSecure)] != nil
  }

  /// Compares in a time that depends on the length only; while a client has to wait, no token is the right one.
  func isToken(_ text: String, from client: String) -> Bool {
    guard throttle.wait(client) == nil else { return false }
    let (left, right) = (Array(text.utf8), Array(token.utf8))
    let isRight = left.count == right.count && zip(left, right).reduce(0) { $0 | ($1.0 ^ $1.1) } == 0
    if isRight { throttle.succeeded(client) } else { throttle.failed(client) }
    return isRight
  }

  /// Begins a session.
  /// - Returns: The `Set-Cookie` field; scripts cannot read the cookie, and forms of other sites do not send it.
  func logIn(isSecure: Bool) -> String {
    let key = RandomKey.make() + RandomKey.make()
    let end = ContinuousClock.now + lifetime
    ends.withLock { ends in
      ends = ends.filter { $0.value > .now }
      if ends.count >= Self.maximum, let oldest = ends.min(by: { $0.value < $1.value }) {
        ends[oldest.key] = nil
      }
      ends[key] = end
    }
    return field(key, seconds: lifetime.components.seconds, isSecure)
  }

  /// Ends the session of a request.
  /// - Returns: The `Set-Cookie` field that removes the cookie.
  func logOut(_ request: Request, isSecure: Bool) -> String {
    if let key = request.cookies[Self.cookie(isSecure: isSecure)]?.value { ends.withLock { $0[key] = nil } }
    return field("", seconds: 0, isSecure)
  }

  /// Lax: a link in a message opens the search for users who are logged in.
  private func field(_ value: String, seconds: Int64, _ isSecure: Bool) -> String {
    "\(Self.cookie(isSecure: isSecure))=\(value); Max-Age=\(seconds); Path=/; HttpOnly; SameSite=Lax"
      + (isSecure ? "; Secure" : "")
  }
}

/// Lets an address that gave five wrong tokens wait: 15 seconds, and twice as long after each further one, up to 5 minutes.
final class LoginThrottle: Sendable {
  private struct Failures {
    var count: Int
    var until: ContinuousClock.Instant
    var last: ContinuousClock.Instant
  }

  private static let free = 5
  private static let (shortest, longest) = (15, 300)
  private static let memory = Duration.seconds(900)
  /// Addresses beyond these are forgotten, those that failed first before the others.
  private static let maximum = 10_000

  private let failures = StateLock<[String: Failures]>([:])

  /// How many seconds an address has to wait; nil for none.
  func wait(_ client: String) -> Int? {
    let now = ContinuousClock.now
    guard let until = failures.withLock({ $0[client]?.until }), until > now else { return nil }
    return max(1, Int(((until - now) / .seconds(1)).rounded(.up)))
  }

  func failed(_ client: String) {
    let now = ContinuousClock.now
    failures.withLock { failures in
      if failures.count >= Self.maximum, failures[client] == nil {
        failures = failures.filter { $0.value.last + Self.memory > now }
        if failures.count >= Self.maximum, let oldest = failures.min(by: { $0.value.last < $1.value.last }) {
          failures[oldest.key] = nil
        }
      }
      let known = failures[client].flatMap { $0.last + Self.memory > now ? $0.count : nil } ?? 0
      let seconds =
        known + 1 < Self.free ? 0 : min(Self.longest, Self.shortest << min(10, known + 1 - Self.free))
      failures[client] = Failures(count: known + 1, until: now + .seconds(seconds), last: now)
    }
  }

  func succeeded(_ client: String) { failures.withLock { $0[client] = nil } }
}

/// What the proxies before this server say of a client; believed only where the server is told to.
struct ProxyHeaders: Sendable {
  let areTrusted: Bool
  /// Whether every client speaks HTTPS to a proxy, even where that says otherwise.
  let isAlwaysSecure: Bool

  /// The client's address: the last one that the proxy wrote down, since a client can write others before it. Of an IPv6
  /// address the network, for a client has many of them.
  func client(of request: Request, _ context: PageContext) -> String {
    let address = last("X-Forwarded-For", request) ?? context.remoteAddress?.ipAddress ?? "unknown"
    return address.contains(":")
      ? address.split(separator: ":", omittingEmptySubsequences: false).prefix(4).joined(separator: ":")
      : address
  }

  /// Whether the client speaks HTTPS.
  func isSecure(_ request: Request) -> Bool {
    isAlwaysSecure || last("X-Forwarded-Proto", request)?.lowercased() == "https"
  }

  /// The host, and its port, that the client asked for.
  func authority(of request: Request) -> String? {
    last("X-Forwarded-Host", request) ?? request.head.authority
  }

  private func last(_ name: String, _ request: Request) -> String? {
    guard areTrusted, let field = HTTPField.Name(name), let value = request.headers[field] else { return nil }
    let text = value.split(separator: ",").last?.trimmed
    return text?.isEmpty == false ? text : nil
  }
}

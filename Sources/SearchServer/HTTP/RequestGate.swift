internal import Foundation
internal import HTTPTypes
internal import Hummingbird

/// Lets only those in who ask under an accepted name, from no other site, and with the token where there is one.
struct RequestGate: RouterMiddleware {
  typealias Context = BasicRequestContext

  let acceptedHosts: Set<String>?
  let session: Session?

  /// Addresses that answer without a token: nothing of the collection is in them.
  private static let open: Set<String> = [
    "/health", "/ready", "/login", "/assets/page.css", "/assets/page.js", "/assets/icon.svg",
  ]

  func handle(
    _ request: Request,
    context: BasicRequestContext,
    next: (Request, BasicRequestContext) async throws -> Response
  ) async throws -> Response {
    guard HTTPRequest.Method.known.contains(request.method) else {
      throw HTTPError(.notImplemented, "wrong-method", "this server does not know that method")
    }
    try checkHost(request)
    try checkOrigin(request)
    if let session, !Self.open.contains(request.uri.path), !session.admits(request) {
      guard ErrorMiddleware.isForPeople(request), request.method == .get else {
        throw HTTPError(
          .unauthorized,
          "token-needed",
          "this server asks for a token: Authorization: Bearer TOKEN"
        )
      }
      return Response(status: .seeOther, headers: [.location: "/login"])
    }
    return try await next(request, context)
  }

  private func checkHost(_ request: Request) throws {
    guard let acceptedHosts else { return }
    // A request without a name is HTTP/1.0's, which no browser sends.
    guard let authority = request.head.authority else { return }
    guard acceptedHosts.contains(Self.host(of: authority)) else {
      throw HTTPError(.misdirectedRequest, "wrong-host", "this server does not answer under that name")
    }
  }

  /// A form of another site shall not search here in this browser's name.
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

extension URL {
  fileprivate var authority: String? {
    host.map { host in port.map { "\(host.contains(":") ? "[\(host)]" : host):\($0)" } ?? host }
  }
}

/// Who gave the token: programs in every request, browsers once, for a cookie.
struct Session: Sendable {
  private static let cookie = "adbvec"

  private let token: String
  /// Known to nobody before a login, and another one each time the server starts.
  private let key = RandomKey.make() + RandomKey.make()

  init(token: String) {
    self.token = token
  }

  /// Whether a request bears the token or the cookie.
  func admits(_ request: Request) -> Bool {
    if let header = request.headers[.authorization], header.lowercased().hasPrefix("bearer ") {
      return isToken(header.dropFirst(7).trimmed)
    }
    return request.cookies[Self.cookie].map { Self.equal($0.value, key) } ?? false
  }

  func isToken(_ text: String) -> Bool { Self.equal(text, token) }

  /// What a browser keeps until it is closed; scripts cannot read it, other sites cannot send it.
  var setCookie: String { "\(Self.cookie)=\(key); Path=/; HttpOnly; SameSite=Strict" }

  /// Compares in a time that depends on the length only.
  private static func equal(_ left: String, _ right: String) -> Bool {
    let left = Array(left.utf8)
    let right = Array(right.utf8)
    guard left.count == right.count else { return false }
    return zip(left, right).reduce(0) { $0 | ($1.0 ^ $1.1) } == 0
  }
}

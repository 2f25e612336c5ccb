internal import HTTPTypes
internal import Hummingbird

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

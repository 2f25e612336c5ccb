import Foundation
import HTTPTypes
@testable import SearchServer
import Testing

/// Who is let in.
@Suite struct GateTests {
  private static let token = "0123456789abcdef0123"

  @Test func withoutTheTokenNothingOfTheCollectionIsSaid() async throws {
    try await PageClient.with(configure: { $0.token = Self.token }) { page in
      let api = try await page.ask("/api/v1/classes")
      #expect(api.status == 401)
      #expect(api["WWW-Authenticate"] == "Bearer realm=\"adbvec\"")
      let people = try await page.ask("/", headers: ["Accept": "text/html"])
      #expect(people.status == 303)
      #expect(people["Location"] == "/login")
      let sent = try await page.post(form: [], image: Sample.png)
      #expect(sent.status == 303 && sent["Location"] == "/login")
      #expect(try await page.ask("/thumbnails/0").status == 401)
      #expect(try await page.ask("/metrics").status == 401)
      #expect(try await page.ask("/health").status == 200)
    }
  }

  @Test(
    arguments: [
      ("Bearer \(token)", 200), ("bearer \(token)", 200), ("Bearer \(token)x", 401), ("Bearer ", 401),
      ("Basic \(token)", 401), (token, 401),
    ]
  )
  func programsBearTheToken(authorization: String, status: Int) async throws {
    try await PageClient.with(configure: { $0.token = Self.token }) { page in
      let answer = try await page.ask("/api/v1", headers: ["Authorization": authorization])
      #expect(answer.status == status)
    }
  }

  @Test func browsersLogInOnce() async throws {
    try await PageClient.with(configure: { $0.token = Self.token }) { page in
      let token = Self.token
      let type = ["Content-Type": "application/x-www-form-urlencoded"]
      let wrong = try await page.ask("/login", .post, headers: type, body: Array("token=guess".utf8))
      #expect(wrong.status == 401)
      #expect(wrong["Set-Cookie"] == nil)
      let right = try await page.ask("/login", .post, headers: type, body: Array("token=\(token)".utf8))
      #expect(right.status == 303)
      let cookie = try #require(right["Set-Cookie"])
      #expect(cookie.hasSuffix("; Max-Age=43200; Path=/; HttpOnly; SameSite=Lax"))
      #expect(!cookie.contains(token))
      let value = String(cookie.prefix { $0 != ";" })
      #expect(try await page.ask("/", headers: ["Cookie": value]).status == 200)
      // A cookie of a login that the server does not know, as after a restart.
      let ended = try await page.ask("/?id=3", headers: ["Cookie": "adbvec=guess"])
      #expect(ended["Location"] == "/login?return=%2F%3Fid%3D3&ended=1")
      #expect(try await page.ask(try #require(ended["Location"])).text.contains("The login has ended."))
      #expect(try await !page.ask("/login").text.contains("The login has ended."))
    }
  }

  @Test func aShortTokenIsRefusedAtTheStart() async throws {
    await #expect(throws: ServerSetupError.self) {
      try await PageClient.with(configure: { $0.token = "short" }) { _ in }
    }
  }

  @Test func aFormOfAnotherSiteIsRefused() async throws {
    try await PageClient.with { page in
      let headers = ["Content-Type": "image/png", "Origin": "https://elsewhere.example"]
      let answer = try await page.ask("/api/v1/search/image", .post, headers: headers, body: Sample.png)
      #expect(answer.status == 403)
      #expect(answer.code == "other_site")
    }
  }

  @Test func headersKeepABrowserFromDoingMore() async throws {
    try await PageClient.with { page in
      let start = try await page.ask("/")
      let policy = try #require(start["Content-Security-Policy"])
      #expect(policy.contains("default-src 'none'; script-src 'self'; style-src 'self'"))
      #expect(!policy.contains("unsafe"))
      #expect(start["X-Content-Type-Options"] == "nosniff")
      #expect(start["Cache-Control"] == "no-store")
      #expect(!start.text.contains(" style="))
      #expect(!start.text.contains("http://") && !start.text.contains("https://"))
    }
  }

  @Test func aLoginLeadsToThePageThatWasAskedFor() async throws {
    try await PageClient.with(configure: { $0.token = Self.token }) { page in
      let asked = try await page.ask("/?id=3&class=a%20b", headers: ["Accept": "text/html"])
      let login = try #require(asked["Location"])
      #expect(login == "/login?return=%2F%3Fid%3D3%26class%3Da%2520b")
      #expect(try await page.ask(login).text.contains(#"name="return" value="/?id=3&amp;class=a%20b""#))
      let answer = try await page.post(login: "token=\(Self.token)&return=%2F%3Fid%3D3%26class%3Da%2520b")
      #expect(answer["Location"] == "/?id=3&class=a%20b")
      let wrong = try await page.post(login: "token=guess&return=%2F%3Fid%3D3")
      #expect(wrong.text.contains(#"name="return" value="/?id=3""#))
    }
  }

  @Test(arguments: [
    "https://elsewhere.example/", "//elsewhere.example", "/\\elsewhere.example", "javascript:x", "/login",
    "/a\tb",
  ])
  func aLoginLeadsNowhereElse(path: String) async throws {
    try await PageClient.with(configure: { $0.token = Self.token }) { page in
      let encoded = path.addingPercentEncoding(withAllowedCharacters: .alphanumerics) ?? ""
      let answer = try await page.post(login: "token=\(Self.token)&return=\(encoded)")
      #expect(answer["Location"] == "/")
    }
  }

  @Test func everyLoginIsASessionOfItsOwnThatEnds() async throws {
    try await PageClient.with(configure: { $0.token = Self.token }) { page in
      func logIn() async throws -> String {
        let cookie = try await page.post(login: "token=\(Self.token)")["Set-Cookie"]
        return String(try #require(cookie).prefix { $0 != ";" })
      }
      func status(_ cookie: String) async throws -> Int {
        try await page.ask("/", headers: ["Cookie": cookie]).status
      }
      let (first, second) = (try await logIn(), try await logIn())
      #expect(first != second)
      let out = try await page.ask("/logout", .post, headers: ["Cookie": first])
      #expect(out["Location"] == "/login")
      #expect(out["Set-Cookie"]?.hasPrefix("adbvec=; Max-Age=0;") == true)
      #expect(try await status(first) == 303)
      #expect(try await status(second) == 200)
    }
    try await PageClient.with(
      configure: {
        $0.token = Self.token
        $0.sessionTime = .zero
      }
    ) { page in
      let cookie = try #require(try await page.post(login: "token=\(Self.token)")["Set-Cookie"])
      #expect(try await page.ask("/", headers: ["Cookie": String(cookie.prefix { $0 != ";" })]).status == 303)
    }
  }

  @Test func aSecureCookieIsForHTTPSOnly() async throws {
    try await PageClient.with(
      configure: {
        $0.token = Self.token
        $0.securesCookie = true
      }
    ) { page in
      let cookie = try #require(try await page.post(login: "token=\(Self.token)")["Set-Cookie"])
      #expect(cookie.hasPrefix("__Host-adbvec=") && cookie.hasSuffix("; Secure"))
      #expect(try await page.ask("/", headers: ["Cookie": String(cookie.prefix { $0 != ";" })]).status == 200)
    }
  }

  @Test func whoGuessesHasToWait() async throws {
    try await PageClient.with(configure: { $0.token = Self.token }) { page in
      for _ in 0..<8 { _ = try await page.post(login: "token=guess") }
      let slow = try await page.post(login: "token=\(Self.token)")
      #expect(slow.status == 429 && slow["Retry-After"] != nil)
      #expect(slow.text.contains("Too many attempts. Try again in") && !slow.text.contains("in 0"))
      let program = try await page.ask("/api/v1", headers: ["Authorization": "Bearer \(Self.token)"])
      #expect(program.status == 429 && program.code == "too_many_attempts")
    }
  }

  @Test func aThrottleForgivesAndTellsAddressesApart() {
    let throttle = LoginThrottle()
    for _ in 0..<4 { throttle.failed("a") }
    #expect(throttle.wait("a") == nil)
    throttle.succeeded("a")
    for _ in 0..<10 { throttle.failed("a") }
    #expect((1...300).contains(throttle.wait("a") ?? 0))
    #expect(throttle.wait("b") == nil)
  }

  /// What a client writes into the headers itself stands before what its proxy writes.
  @Test func aTrustedProxySaysWhoAsksAndHow() async throws {
    try await PageClient.with(
      configure: {
        $0.token = Self.token
        $0.trustsProxy = true
      }
    ) { page in
      func logIn(_ token: String, from address: String, _ more: [String: String] = [:]) async throws
        -> PageClient.Answer
      {
        let type = ["Content-Type": "application/x-www-form-urlencoded"]
        let headers = type.merging(["X-Forwarded-For": "10.9.8.7, \(address)"]) { $1 }.merging(more) { $1 }
        return try await page.ask("/login", .post, headers: headers, body: Array("token=\(token)".utf8))
      }
      for _ in 0..<8 { _ = try await logIn("guess", from: "192.0.2.1") }
      #expect(try await logIn(Self.token, from: "192.0.2.1").status == 429)
      let other = try await logIn(Self.token, from: "192.0.2.2")
      #expect(other["Set-Cookie"]?.hasPrefix("adbvec=") == true)
      let secure = try await logIn(Self.token, from: "192.0.2.2", ["X-Forwarded-Proto": "https"])
      let cookie = try #require(secure["Set-Cookie"])
      #expect(cookie.hasPrefix("__Host-adbvec=") && cookie.hasSuffix("; Secure"))
      let value = String(cookie.prefix { $0 != ";" })
      let asked = ["Cookie": value, "X-Forwarded-Proto": "https"]
      #expect(try await page.ask("/", headers: asked).status == 200)
      #expect(try await page.ask("/", headers: ["Cookie": value]).status == 303)
      let named = asked.merging(["X-Forwarded-Host": "elsewhere.example"]) { $1 }
      #expect(try await page.ask("/", headers: named).status == 421)
    }
    // Without the setting the headers mean nothing.
    try await PageClient.with(configure: { $0.token = Self.token }) { page in
      let headers = ["X-Forwarded-Proto": "https", "X-Forwarded-Host": "elsewhere.example"]
      let login = try await page.ask("/login", headers: headers)
      #expect(login.status == 200)
    }
  }

  @Test func twoHostsAreRefusedAndTellNothing() async throws {
    try await PageClient.with { page in
      let answer = try await page.ask("/", headers: ["Host": "elsewhere.example"])
      #expect(answer.status == 400)
      #expect(!answer.text.contains("option"))
      #expect(try await page.ask("/api/v1", headers: ["Host": "localhost"]).code == "invalid_request")
    }
  }
}

extension PageClient {
  fileprivate func post(login form: String) async throws -> Answer {
    let headers = ["Content-Type": "application/x-www-form-urlencoded"]
    return try await ask("/login", .post, headers: headers, body: Array(form.utf8))
  }
}

import HTTPTypes
import SearchServer
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
      #expect(try await page.post(form: [], image: Sample.png).status == 401)
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
      #expect(cookie.hasSuffix("; Path=/; HttpOnly; SameSite=Strict"))
      #expect(!cookie.contains(token))
      let value = String(cookie.prefix { $0 != ";" })
      #expect(try await page.ask("/", headers: ["Cookie": value]).status == 200)
      #expect(try await page.ask("/", headers: ["Cookie": "adbvec=guess"]).status == 303)
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
      #expect(answer.code == "other-site")
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
}

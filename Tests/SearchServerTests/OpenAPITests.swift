import Foundation
import HTTPTypes
import SearchServer
import Testing

/// The document says what the server does; schemathesis checks the rest (Tests/Browser/conformance).
@Suite struct OpenAPITests {
  @Test(arguments: [nil, "0123456789abcdef0123"])
  func isValidJSONWithThisServersLimits(token: String?) async throws {
    try await PageClient.with(
      configure: {
        $0.token = token
        $0.limits.maximumCount = 77
      }
    ) { page in
      let headers = token.map { ["Authorization": "Bearer \($0)"] } ?? [:]
      let document = try await page.ask("/openapi.json", headers: headers).json()
      #expect(document["openapi"] as? String == "3.1.0")
      #expect((document["security"] != nil) == (token != nil))
      let components = try #require(document["components"] as? [String: Any])
      let parameters = try #require(components["parameters"] as? [String: [String: Any]])
      #expect((parameters["k"]?["schema"] as? [String: Any])?["maximum"] as? Int == 77)
    }
  }

  @Test func everyAddressAnswersWhatTheDocumentSays() async throws {
    try await PageClient.with { page in
      let document = try await page.ask("/openapi.json").json()
      let paths = try #require(document["paths"] as? [String: [String: Any]])
      #expect(paths.count == 14)
      for (path, operations) in paths {
        let uri = path.replacing("{id}", with: "0").replacing("{key}", with: "AAAAAAAAAAAAAAAAAAAAAA")
        let allowed = try #require(try await page.ask(uri, .delete)["Allow"])
        let documented = Set(operations.keys.map { $0.uppercased() })
        #expect(
          Set(allowed.split(separator: ", ").map(String.init)).subtracting(["HEAD"]) == documented,
          "\(path)"
        )
      }
    }
  }
}

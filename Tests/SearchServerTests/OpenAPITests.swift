import Foundation
import HTTPTypes
@testable import SearchServer
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
        let uri = path.replacing("{id}", with: "0").replacing(
          "{key}",
          with: String(repeating: "0", count: 64)
        )
        let allowed = try #require(try await page.ask(uri, .delete)["Allow"])
        let documented = Set(operations.keys.map { $0.uppercased() })
        #expect(
          Set(allowed.split(separator: ", ").map(String.init)).subtracting(["HEAD"]) == documented,
          "\(path)"
        )
      }
    }
  }

  @Test func imagesOfEveryTypeThatIsTakenAreInTheDocument() async throws {
    try await PageClient.with { page in
      let document = try await page.ask("/openapi.json").json()
      let paths = try #require(document["paths"] as? [String: [String: [String: Any]]])
      func types(_ value: Any?) -> Set<String> {
        Set(((value as? [String: Any])?["content"] as? [String: Any] ?? [:]).keys)
      }
      let upload = paths["/api/v1/search/image"]?["post"]?["requestBody"]
      #expect(types(upload) == Set(ContentType.images + ["multipart/form-data"]))
      let answers = paths["/api/v1/images/{id}/file"]?["get"]?["responses"] as? [String: Any]
      // HEIF is a name that clients send for what is HEIC or AVIF.
      #expect(types(answers?["200"]) == Set(ContentType.images).subtracting(["image/heif"]))
    }
  }

  @Test func theKeyOfAnUploadIsAsTheDocumentSays() async throws {
    try await PageClient.with { page in
      let type = ["Content-Type": "image/png"]
      let sent = try await page.ask("/api/v1/search/image", .post, headers: type, body: Sample.png).json()
      let key = try #require((sent["subject"] as? [String: Any])?["upload"] as? String)
      let document = try await page.ask("/openapi.json").json()
      let paths = try #require(document["paths"] as? [String: [String: [String: Any]]])
      for (path, name) in [
        ("/api/v1/uploads/{key}/search", "key"), ("/api/v1/uploads/{key}/thumbnail", "key"),
        ("/api/v1/search", "upload"),
      ] {
        let parameters = paths[path]?["get"]?["parameters"] as? [[String: Any]] ?? []
        let schema = parameters.first { $0["name"] as? String == name }?["schema"] as? [String: Any]
        let pattern = try #require(schema?["pattern"] as? String)
        #expect(try Regex(pattern).wholeMatch(in: key) != nil, "\(path)")
      }
    }
  }
}

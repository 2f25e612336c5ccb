import Basics
import Foundation
@testable import SearchServer
import TestSupport
import Testing

/// The page in the reader's language, and in few bytes.
@Suite struct LanguageTests {
  @Test(
    arguments: [
      ("de, ja;q=0.9, en;q=0.5", "", "ja"), ("zh-CN,zh;q=0.9", "", "zh"), ("", "", "en"), ("xx", "", "en"),
      ("en;q=0.1, zh;q=0.2", "", "zh"), ("ja", "lang=zh", "zh"), ("ja", "lang=xx", "ja"),
      ("ja;q=0", "", "en"),
    ]
  )
  func speaksTheLanguageThatIsWanted(accepted: String, query: String, language: String) async throws {
    try await PageClient.with { page in
      let answer = try await page.ask("/?\(query)", headers: ["Accept-Language": accepted])
      #expect(answer.text.contains(#"<html lang="\#(language)">"#))
      #expect((answer["Set-Cookie"] != nil) == !query.isEmpty)
    }
  }

  @Test func aChosenLanguageStays() async throws {
    try await PageClient.with { page in
      let chosen = try await page.ask("/?id=0&lang=ja")
      let cookie = String(try #require(chosen["Set-Cookie"]).prefix { $0 != ";" })
      let next = try await page.ask("/?id=0", headers: ["Cookie": cookie])
      #expect(next.text.contains("<em>cat（画像 0）</em> に近い画像 3 件"))
      #expect(next.text.contains(#"href="/?id=0&amp;lang=zh""#))
      #expect(try await page.ask("/?id=99", headers: ["Cookie": cookie]).text.contains("見つかりません"))
    }
  }

  /// A link to another language stays on this server, for every address.
  @Test(arguments: ["//elsewhere.example/x", "/\\elsewhere.example/x", "/nothing/\"onclick="])
  func aLinkOfALanguageLeadsNowhereElse(path: String) async throws {
    try await PageClient.with { page in
      let answer = try await page.ask(path, headers: ["Accept": "text/html"])
      #expect(answer.status == 404)
      #expect(!answer.text.contains("elsewhere.example/x?lang") && !answer.text.contains("\"onclick="))
    }
  }

  /// Every language has the words of English with their values, and no others.
  @Test func languagesHaveTheSameWords() throws {
    let languages = try PageTemplates(folder: nil).languages
    #expect(languages.map(\.language) == ["en", "ja", "zh"])
    let english = try #require(languages.first).words
    func values(_ text: String) -> Set<Substring> { Set(text.matches(of: /\{\w+\}/).map(\.output)) }
    for texts in languages.dropFirst() {
      #expect(Set(texts.words.keys) == Set(english.keys))
      for (name, text) in texts.words {
        #expect(values(text) == values(english[name] ?? ""), "\(texts.language) \(name)")
      }
      #expect(texts.words.count { $0.value == english[$0.key] } < 8, "\(texts.language) is mostly English")
    }
  }

  @Test func theProgramHoldsTheFilesOfTheFolder() throws {
    let folder = Environment.package + "/templates"
    let names = try FileManager.default.contentsOfDirectory(atPath: folder)
    #expect(Set(PageTemplates.builtIn.keys) == Set(names))
    for name in names {
      let bytes = try Data(contentsOf: URL(filePath: "\(folder)/\(name)"))
      #expect(PageTemplates.builtIn[name].map { Data($0) } == bytes, "\(name)")
    }
  }

  @Test func aFileAddsALanguage() async throws {
    try await withTemporaryFolder { folder in
      try AtomicFile.write(#"{"language_name": "Deutsch", "go": "Suchen"}"#, to: folder + "/texts.de.json")
      try await PageClient.with(configure: { $0.templates = folder }) { page in
        let german = try await page.ask("/", headers: ["Accept-Language": "de-AT"])
        #expect(german.text.contains(">Suchen</button>") && german.text.contains("Choose an image"))
      }
    }
  }

  @Test func textIsCompressedForThoseWhoTakeIt() async throws {
    try await PageClient.with { page in
      let plain = try await page.ask("/")
      #expect(plain["Content-Encoding"] == nil && plain["Vary"] == "Accept-Encoding")
      let packed = try await page.ask("/", headers: ["Accept-Encoding": "br, gzip;q=0.8"])
      #expect(packed["Content-Encoding"] == "gzip")
      #expect(
        packed.bytes.count < plain.bytes.count / 2 && packed["Content-Length"] == "\(packed.bytes.count)"
      )
      let inflater = try Inflater(.gzip)
      var text = [UInt8](repeating: 0, count: plain.bytes.count + 1)
      let count = try packed.bytes.withUnsafeBytes { input in
        try text.withUnsafeMutableBytes { try inflater.inflate(input, into: $0).produced }
      }
      #expect(Array(text.prefix(count)) == plain.bytes && inflater.isFinished)
      #expect(try await page.ask("/", headers: ["Accept-Encoding": "gzip;q=0"])["Content-Encoding"] == nil)
      let image = try await page.ask("/api/v1/images/0/file", headers: ["Accept-Encoding": "gzip"])
      #expect(image["Content-Encoding"] == nil)
      let css = try await page.ask("/assets/page.css", headers: ["Accept-Encoding": "gzip"])
      let tag = try #require(css["ETag"])
      #expect(tag.hasPrefix("W/"))
      #expect(try await page.ask("/assets/page.css", headers: ["If-None-Match": tag]).status == 304)
    }
  }
}

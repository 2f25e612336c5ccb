import Foundation
import Testing

/// One import of the whole of Foundation links its tables of ICU into the programs.
@Suite struct FoundationTests {
  @Test func sourcesImportFoundationEssentialsOnly() throws {
    let repository = URL(filePath: #filePath).deletingLastPathComponent().appending(path: "../..")
      .standardized
    let sources = repository.appending(path: "Sources")
    let files = try #require(FileManager.default.enumerator(atPath: sources.path))
      .compactMap { $0 as? String }.filter { $0.hasSuffix(".swift") }
    #expect(files.count > 100)
    for file in files {
      let text = try String(contentsOf: sources.appending(path: file), encoding: .utf8)
      let imports = text.split(separator: "\n").filter { $0.contains(/^[^\/]*\bimport (\w+ )?Foundation\b/) }
      #expect(imports.isEmpty, "\(file)")
    }
  }
}

import Foundation
import Testing

/// The table that compares migration tools claims nothing for adbvec that has no test of that name.
struct ComparisonTableTests {
  private static let root = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
    .deletingLastPathComponent().path

  private func text(_ path: String) throws -> String {
    try String(contentsOfFile: "\(Self.root)/\(path)", encoding: .utf8)
  }

  /// The cells of the first table behind a line.
  private func table(_ path: String, behind line: String = "") throws -> [[String]] {
    let lines = try text(path).split(separator: "\n", omittingEmptySubsequences: false)
    let start = line.isEmpty ? 0 : try #require(lines.firstIndex { $0 == line })
    let rows = lines[start...].drop { !$0.hasPrefix("|") }.prefix { $0.hasPrefix("|") }
    return rows.filter { !$0.hasPrefix("|---") }.map { row in
      row.dropFirst().dropLast().split(separator: "|", omittingEmptySubsequences: false)
        .map { $0.trimmingCharacters(in: .whitespaces) }
    }
  }

  /// The names of all tests that are written as sentences.
  private func testNames() throws -> Set<String> {
    let files = try #require(FileManager.default.enumerator(atPath: Self.root + "/Tests"))
    var names: Set<String> = []
    for case let path as String in files where path.hasSuffix(".swift") {
      for match in try text("Tests/" + path).matches(of: /func `([^`]+)`/) { names.insert(String(match.1)) }
    }
    return names
  }

  @Test func `Every row that adbvec claims names tests that exist`() throws {
    let rows = try table("docs/migrations-comparison.md").dropFirst()
    let names = try testNames()
    #expect(rows.count > 20)
    for row in rows where row[1].hasPrefix("✔") {
      let claimed = (row.last ?? "").matches(of: /`([^`]+)`/).map { String($0.1) }
      #expect(!claimed.isEmpty, "\(row[0])")
      for name in claimed { #expect(names.contains(name), "\(row[0]): no test is called \(name)") }
    }
  }

  @Test func `The README shows the same table`() throws {
    let whole = try table("docs/migrations-comparison.md").map { Array($0.dropLast()) }
    #expect(try table("README.md", behind: "## Migration tools, side by side") == whole)
  }
}

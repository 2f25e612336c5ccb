import Foundation
import Testing

/// ARCHITECTURE.md, held against the package.
@Suite struct ArchitectureTests {
  private static let repository = URL(filePath: #filePath).deletingLastPathComponent()
    .appending(path: "../..").standardized

  private func text(_ name: String) throws -> String {
    try String(contentsOf: Self.repository.appending(path: name), encoding: .utf8)
  }

  private func isThere(_ path: String) -> Bool {
    FileManager.default.fileExists(atPath: Self.repository.appending(path: path).path)
  }

  /// The targets of Package.swift with their direct dependencies.
  private func targets() throws -> [String: [String]] {
    let blocks = try text("Package.swift").split(separator: /arget\(\s*name: "/).dropFirst()
    return Dictionary(
      uniqueKeysWithValues: blocks.map { block in
        let strings = ("\"" + block).matches(of: /"([^"\n]+)"/).map { String($0.1) }
        return (String(block.prefix { $0 != "\"" }), strings)
      }
    )
  }

  /// The table of modules: each name with what it is said to depend on.
  private func rows() throws -> [(name: String, dependencies: [String])] {
    let section = try text("ARCHITECTURE.md").split(separator: "## Modules")[1].split(separator: "\n## ")[0]
    return section.matches(of: /\n\| `([\w-]+)` \|.*\| ([\w, ]*)\|(?=\n)/).map { match in
      (String(match.1), match.2.split(separator: #/, | /#).map(String.init))
    }
  }

  @Test func everyModuleHasARow() throws {
    let names = Set(try rows().map(\.name))
    let folders = try FileManager.default.contentsOfDirectory(
      atPath: Self.repository.appending(path: "Sources").path
    )
    let modules = folders.filter { !$0.hasPrefix("C") || ["Checkpoints", "CommandSupport"].contains($0) }
    #expect(modules.count > 15)
    for module in modules { #expect(names.contains(module), "\(module)") }
    for name in names { #expect(isThere("Sources/\(name)"), "\(name)") }
  }

  @Test func dependenciesAreThePackages() throws {
    let targets = try targets()
    func reachable(_ name: String) -> Set<String> {
      var found: Set<String> = []
      var open = [name]
      while let next = open.popLast() {
        for dependency in targets[next] ?? [] where found.insert(dependency).inserted {
          open.append(dependency)
        }
      }
      return found
    }
    for (name, dependencies) in try rows() where name != "adbvec" {
      let reached = reachable(name)
      for dependency in dependencies { #expect(reached.contains(dependency), "\(name) → \(dependency)") }
    }
  }

  @Test func placesOfChangesExist() throws {
    let section = try text("ARCHITECTURE.md").split(separator: "## Where a change goes")[1].split(
      separator: "\n## "
    )[0]
    let places = section.matches(of: /`([A-Za-z]\w*(?:\/[\w.]*)*)`/).map { String($0.1) }
    #expect(places.count > 20)
    for place in places { #expect(isThere(place) || isThere("Sources/\(place)"), "\(place)") }
  }
}

import Basics
import FoundationEssentials
import Migrations

/// The contents of `adbvec.yaml`: settings, and below `parameters:` the parameters of the migrations.
///
///     table: public.image_search
///     parameters:
///       dim: 512
package struct SettingsFile {
  /// A value as it is written, and the line where it stands.
  struct Entry: Hashable {
    let text: String
    let line: Int
  }

  package let path: String
  private(set) var values: [String: Entry] = [:]
  private(set) var parameters: [String: Entry] = [:]

  /// Reads a file.
  /// - Throws: `CommandFailure` with exit code 64 for text that is not YAML, an unknown key, a repeated key, or a list.
  init(path: String) throws {
    self.path = path
    guard let root = try Self.document(path), !root.isNull else { return }
    for (key, value) in try lines(root, "settings are written as key: value") {
      let name = key.scalar ?? ""
      if name == "parameters" {
        guard !value.isNull else { continue }
        for (key, value) in try lines(value, "parameters: takes lines of name: value") {
          let parameter = key.scalar ?? ""
          parameters[parameter] = try entry(value, parameter)
        }
      } else {
        try check(name, key)
        values[name] = try entry(value, name)
      }
    }
  }

  private static func document(_ path: String) throws -> YAMLNode? {
    guard let text = try? String(contentsOfFile: path, encoding: .utf8) else {
      throw CommandFailure(
        "cannot read \(path): it cannot be opened, or is not UTF-8",
        exitCode: 64
      )
    }
    do {
      return try YAMLNode(text)
    } catch let error as YAMLError {
      throw CommandFailure(
        "\(path):\(error.place.line): cannot be read as YAML: \(error.message)",
        exitCode: 64
      )
    }
  }

  /// The lines of a mapping, each key once.
  private func lines(_ node: YAMLNode, _ expected: String) throws -> [(key: YAMLNode, value: YAMLNode)] {
    guard case .mapping(let lines) = node.content else { throw failure(node, expected) }
    var seen: Set<String> = []
    for (key, _) in lines where !seen.insert(key.scalar ?? "").inserted {
      throw failure(key, "\(key.scalar ?? "") is repeated; remove one of them")
    }
    return lines
  }

  private func entry(_ node: YAMLNode, _ name: String) throws -> Entry? {
    if node.isNull { return nil }
    guard let text = node.scalar else { throw failure(node, "\(name) takes one value") }
    return Entry(text: text, line: node.place.line)
  }

  private func check(_ name: String, _ key: YAMLNode) throws {
    let known = Setting.all.map(\.key) + ["parameters"]
    guard !known.contains(name) else { return }
    let hint = Suggestion.nearest(to: name, in: known)
    throw failure(
      key,
      "unknown key \(name)\(hint.isEmpty ? "; known: \(known.joined(separator: ", "))" : hint)"
    )
  }

  private func failure(_ node: YAMLNode, _ message: String) -> CommandFailure {
    CommandFailure("\(path):\(node.place.line): \(message)", exitCode: 64)
  }
}

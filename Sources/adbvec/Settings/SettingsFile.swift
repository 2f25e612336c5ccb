import Foundation
import Migrations
import Yams

/// What `adbvec.yaml` says: a value a setting, and below `parameters:` a value a parameter of the migrations.
///
///     table: public.image_search
///     parameters:
///       dim: 512
struct SettingsFile {
  /// A value as it is written, and the line where it stands.
  struct Entry: Hashable {
    let text: String
    let line: Int
  }

  let path: String
  private(set) var values: [String: Entry] = [:]
  private(set) var parameters: [String: Entry] = [:]

  /// Reads a file.
  /// - Throws: `CommandFailure` with exit code 64 for what is no YAML, an unknown key, or a value that is no single one.
  init(path: String) throws {
    self.path = path
    let root: Node?
    do {
      root = try Yams.compose(yaml: try String(contentsOfFile: path, encoding: .utf8))
    } catch {
      let reason = String(describing: error).split(whereSeparator: \.isNewline).first ?? ""
      throw CommandFailure("\(path) cannot be read as YAML: \(reason)", exitCode: 64)
    }
    guard let root, root.null == nil else { return }
    guard let mapping = root.mapping else { throw failure(root, "settings are written as key: value") }
    for (key, value) in mapping {
      let name = key.string ?? ""
      if name == "parameters" {
        parameters = try entries(value, "parameters:")
      } else {
        try check(name, key)
        values[name] = try entry(value, name)
      }
    }
  }

  private func entries(_ node: Node, _ place: String) throws -> [String: Entry] {
    guard node.null == nil else { return [:] }
    guard let mapping = node.mapping else { throw failure(node, "\(place) takes lines of name: value") }
    var found: [String: Entry] = [:]
    for (key, value) in mapping { found[key.string ?? ""] = try entry(value, key.string ?? "") }
    return found
  }

  private func entry(_ node: Node, _ name: String) throws -> Entry? {
    guard node.null == nil else { return nil }
    guard let scalar = node.scalar else { throw failure(node, "\(name) takes one value") }
    return Entry(text: scalar.string, line: node.mark?.line ?? 0)
  }

  private func check(_ name: String, _ key: Node) throws {
    let known = Setting.all.map(\.key) + ["parameters"]
    guard !known.contains(name) else { return }
    let hint = Suggestion.nearest(to: name, in: known)
    throw failure(
      key,
      "unknown key \(name)\(hint.isEmpty ? "; known: \(known.joined(separator: ", "))" : hint)"
    )
  }

  private func failure(_ node: Node, _ message: String) -> CommandFailure {
    CommandFailure("\(path):\(node.mark?.line ?? 1): \(message)", exitCode: 64)
  }
}

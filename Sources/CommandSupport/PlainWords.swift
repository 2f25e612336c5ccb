/// Options that can also be read without the parser proper.
///
/// ArgumentParser finds a command's options by reflection, which takes longer than a run of migrations that has nothing to
/// do. A command that scripts start often can be read without it when its words are plain: whole names, values that are
/// no options, nothing twice. Everything else, help and mistakes among it, is the parser's.
package protocol PlainlyReadable {
  /// Every property at its default.
  static var plain: Self { get }

  /// Sets a flag, such as `--quiet`.
  /// - Returns: false when it has no such flag.
  mutating func setFlag(_ name: String) -> Bool

  /// Sets an option, such as `--table`.
  /// - Returns: false when it has no such option, or the value is none of it.
  mutating func setOption(_ name: String, _ value: String) -> Bool
}

extension PlainlyReadable {
  package mutating func setFlag(_ name: String) -> Bool { false }

  /// Reads plain words; nil when some are not.
  /// - Parameter repeatable: names of options that may come more than once.
  package static func reading(_ words: some Sequence<String>, repeatable: Set<String> = []) -> Self? {
    var command = plain
    var seen: Set<String> = []
    var words = words.makeIterator()
    while let word = words.next() {
      let parts = word.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false).map(String.init)
      let name = parts[0]
      guard seen.insert(name).inserted || repeatable.contains(name) else { return nil }
      if parts.count == 1, command.setFlag(name) { continue }
      guard let value = parts.count == 2 ? parts[1] : words.next(), !value.isEmpty, !value.hasPrefix("-"),
        command.setOption(name, value)
      else { return nil }
    }
    return command
  }
}

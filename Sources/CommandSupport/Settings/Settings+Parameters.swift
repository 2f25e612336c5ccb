/// Values of the migrations' parameters that are set outside the command line: `ADBVEC_PARAM_DIM`, then `parameters:` in
/// `adbvec.yaml`.
extension Settings {
  private static let prefix = "ADBVEC_PARAM_"

  /// The value of one parameter; nil leaves it to the manifest's default.
  package func parameter(_ name: String) -> Value? {
    let variable = Self.prefix + name.uppercased()
    if let text = environment[variable] { return Value(text: text, origin: variable) }
    guard let file, let entry = file.parameters[name] else { return nil }
    return Value(text: entry.text, origin: file.path)
  }

  /// The names that are set, in order.
  package var parameterNames: [String] {
    let variables = environment.keys.filter { $0.hasPrefix(Self.prefix) }
      .map { $0.dropFirst(Self.prefix.count).lowercased() }
    return Set(variables).union(file.map { Array($0.parameters.keys) } ?? []).sorted()
  }

  /// Notices a parameter in the file that the migrations do not declare.
  /// - Throws: `CommandFailure` with exit code 64.
  package func checkFileParameters(declared: [String], suggest: (String) -> String) throws {
    guard let file else { return }
    for (name, entry) in file.parameters.sorted(by: { $0.value.line < $1.value.line })
    where !declared.contains(name) {
      let message = "\(file.path):\(entry.line): the migrations declare no parameter \(name)\(suggest(name))"
      throw CommandFailure(message, exitCode: 64)
    }
  }
}

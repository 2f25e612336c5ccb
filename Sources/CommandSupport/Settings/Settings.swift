import FoundationEssentials

/// The settings in force and where each comes from.
package struct Settings {
  /// A value and its origin, such as `--table` or `adbvec.yaml`.
  package struct Value: Hashable {
    package let text: String
    package let origin: String
  }

  package let environment: [String: String]
  private let flags: [String: String]
  package let file: SettingsFile?

  /// Reads the environment and `adbvec.yaml`.
  /// - Parameter path: `--config`; without it `adbvec.yaml` in the working folder is read when it is there.
  package init(
    flags: [Setting: String],
    path: String?,
    environment: [String: String] = ProcessInfo.processInfo.environment
  ) throws {
    self.environment = environment
    self.flags = Dictionary(uniqueKeysWithValues: flags.map { ($0.key.key, $0.value) })
    file = try Self.openFile(path ?? environment["ADBVEC_CONFIG"])
  }

  private static func openFile(_ chosen: String?) throws -> SettingsFile? {
    let path = chosen ?? "adbvec.yaml"
    guard FileManager.default.fileExists(atPath: path) else {
      if chosen != nil { throw CommandFailure("the configuration file \(path) does not exist", exitCode: 64) }
      return nil
    }
    return try SettingsFile(path: path)
  }

  /// The value of a setting with its origin; nil when nobody sets it and it has no fallback.
  package subscript(setting: Setting) -> Value? {
    if let text = flags[setting.key] { return Value(text: text, origin: "--\(setting.key)") }
    if let text = environment[setting.variable], !text.isEmpty {
      return Value(text: text, origin: setting.variable)
    }
    if setting == .databaseURL {
      if let text = environment["DATABASE_URL"], !text.isEmpty {
        return Value(text: text, origin: "DATABASE_URL")
      }
      if let name = libpqVariable { return Value(text: "", origin: name) }
    }
    if let file, let entry = file.values[setting.key] {
      return Value(text: entry.text, origin: file.path)
    }
    return setting.fallback.map { Value(text: $0, origin: "default") }
  }

  /// The first of libpq's variables that names a server.
  private var libpqVariable: String? {
    ["PGHOST", "PGHOSTADDR", "PGSERVICE", "PGDATABASE", "PGPORT", "PGUSER"].first {
      environment[$0]?.isEmpty == false
    }
  }

  /// A value that must be there.
  package func text(_ setting: Setting) throws -> String {
    guard let value = self[setting] else {
      throw CommandFailure(
        "--\(setting.key) is not set (\(setting.help)); give it, or set \(setting.variable) or \(setting.key) in adbvec.yaml",
        exitCode: 64
      )
    }
    return value.text
  }

  /// A value that is yes or no.
  package func flag(_ setting: Setting) throws -> Bool {
    switch try text(setting).lowercased() {
    case "yes", "true", "1": return true
    case "no", "false", "0": return false
    default:
      throw CommandFailure(
        "\(setting.key) is yes or no, not \"\(try text(setting))\" (\(self[setting]?.origin ?? "default"))",
        exitCode: 64
      )
    }
  }
}

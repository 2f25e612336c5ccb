import Basics
import FoundationEssentials
import LocalPostgres
package import PostgresClient
package import VectorSQL

/// A setting that can come from a flag, the environment or `adbvec.yaml`.
package struct Setting: Sendable, Hashable {
  /// The flag's name and the key in `adbvec.yaml`: `database-url`.
  package let key: String
  /// What it is, for `config show`.
  package let help: String
  /// What holds when nobody sets it.
  package let fallback: String?
  /// Whether its value may hold a password.
  package let isSecret: Bool

  private init(_ key: String, _ help: String, fallback: String? = nil, isSecret: Bool = false) {
    self.key = key
    self.help = help
    self.fallback = fallback
    self.isSecret = isSecret
  }

  /// `ADBVEC_DATABASE_URL` for `database-url`.
  package var variable: String {
    "ADBVEC_" + key.uppercased().map { $0 == "-" ? "_" : String($0) }.joined()
  }

  package static let databaseURL = Setting(
    "database-url",
    "the server: postgresql://user@host:port/database",
    isSecret: true
  )
  package static let dialect = Setting("dialect", "pgvector or analyticdb", fallback: "pgvector")
  package static let table = Setting(
    "table",
    "the table with the embeddings",
    fallback: "public.image_search"
  )
  package static let idColumn = Setting("id-column", "the column with the ids", fallback: "id")
  package static let classColumn = Setting("class-column", "the column with the classes", fallback: "class")
  package static let vectorColumn = Setting(
    "vector-column",
    "the column with the embeddings",
    fallback: "image_vector"
  )
  package static let metric = Setting("metric", "l2, ip or cosine; by default the index's")
  package static let migrations = Setting(
    "migrations",
    "the folder with the migrations; by default ./migrations, else those in the program"
  )
  package static let model = Setting("model", "the architecture; by default the one that the weights fit")
  package static let weights = Setting("weights", "the file with the weights, .safetensors or .pth")
  package static let feature = Setting(
    "feature",
    "the layer and pooling that give the embedding",
    fallback: "logits"
  )
  package static let scales = Setting("scales", "input sizes to average over", fallback: "1")
  package static let mirror = Setting(
    "mirror",
    "yes averages over the image and its mirror image",
    fallback: "no"
  )
  package static let normalise = Setting("normalise", "yes scales embeddings to length 1", fallback: "no")
  package static let projection = Setting("projection", "the file of the projection that is applied last")
  package static let pgBin = Setting("pg-bin", "the folder with PostgreSQL's programs")

  package static let all: [Setting] = [
    databaseURL, dialect, table, idColumn, classColumn, vectorColumn, metric, migrations, model, weights,
    feature, scales, mirror, normalise, projection, pgBin,
  ]
}

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
  /// - Parameter path: `--config`; without it `adbvec.yaml` in the working folder is read if it exists.
  package init(
    flags: [Setting: String],
    path: String?,
    environment: [String: String] = ProcessInfo.processInfo.environment
  ) throws {
    self.environment = environment
    self.flags = Dictionary(uniqueKeysWithValues: flags.map { ($0.key.key, $0.value) })
    file = try Self.openFile(path ?? environment["ADBVEC_CONFIG"])
  }

  /// Settings of flags alone, for what neither the environment nor a file decides.
  package init(flags: [Setting: String]) {
    environment = [:]
    self.flags = Dictionary(uniqueKeysWithValues: flags.map { ($0.key.key, $0.value) })
    file = nil
  }

  private static func openFile(_ chosen: String?) throws -> SettingsFile? {
    let path = chosen ?? "adbvec.yaml"
    guard FileManager.default.fileExists(atPath: path) else {
      if let target = try? FileManager.default.destinationOfSymbolicLink(atPath: path) {
        throw CommandFailure(
          "the settings file \(path) is a link to \(target), which cannot be opened",
          fix: "let the link lead to a file of settings, or remove it",
          exitCode: 64
        )
      }
      if chosen != nil { throw CommandFailure("the settings file \(path) does not exist", exitCode: 64) }
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
        "\(setting.key) must be yes or no, not \"\(try text(setting))\" (\(self[setting]?.origin ?? "default"))",
        exitCode: 64
      )
    }
  }
}

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

extension Settings {
  /// The table in force.
  /// - Throws: `CommandFailure` with exit code 64 for a name that PostgreSQL could not keep.
  package func tableName() throws -> QualifiedName {
    try name(.table) { try QualifiedName(validating: $0) }
  }

  /// The name that a setting gives, checked by `parse`.
  /// - Throws: `CommandFailure` with exit code 64.
  package func name<Name>(_ setting: Setting, _ parse: (String) throws -> Name) throws -> Name {
    do {
      return try parse(try text(setting))
    } catch let error as IdentifierError {
      throw CommandFailure("--\(setting.key): \(error)", exitCode: 64)
    }
  }
}

extension Settings {
  /// The dialect of searches and loads.
  /// - Throws: `CommandFailure` with exit code 64 for a name that no dialect has.
  package func sqlDialect() throws -> Dialect {
    let name = try text(.dialect)
    guard let dialect = Dialect(name: name) else { throw unknownDialect(name) }
    return dialect
  }

  /// A name that no dialect has, and what was meant.
  package func unknownDialect(_ name: String) -> CommandFailure {
    let known = Dialect.all.map(\.name)
    let near = Suggestion.nearest(to: name, in: known)
    return CommandFailure(
      "there is no dialect \"\(name)\" (\(self[.dialect]?.origin ?? "default"))"
        + (near.isEmpty ? "; known: \(known.joined(separator: ", "))" : near),
      exitCode: 64
    )
  }

  /// The server to talk to: the one that is named, else the private server when it runs.
  /// - Throws: `CommandFailure` with exit code 5 when there is neither.
  package func connectionSettings() throws -> ConnectionSettings {
    if let value = self[.databaseURL] {
      return ConnectionSettings(url: value.text.isEmpty ? nil : value.text)
    }
    let server = PrivateServer(home: .standard(environment: environment))
    guard case .running(let running) = server.status else {
      throw CommandFailure(
        "no database server is named, and the private server does not run",
        fix: CommandRunner.programName == "adbvec"
          ? "adbvec db start, or name a server with --database-url or DATABASE_URL"
          : "name a server with --database-url or DATABASE_URL",
        exitCode: 5
      )
    }
    return running.settings()
  }

  /// Connects to the server in force.
  package func connect() async throws -> PostgresConnection {
    try await PostgresConnection.connect(try connectionSettings())
  }
}

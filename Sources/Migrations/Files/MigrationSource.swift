internal import Basics

/// Where migrations come from: a folder, or texts inside the program.
public struct MigrationSource: Sendable, Hashable {
  /// The files that are migrations, in the order in which they run.
  public var files: [SourceFile] { identified.map(\.file) }
  /// How many there are.
  var count: Int { identified.count }
  /// The declarations of the parameters; nil where `{{…}}` is plain text.
  public let manifest: SourceFile?
  /// The folder, for `new`; nil for texts inside the program.
  public let folder: String?
  /// SQL files whose names are not those of migrations; a run refuses them.
  public let misnamed: [String]
  private let identified: [MigrationFile]

  /// The name of the file that declares parameters.
  public static let manifestName = "parameters.yaml"
  /// What it was called, and is still read as, in version 1.
  static let oldManifestName = "parameters.toml"

  /// Reads the `.sql` files of a folder, and `parameters.yaml` there or in the folder above.
  /// - Throws: `MigrationError` with code `unreadableFile`, or `invalidManifest` for two files of parameters.
  public static func folder(_ path: String) throws -> MigrationSource {
    let folder = path.count > 1 && path.hasSuffix("/") ? String(path.dropLast()) : path
    let entries = try FileOperations.entries(of: folder)
    var files: [MigrationFile] = []
    var misnamed: [String] = []
    for (name, isRegular) in entries where MigrationParser.isSQL(name) {
      if let (id, title) = MigrationParser.identify(name) {
        let file = try SourceFile(reading: "\(folder)/\(name)", isRegular: isRegular)
        files.append(MigrationFile(id: id, name: title, file: file))
      } else {
        misnamed.append(name)
      }
    }
    let manifest =
      try manifest(in: folder, misspelled: ["parameters.yml"]) ?? manifest(in: parent(of: folder))
    return MigrationSource(
      files,
      manifest: try manifest.map { try SourceFile(path: $0, bytes: FileOperations.read($0)) },
      folder: folder,
      misnamed: misnamed
    )
  }

  /// Migrations inside the program: file names and their texts, and the text of a `parameters.yaml`.
  /// - Throws: `MigrationError` for a text with a NUL.
  public static func embedded(_ files: [String: String], manifest: String? = nil) throws -> MigrationSource {
    var found: [MigrationFile] = []
    var misnamed: [String] = []
    for (name, text) in files.sorted(by: { $0.key < $1.key }) {
      if let (id, title) = MigrationParser.identify(name) {
        let file = try SourceFile(path: name, bytes: Array(text.utf8))
        found.append(MigrationFile(id: id, name: title, file: file))
      } else {
        misnamed.append(name)
      }
    }
    return MigrationSource(
      found,
      manifest: try manifest.map { try SourceFile(path: manifestName, bytes: Array($0.utf8)) },
      folder: nil,
      misnamed: misnamed
    )
  }

  private init(_ files: [MigrationFile], manifest: SourceFile?, folder: String?, misnamed: [String]) {
    identified = files.sorted {
      $0.id < $1.id || !($1.id < $0.id) && $0.file.path < $1.file.path
    }
    self.manifest = manifest
    self.folder = folder
    self.misnamed = misnamed
  }

  /// The file of a folder that declares parameters; nil where there is none.
  /// - Parameter misspelled: names that can only have been meant for it here; in the folder above, they may be another
  ///   tool's.
  private static func manifest(in folder: String, misspelled: [String] = []) throws -> String? {
    let found = ([manifestName, oldManifestName] + misspelled).filter {
      FileOperations.exists("\(folder)/\($0)")
    }
    guard let name = found.first else { return nil }
    guard found.count == 1 else {
      throw MigrationError(
        .invalidManifest,
        "\(folder) has both \(name) and \(found[1]), and parameters are declared in one file",
        hint: "remove \(found[1])"
      )
    }
    guard name != "parameters.yml" else {
      throw MigrationError(
        .invalidManifest,
        "\(folder)/\(name) is not read: parameters are declared in \(manifestName)",
        hint: "rename it to \(manifestName)"
      )
    }
    return "\(folder)/\(name)"
  }

  private static func parent(of folder: String) -> String {
    guard let slash = folder.lastIndex(of: "/") else { return folder == "." ? ".." : "." }
    return slash == folder.startIndex ? "" : String(folder[..<slash])
  }

  /// The migrations in the order in which they run.
  /// - Throws: `MigrationErrors` with every broken file and every version that two files claim.
  func migrations() throws -> [Migration] {
    let problems = problems
    do {
      let found = try Self.parsed(identified)
      guard problems.isEmpty else { throw MigrationErrors(errors: problems) }
      return found
    } catch let broken as MigrationErrors where !problems.isEmpty && broken.errors != problems {
      throw MigrationErrors(errors: problems + broken.errors)
    }
  }

  /// The files in the order in which they run, by their names alone.
  /// - Throws: `MigrationErrors` with every version that two files claim, and every name that is wrong.
  func checkedFiles() throws -> [MigrationFile] {
    let problems = problems
    guard problems.isEmpty else { throw MigrationErrors(errors: problems) }
    return identified
  }

  /// - Throws: `MigrationErrors` with every broken file.
  static func parsed(_ files: [MigrationFile]) throws -> [Migration] {
    var found: [Migration] = []
    var problems: [MigrationError] = []
    for file in files {
      do {
        found.append(try MigrationParser(file: file.file).parse(file.id, name: file.name))
      } catch let problem as MigrationError {
        problems.append(problem)
      }
    }
    guard problems.isEmpty else { throw MigrationErrors(errors: problems) }
    return found
  }

  /// What is wrong with the files' names.
  private var problems: [MigrationError] {
    var problems = misnamings()
    for (first, second) in zip(identified, identified.dropFirst()) where first.id.isSame(as: second.id) {
      problems.append(
        MigrationError(
          .duplicateVersion,
          "\(first.file.name) and \(second.file.name) have the same version",
          hint: "give one of them another number",
          at: second.file.location(0)
        )
      )
    }
    return problems
  }
}

extension MigrationSource {
  /// Whether a path is a folder.
  public static func isFolder(_ path: String) -> Bool { FileOperations.isFolder(path) }

  /// Files that would never run, which their authors cannot have meant; each with a name that is free.
  private func misnamings() -> [MigrationError] {
    guard !misnamed.isEmpty else { return [] }
    var versions = identified.compactMap { file -> String? in
      guard case .version(let digits) = file.id else { return nil }
      return digits
    }
    return misnamed.map { name in
      let better = suggestedName(name, besides: versions)
      if case .version(let digits)? = MigrationParser.identify(better)?.id { versions.append(digits) }
      return misnaming(name, better)
    }
  }

  private func misnaming(_ name: String, _ better: String) -> MigrationError {
    let rename =
      folder.map { "mv \(Quoting.shellWord("\($0)/\(name)")) \(Quoting.shellWord("\($0)/\(better)"))" }
      ?? "rename it to \(better)"
    return MigrationError(
      .invalidFile,
      "\(folder.map { "\($0)/" } ?? "")\(name) is not named like a migration: VERSION_name.sql with digits, or R__name.sql",
      hint: rename
    )
  }

  private func suggestedName(_ name: String, besides versions: [String]) -> String {
    let stem = String(name.dropLast(4))
    if let first = stem.first, first.isLetter {
      let rest = String(stem.dropFirst())
      let isFree = { (id: MigrationID) in !versions.contains { MigrationID.version($0).isSame(as: id) } }
      if first.lowercased() == "v", let (id, name) = MigrationParser.identify(rest + ".sql"), isFree(id),
        !name.contains(".")
      {
        let words = String(name.drop { $0 == "_" })
        return words.isEmpty ? "\(id).sql" : "\(id)_\(words).sql"
      }
      if first.lowercased() == "r", rest.hasPrefix("_") {
        let words = rest.drop { $0 == "_" }
        if !words.isEmpty { return "\(MigrationID.repeatablePrefix)\(words).sql" }
      }
    }
    if MigrationParser.identify(stem + ".sql") != nil { return stem + ".sql" }
    let words = stem.split { !($0.isLetter || $0.isNumber) }.joined(separator: "_")
    return "\(Self.nextVersion(after: versions, .automatic))_\(words.isEmpty ? "migration" : words).sql"
  }
}

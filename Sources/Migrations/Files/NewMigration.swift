#if canImport(Glibc)
  internal import Glibc
#elseif canImport(Musl)
  internal import Musl
#else
  internal import Darwin
#endif

/// How the version of a new file is chosen.
public enum MigrationNumbering: String, Sendable, Hashable, CaseIterable {
  /// Like the files at hand; by time in an empty folder.
  case automatic
  /// The time in UTC: `20261123164200`.
  case timestamp
  /// One more than the highest: `0004`.
  case sequential
}

extension MigrationSource {
  /// Writes an empty migration into a folder, which is made where it is missing.
  /// - Returns: the file's path.
  /// - Throws: `MigrationError` with code `invalidFile` for a name that no file can have.
  public static func createMigration(
    named name: String,
    in folder: String,
    numbering: MigrationNumbering = .automatic
  ) throws -> String {
    let words = name.lowercased().split { !($0.isLetter || $0.isNumber) }
    guard !words.isEmpty else {
      throw MigrationError(
        .invalidFile,
        "\"\(name)\" has no letter or digit",
        hint: "say in a few words what it does"
      )
    }
    try FileSystem.createFolder(folder)
    let versions = try FileSystem.names(in: folder).compactMap { name -> String? in
      guard case .version(let digits)? = MigrationParser.identify(name)?.id else { return nil }
      return digits
    }
    let path = "\(folder)/\(nextVersion(after: versions, numbering))_\(words.joined(separator: "_")).sql"
    try FileSystem.create(path, "-- migrate:up\n\n\n-- migrate:down\n\n")
    return path
  }

  static func nextVersion(after versions: [String], _ numbering: MigrationNumbering) -> String {
    let highest = versions.max { MigrationID.version($0) < MigrationID.version($1) }
    let isSequential =
      numbering == .sequential || (numbering == .automatic && (highest.map { $0.utf8.count < 12 } ?? false))
    guard isSequential else { return timestamp() }
    let next = String((highest.flatMap { Int($0) } ?? 0) + 1)
    let width = highest?.utf8.count ?? 4
    return String(repeating: "0", count: max(0, width - next.utf8.count)) + next
  }

  private static func timestamp() -> String {
    var now = time(nil)
    var parts = tm()
    gmtime_r(&now, &parts)
    let numbers = [parts.tm_mon + 1, parts.tm_mday, parts.tm_hour, parts.tm_min, parts.tm_sec]
    return String(parts.tm_year + 1900) + numbers.map { $0 < 10 ? "0\($0)" : String($0) }.joined()
  }
}

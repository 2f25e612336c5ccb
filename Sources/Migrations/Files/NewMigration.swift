internal import Glibc

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
    try createMigrations(
      [(name, "-- migrate:up\n\n\n-- migrate:down\n\n")],
      in: folder,
      numbering: numbering
    )[0]
  }

  /// Writes migrations that run one behind the other into a folder, which is made where it is missing.
  /// - Parameter files: what each does, in a few words, and its text.
  /// - Returns: the files' paths.
  /// - Throws: `MigrationError` with code `invalidFile` for a name that no file can have.
  public static func createMigrations(
    _ files: [(name: String, text: String)],
    in folder: String,
    numbering: MigrationNumbering = .automatic
  ) throws -> [String] {
    let stems = try files.map { file in
      let words = file.name.lowercased().split { !($0.isLetter || $0.isNumber) }
      guard !words.isEmpty else {
        throw MigrationError(
          .invalidFile,
          "\"\(file.name)\" has no letter or digit",
          hint: "say in a few words what it does"
        )
      }
      return words.joined(separator: "_")
    }
    try FileSystem.createFolder(folder)
    return try FileSystem.locking(folder) {
      var versions = try FileSystem.names(in: folder).compactMap { name -> String? in
        guard case .version(let digits)? = MigrationParser.identify(name)?.id else { return nil }
        return digits
      }
      return try zip(files, stems).map { file, stem in
        let version = nextVersion(after: versions, numbering)
        versions.append(version)
        let path = "\(folder)/\(version)_\(stem).sql"
        try FileSystem.create(path, file.text)
        return path
      }
    }
  }

  /// A version behind all others: two files made in one second get different ones.
  static func nextVersion(after versions: [String], _ numbering: MigrationNumbering) -> String {
    let highest = versions.max { MigrationID.version($0) < MigrationID.version($1) }
    let isSequential =
      numbering == .sequential || (numbering == .automatic && (highest.map { $0.utf8.count < 12 } ?? false))
    if isSequential { return successor(of: highest ?? "0000") }
    let now = timestamp(time(nil))
    guard let highest, MigrationID.version(now) <= MigrationID.version(highest) else { return now }
    return secondAfter(highest) ?? successor(of: highest)
  }

  /// One more, with as many digits: there may be more of them than an integer holds.
  private static func successor(of digits: String) -> String {
    var next = Array(digits.utf8)
    for index in next.indices.reversed() {
      guard next[index] == UInt8(ascii: "9") else {
        next[index] += 1
        return String(decoding: next, as: UTF8.self)
      }
      next[index] = UInt8(ascii: "0")
    }
    return "1" + String(decoding: next, as: UTF8.self)
  }

  private static func timestamp(_ seconds: time_t) -> String {
    var seconds = seconds
    var parts = tm()
    gmtime_r(&seconds, &parts)
    let numbers = [parts.tm_mon + 1, parts.tm_mday, parts.tm_hour, parts.tm_min, parts.tm_sec]
    return String(parts.tm_year + 1900) + numbers.map { $0 < 10 ? "0\($0)" : String($0) }.joined()
  }

  /// The time one second after `20261231235959`; nil for digits that are no time.
  private static func secondAfter(_ digits: String) -> String? {
    guard digits.utf8.count == 14, var number = Int(digits) else { return nil }
    var parts = tm()
    func take(_ divisor: Int) -> Int32 {
      defer { number /= divisor }
      return Int32(number % divisor)
    }
    parts.tm_sec = take(100)
    parts.tm_min = take(100)
    parts.tm_hour = take(100)
    parts.tm_mday = take(100)
    parts.tm_mon = take(100) - 1
    parts.tm_year = take(10_000) - 1900
    let seconds = timegm(&parts)
    return timestamp(seconds) == digits ? timestamp(seconds + 1) : nil
  }
}

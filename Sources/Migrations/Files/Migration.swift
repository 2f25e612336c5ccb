internal import Glibc
internal import SQLLexer

/// A file with the name of a migration, not yet parsed.
struct MigrationFile: Sendable, Hashable {
  let id: MigrationID
  let name: String
  let file: SourceFile

  /// Whether its text may have a section for a capability of the server.
  var mayAskServer: Bool { String(decoding: file.text.utf8, as: UTF8.self).contains("capability") }

  /// Whether its SQL is its text for any values.
  func isPlain(_ parameters: ParameterSet) -> Bool {
    parameters.manifest == nil || !file.text.containsPair(of: UInt8(ascii: "{"))
  }

  /// Whether text, declarations and values are those that ran, so that it would render to what ran.
  func isUnchanged(since record: HistoryRecord, _ parameters: ParameterSet) -> Bool {
    guard record.state == .applied, record.templateHash == file.hash else { return false }
    guard let manifest = parameters.manifest else { return true }
    if record.parametersJSON == "{}", isPlain(parameters) { return true }
    guard let inputs = record.inputs, inputs.manifest == manifest.hash else { return false }
    return inputs.absent.allSatisfy { parameters.values[$0]?.text == nil }
      && record.parameters.allSatisfy { parameters.values[$0.key]?.text == $0.value }
  }
}

extension SourceText {
  fileprivate func containsPair(of byte: UInt8) -> Bool {
    var index = utf8.startIndex
    while let found = utf8[index...].firstIndex(of: byte) {
      if found + 1 < utf8.endIndex, utf8[found + 1] == byte { return true }
      index = found + 1
    }
    return false
  }
}

/// One migration as its file tells it, not yet rendered.
public struct Migration: Sendable, Hashable {
  /// What it is known by.
  public let id: MigrationID
  /// The file's name behind the version: `create_image_search`.
  public let name: String
  /// The file.
  public let file: SourceFile
  /// What `up` runs.
  public let up: MigrationSection
  /// What `down` runs; nil when the file has no such section.
  public let down: MigrationSection?
  /// SHA-256 of the file's text, in hexadecimal.
  public let templateHash: String

  /// A line's place in the file.
  func location(_ offset: Int) -> SourceLocation {
    file.location(offset)
  }
}

/// The text behind the marks of one direction.
public struct MigrationSection: Sendable, Hashable {
  /// The options behind the marks.
  public let options: SectionOptions
  /// The bytes of each part in the file, without the marks' lines, in the order in which they run: a file may have
  /// several parts up, which run one behind the other, and several down, which run from the last to the first.
  public let ranges: [Range<Int>]
  /// The place of the first mark in the file.
  public let markOffset: Int
}

/// What a migration is known by: its version, or the name of a repeatable file.
public enum MigrationID: Sendable, Hashable {
  /// The digits that a file's name begins with, as they are written there.
  case version(String)
  /// `R__name.sql`: run again whenever its content changes.
  case repeatable(String)

  /// The key in the history table: `0001`, or `R__name`.
  public var key: String {
    switch self {
    case .version(let digits): digits
    case .repeatable(let name): Self.repeatablePrefix + name
    }
  }

  /// The id of a key in the history table.
  public init(key: String) {
    if key.hasPrefix(Self.repeatablePrefix) {
      self = .repeatable(String(key.dropFirst(Self.repeatablePrefix.count)))
    } else {
      self = .version(key)
    }
  }

  /// What the names of repeatable files begin with.
  public static let repeatablePrefix = "R__"

  /// The version without leading zeros: `0001` and `1` are one version.
  var number: Substring {
    guard case .version(let digits) = self else { return "" }
    return Substring(digits.utf8.drop { $0 == UInt8(ascii: "0") })
  }

  /// Whether both name one migration.
  public func isSame(as other: MigrationID) -> Bool {
    switch (self, other) {
    case (.version, .version): number == other.number
    default: self == other
    }
  }
}

extension MigrationID: Comparable {
  /// Versions by their number, of any length, and repeatable files behind them by name.
  public static func < (left: MigrationID, right: MigrationID) -> Bool {
    switch (left, right) {
    case (.version(let first), .version(let second)):
      first.utf8.count == second.utf8.count
        ? first < second : isSmaller(left.number.utf8, right.number.utf8)
    case (.version, .repeatable): true
    case (.repeatable, .version): false
    case (.repeatable(let left), .repeatable(let right)): left < right
    }
  }

  private static func isSmaller(_ left: Substring.UTF8View, _ right: Substring.UTF8View) -> Bool {
    left.count == right.count ? left.lexicographicallyPrecedes(right) : left.count < right.count
  }
}

extension MigrationID: CustomStringConvertible {
  /// The key.
  public var description: String { key }
}

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
    try FileOperations.createFolder(folder)
    return try FileOperations.locking(folder) {
      var versions = try FileOperations.entries(of: folder).compactMap { (name, _) -> String? in
        guard case .version(let digits)? = MigrationParser.identify(name)?.id else { return nil }
        return digits
      }
      return try zip(files, stems).map { file, stem in
        let version = nextVersion(after: versions, numbering)
        versions.append(version)
        let path = "\(folder)/\(version)_\(stem).sql"
        try FileOperations.create(path, file.text)
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

  /// The time one second after `20261231235959`; nil for digits that are not a time.
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

extension MigrationID {
  /// The same id for `1` and `0001`.
  var normalised: MigrationID {
    guard case .version = self else { return self }
    return .version(String(number))
  }
}

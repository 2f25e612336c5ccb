internal import SQLLexer

/// A file with the name of a migration, not yet read.
struct MigrationFile: Sendable {
  let id: MigrationID
  let name: String
  let file: SourceFile

  /// Whether text, declarations and values are those that ran, so that it would render to what ran.
  func isUnchanged(since record: HistoryRecord, _ parameters: ParameterSet) -> Bool {
    guard record.state == .applied, record.templateHash == file.hash else { return false }
    guard let manifest = parameters.manifest else { return true }
    if record.parametersJSON == "{}", !file.text.containsPair(of: UInt8(ascii: "{")) { return true }
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
    case (.version, .version): isSmaller(left.number.utf8, right.number.utf8)
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

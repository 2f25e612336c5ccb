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
    SourceLocation(file: file.path, text: file.text, offset: offset)
  }
}

/// The text behind one mark of a file.
public struct MigrationSection: Sendable, Hashable {
  /// The options behind the mark.
  public let options: SectionOptions
  /// The section's bytes in the file, without the mark's line.
  public let range: Range<Int>
  /// The place of the mark.
  public let markOffset: Int
}

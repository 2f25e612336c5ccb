public import ImageSources

/// Some of a source's positions, and the rows that they gave.
public struct LoadBatch: Sendable {
  /// The rows.
  public var rows: FeatureBatch
  /// The positions in the source that were dealt with; more than the rows when images could not be read.
  public var positions: Range<Int>
  /// Where the source goes on behind them.
  public var place: SourcePlace
  /// Positions without a row, with the reason.
  public var unreadable: [UnreadableImage]
}

/// An image that gave no row.
public struct UnreadableImage: Sendable, Hashable {
  /// Its position in the collection.
  public let position: Int
  /// Why, with its name.
  public let reason: String
}

/// Gives batches of rows in order, and makes the next one while the last is being written.
public protocol BatchSource: Sendable {
  /// The source, for messages.
  var name: String { get }
  /// What names the source wherever it is loaded from: an absolute path without links.
  var identity: String { get }
  /// Rows in a batch where the source knows better than the vectors' size tells.
  var preferredBatchRows: Int? { get }
  /// Whether its rows say where their images can be found again.
  var hasPlaces: Bool { get }
  /// How many positions there are, where that is known.
  func expectedCount() async throws -> Int?
  /// The next positions that `done` does not hold; nil at the end.
  /// - Throws: `CollectionError`, `LoadError`, or what the extractor throws.
  func next(rows: Int, skipping done: DoneRanges) async throws -> LoadBatch?
  /// Goes to a place before the first call of `next`, or back to one after the end.
  func skip(to place: SourcePlace) async throws
  /// What tells the content from another's; nil when it cannot be read twice.
  func fingerprint() async throws -> SourceFingerprint?
}

extension BatchSource {
  /// The name.
  public var identity: String { name }
  /// None.
  public var preferredBatchRows: Int? { nil }
  /// They do not.
  public var hasPlaces: Bool { false }
}

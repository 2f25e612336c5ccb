/// Reads rows of (id, class, vector) front to back in bounded memory.
///
/// A reader is used by one thread at a time.
public protocol FeatureReader: AnyObject {
  /// Where the rows come from, for messages.
  var name: String { get }
  /// The length of the vectors, once it is known.
  var dimension: Int? { get }
  /// The number of rows where the format says it beforehand.
  var expectedCount: Int? { get }
  /// The size of the source in bytes where it is known, for progress.
  var byteCount: Int? { get }
  /// Goes to a place that a batch of the same source ended at.
  /// - Throws: `CollectionError`.
  func skip(to place: SourcePlace) throws
  /// Appends up to `limit` rows to a batch that was reset to the next position.
  ///
  /// - Returns: false when the source ended; the batch may hold its last rows all the same.
  /// - Throws: `CollectionError` with file and line; rows before it are lost.
  func read(into batch: inout FeatureBatch, limit: Int) throws -> Bool
}

/// Where a reader goes on.
public struct SourcePlace: Sendable, Hashable {
  /// Rows before the place.
  public var position: Int
  /// Bytes before the place.
  public var offset: Int
  /// The line of the place, counted from 1, in text.
  public var line: Int

  /// A place from its parts.
  public init(position: Int, offset: Int, line: Int) {
    self.position = position
    self.offset = offset
    self.line = line
  }
}

public import Basics

/// Consecutive rows of a feature source: parallel arrays, vectors laid out one after another.
public struct FeatureBatch: Sendable {
  /// The position in the source of the first row, counted from 0.
  public let firstPosition: Int
  /// The rows' ids.
  public private(set) var ids: [ImageID] = []
  /// The rows' classes.
  public private(set) var labels: [String?] = []
  /// Where the rows' images can be found again; empty when the rows come from no images.
  public private(set) var places: [ImagePlace] = []
  /// The SHA-256 of the rows' image files, nil where it was not taken; as many as places.
  package private(set) var hashes: [String?] = []
  /// `count * dimension` numbers.
  public private(set) var values: [Float] = []
  /// Numbers in a vector; 0 before the first row.
  public private(set) var dimension = 0
  /// The byte in the source where the row behind the last one starts; 0 where that has no meaning.
  public internal(set) var endOffset = 0
  /// The line behind the last one, for text; 0 where that has no meaning.
  public internal(set) var endLine = 0

  /// An empty batch that starts at a position.
  public init(firstPosition: Int = 0) {
    self.firstPosition = firstPosition
  }

  /// The number of rows.
  public var count: Int { ids.count }
  /// The position behind the last row.
  public var endPosition: Int { firstPosition + count }

  /// Reserves memory for a count of numbers.
  public mutating func reserve(values count: Int) {
    values.reserveCapacity(count)
  }

  /// Appends a row whose vector `fill` appends to the values.
  ///
  /// - Returns: false, and leaves the batch as it was, when the vector's length differs from the rows before.
  public mutating func append(id: ImageID, label: String?, _ fill: (inout [Float]) throws -> Void) rethrows
    -> Bool
  {
    let start = values.count
    try fill(&values)
    let length = values.count - start
    guard length > 0, count == 0 || length == dimension else {
      values.removeLast(length)
      return false
    }
    dimension = length
    ids.append(id)
    labels.append(label)
    return true
  }

  /// Appends a row.
  /// - Returns: as `append(id:label:_:)`.
  @discardableResult
  public mutating func append(id: ImageID, label: String?, vector: some Collection<Float>) -> Bool {
    append(id: id, label: label) { $0.append(contentsOf: vector) }
  }

  /// Appends the row of an image.
  /// - Parameter hash: the SHA-256 of its file.
  /// - Returns: as `append(id:label:_:)`.
  @discardableResult
  package mutating func append(
    _ entry: ImageEntry,
    id: ImageID,
    vector: some Collection<Float>,
    hash: String? = nil
  ) -> Bool {
    guard append(id: id, label: entry.label, vector: vector) else { return false }
    places.append(entry.place)
    hashes.append(hash)
    return true
  }

  /// Appends a row of another batch.
  public mutating func append(_ row: Int, of other: FeatureBatch) {
    let fits = other.withVector(row) { append(id: other.ids[row], label: other.labels[row], vector: $0) }
    guard fits, !other.places.isEmpty else { return }
    places.append(other.places[row])
    hashes.append(other.hashes[row])
  }

  /// Lends the vector of a row.
  public func withVector<Result>(_ row: Int, _ body: (UnsafeBufferPointer<Float>) throws -> Result) rethrows
    -> Result
  {
    try values.withUnsafeBufferPointer {
      try body(UnsafeBufferPointer(rebasing: $0[row * dimension..<(row + 1) * dimension]))
    }
  }
}

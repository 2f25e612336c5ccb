public import ImageSources
internal import PostgresClient

/// Rows of a feature file, read on a thread of their own.
public actor FileBatchSource: BatchSource {
  /// The file.
  public nonisolated let name: String
  /// The file's absolute path, behind links.
  public nonisolated var identity: String { source.identity }
  private nonisolated let source: FeatureSource
  private nonisolated let executor = ThreadExecutor()
  private var reader: (any FeatureReader)?
  private var position = 0

  /// The thread that isolates this actor.
  public nonisolated var unownedExecutor: UnownedSerialExecutor {
    executor.asUnownedSerialExecutor()
  }

  /// A source that is opened by the first call.
  public init(_ source: FeatureSource) {
    name = source.name
    self.source = source
  }

  /// How many rows the format announces.
  public func expectedCount() throws -> Int? {
    try opened().expectedCount
  }

  /// What tells the content from another's.
  public func fingerprint() throws -> SourceFingerprint? {
    try source.fingerprint()
  }

  /// Goes to a place that a batch ended at, also after the end.
  public func skip(to place: SourcePlace) throws {
    // Once rows have been read, the file is opened anew: a reader only goes forward.
    if position > 0 { reader = nil }
    try opened().skip(to: place)
    position = place.position
  }

  /// The next batch; nil at the end.
  public func next(rows limit: Int, skipping done: DoneRanges) throws -> LoadBatch? {
    let reader = try opened()
    while true {
      try Task.checkCancellation()
      let range = done.range(holding: position)
      let ahead = range?.upperBound ?? done.nextDone(from: position) ?? .max
      var rows = FeatureBatch(firstPosition: position)
      if let dimension = reader.dimension {
        rows.reserve(values: min(min(limit, ahead - position) * dimension, Self.mostReserved))
      }
      let more = try reader.read(into: &rows, limit: min(limit, ahead - position))
      position = rows.endPosition
      if rows.count == 0, !more { return nil }
      // Rows of a done range are read only to get past them.
      if range != nil || rows.count == 0 { continue }
      return LoadBatch(
        rows: rows,
        positions: rows.firstPosition..<rows.endPosition,
        place: SourcePlace(position: position, offset: rows.endOffset, line: rows.endLine),
        unreadable: []
      )
    }
  }

  /// Room for as many numbers is made beforehand, so that a batch is not copied while it grows.
  private static let mostReserved = 1 << 21

  private func opened() throws -> any FeatureReader {
    if let reader { return reader }
    let opened = try source.open()
    reader = opened
    return opened
  }
}

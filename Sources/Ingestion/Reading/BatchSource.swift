internal import Basics
public import ImageSearch
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
  /// Rows of images that changed: they replace the rows with their ids.
  var changed = FeatureBatch()
  /// What the journal keeps of the images of a folder.
  var images: [JournalImage] = []
}

/// What a source's rows carry.
struct SourceTraits: Sendable, Hashable {
  /// Whether they say where their images can be found again.
  var hasPlaces: Bool
  /// Whether they have classes; where not, the table's classes stay as they are.
  var hasClasses: Bool
  /// Whether they come from files whose content is hashed.
  var hasHashes = false
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
  /// The position behind everything that `next` has given or passed over; the source's end once `next` gave nil.
  func endPosition() async -> Int
  /// Whether its rows have classes.
  func carriesClasses() async throws -> Bool
  /// The images of a folder, which are known by their paths; nil for sources whose rows are known by their positions.
  func images() async throws -> ImageFiles?
  /// What is known of images of a folder without decoding them.
  func entries(at positions: [Int]) async throws -> [ImageEntry]
  /// Paths of a folder that could not be read: images may be there, or below.
  func unseenPaths() async -> [[UInt8]]
  /// What makes the vectors; nil where it is not known. Asked for when an image has to be embedded, since the answer may
  /// take a model that has to be loaded.
  func recipe() async throws -> Recipe?
  /// Whether only a part of the images was asked for.
  var isLimited: Bool { get }
  /// What the ids of new images are made of.
  var imageIDs: ImageIDs { get }
  /// Lets ids be texts, where the table's are; called before the first row is read.
  func allow(_ textIDs: TextIDs) async
  /// Takes ids, and what is done with each image, from a plan.
  func follow(_ plan: LoadPlan) async
  /// The images that look like others, among those that were given so far.
  func nearDuplicates() async -> [NearDuplicate]
  /// What the user should know of the rows that were given, though it stops nothing.
  func notices() async -> [String]
}

extension BatchSource {
  /// The name.
  public var identity: String { name }
  /// None.
  public var preferredBatchRows: Int? { nil }
  /// They do not.
  public var hasPlaces: Bool { false }
  /// They have.
  public func carriesClasses() -> Bool { true }
  /// Rows are known by their positions.
  public func images() -> ImageFiles? { nil }
  /// There are none.
  public func entries(at positions: [Int]) -> [ImageEntry] { [] }
  /// Everything was read.
  public func unseenPaths() -> [[UInt8]] { [] }
  /// It is not known.
  public func recipe() -> Recipe? { nil }
  /// Everything is taken.
  public var isLimited: Bool { false }
  /// Positions.
  public var imageIDs: ImageIDs { .position }
  /// Its ids are what they are.
  public func allow(_ textIDs: TextIDs) {}
  /// There is nothing to follow.
  public func follow(_ plan: LoadPlan) {}
  /// None is looked for.
  public func nearDuplicates() -> [NearDuplicate] { [] }
  /// There is nothing to say.
  public func notices() -> [String] { [] }
}

/// Rows of a feature file, read on a thread of their own.
public actor FileBatchSource: BatchSource {
  /// The file.
  public nonisolated let name: String
  /// The file's absolute path, behind links.
  public nonisolated var identity: String { source.identity }
  private nonisolated let source: FeatureSource
  private var textIDs = TextIDs.none
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

  /// Lets ids be texts.
  public func allow(_ textIDs: TextIDs) { self.textIDs = textIDs }

  /// The position behind the last row that was read.
  public func endPosition() -> Int { position }

  /// Whether the format, or a file beside it, gives classes.
  public func carriesClasses() throws -> Bool { try opened().carriesClasses }

  /// What the reader has to say of the file.
  public func notices() -> [String] { [reader?.notice].compactMap(\.self) }

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
    var source = source
    if textIDs != .none { source.textIDs = textIDs }
    let opened = try source.open()
    reader = opened
    return opened
  }
}

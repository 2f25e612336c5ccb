internal import Basics
public import ImageCodecs
public import ImageSearch
public import ImageSources
public import Inference
internal import PostgresClient

/// Rows made from images: decoded and embedded on several workers, given out in the order of the collection.
///
/// A worker takes the next image when it is done with one; finished vectors wait for those before them, so that one slow
/// image holds up nobody. How many may wait goes by their size, so that memory does not grow with the collection.
public actor ImageBatchSource: BatchSource {
  /// Makes the embedding of an image; used by one worker at a time.
  public typealias Extractor = (Image) throws -> [Float]

  /// The collection.
  public nonisolated let name: String
  /// The absolute path of the collection, behind links.
  public nonisolated var identity: String { collection.identity }
  private nonisolated let collection: any ImageCollection
  private nonisolated let pool: EmbeddingPool
  /// How many images are under way or wait to be given out.
  private var window: Int
  private let leastWindow: Int
  private let isStrict: Bool
  private let makeRecipe: (@Sendable () throws -> Recipe)?
  private let onImage: (@Sendable (EmbeddingProgress) -> Void)?
  private nonisolated let finished = StateLock((images: 0, start: ContinuousClock.Instant?.none))
  private let limit: Int
  /// Whether only a part of the images was asked for.
  public nonisolated let isLimited: Bool
  /// What the ids of new images are made of.
  public nonisolated let imageIDs: ImageIDs
  private var plan: LoadPlan?
  private var duplicates: NearDuplicates?
  private var near: [NearDuplicate] = []
  private var position = 0
  private var underWay: [(position: Int, task: Task<EmbeddingWorker.Outcome, any Error>)] = []

  /// How a collection's images are read.
  public struct Options: Sendable {
    let workers: Int
    let isStrict: Bool
    let limit: Int?
    let ids: ImageIDs
    let decodingMemory: Int
    let onImage: (@Sendable (EmbeddingProgress) -> Void)?

    /// - Parameters:
    ///   - workers: how many images are worked on at once, each on a thread of its own.
    ///   - isStrict: makes an image that cannot be read fatal.
    ///   - limit: takes only that many images.
    ///   - ids: what the rows' ids are.
    ///   - decodingMemory: the bytes that images may take together while they are decoded; one that needs more is decoded beside
    ///     small ones alone.
    ///   - onImage: called for each image that is done, readable or not, before its batch is; from any thread.
    public init(
      workers: Int,
      isStrict: Bool = false,
      limit: Int? = nil,
      ids: ImageIDs = .position,
      decodingMemory: Int = 512 << 20,
      onImage: (@Sendable (EmbeddingProgress) -> Void)? = nil
    ) {
      self.workers = max(workers, 1)
      self.isStrict = isStrict
      self.limit = limit
      self.ids = ids
      self.decodingMemory = decodingMemory
      self.onImage = onImage
    }
  }

  /// A source of a collection's images.
  ///
  /// - Parameters:
  ///   - recipe: what makes the vectors; asked for before the first extractor is made.
  ///   - coverage: what the model takes of an image; asked for with the first extractor.
  ///   - dimension: how many numbers a vector will have, where that is known.
  ///   - makeExtractor: called once per worker, on its thread.
  public init(
    _ collection: any ImageCollection,
    _ options: Options,
    recipe: (@Sendable () throws -> Recipe)? = nil,
    coverage: (@Sendable () throws -> Image.DecodingOptions.Coverage)? = nil,
    dimension: Int? = nil,
    makeExtractor: @escaping @Sendable () throws -> Extractor
  ) {
    name = collection.name
    onImage = options.onImage
    self.collection = collection
    isStrict = options.isStrict
    makeRecipe = recipe
    imageIDs = options.ids
    isLimited = options.limit.map { $0 < collection.count } ?? false
    limit = min(options.limit ?? collection.count, collection.count)
    pool = EmbeddingPool(
      (0..<options.workers).map { _ in
        EmbeddingWorker(
          collection: collection,
          coverage: coverage,
          makeExtractor: makeExtractor
        )
      },
      files: try? collection.files(),
      memory: options.decodingMemory
    )
    leastWindow = options.workers * 2
    window = Self.window(of: dimension, atLeast: leastWindow)
  }

  /// A source of the embeddings that a model makes of a collection's images.
  public init(_ collection: any ImageCollection, _ options: Options, model: FeatureModel) {
    self.init(collection, options, coverage: { model.coverage }, dimension: model.dimension) {
      let extractor = try model.makeExtractor()
      return { try extractor.features(of: $0) }
    }
  }

  /// Images take long, so that progress is shown and kept every hundred.
  public nonisolated var preferredBatchRows: Int? { 100 }

  /// The table's source column, when it has one, is filled.
  public nonisolated var hasPlaces: Bool { true }

  /// How many images are taken.
  public func expectedCount() -> Int? { limit }

  /// Where the next image comes from; the end once all are done.
  public func endPosition() -> Int { underWay.first?.position ?? position }

  /// The images of a folder; nil for records of a file.
  public func images() throws -> ImageFiles? {
    try collection.files().map { limit < $0.count ? ImageFiles($0.prefix(limit)) : $0 }
  }

  /// What is known of some images without decoding them.
  public func entries(at positions: [Int]) throws -> [ImageEntry] {
    try positions.map { try collection.entry(at: $0) }
  }

  /// What the folder's listing could not read.
  public func unseenPaths() -> [[UInt8]] { collection.unseenPaths() }

  /// What makes the vectors.
  public func recipe() throws -> Recipe? { try makeRecipe?() }

  /// Takes ids from a plan.
  public func follow(_ plan: LoadPlan) {
    self.plan = plan
    duplicates = plan.search.map { NearDuplicates($0, known: plan.phashes) }
  }

  /// The images that look like others.
  public func nearDuplicates() -> [NearDuplicate] { near }

  /// How many animations there were.
  public func notices() async -> [String] {
    switch await pool.animations() {
    case 0: []
    case 1: ["1 animation: its first frame was taken"]
    case let count: ["\(count) animations: their first frames were taken"]
    }
  }

  /// What tells the content from another's.
  public func fingerprint() throws -> SourceFingerprint? {
    try collection.fingerprint()
  }

  /// Goes to a place that a batch ended at.
  public func skip(to place: SourcePlace) {
    underWay.forEach { $0.task.cancel() }
    underWay = []
    position = place.position
  }

  /// The next batch; nil at the end.
  public func next(rows wanted: Int, skipping done: DoneRanges) async throws -> LoadBatch? {
    while underWay.isEmpty, let range = done.range(holding: position) { position = range.upperBound }
    guard let first = underWay.first?.position ?? (position < limit ? position : nil) else { return nil }
    // A batch ends where a done range starts, so that its positions stay one range.
    let end = min(first + wanted, done.nextDone(from: first) ?? limit, limit)
    let before = done.count
    var batch = LoadBatch(
      rows: FeatureBatch(firstPosition: first),
      positions: first..<end,
      place: SourcePlace(position: end, offset: 0, line: 0),
      unreadable: []
    )
    for expected in first..<end {
      refill(done, before)
      let (_, task) = underWay.removeFirst()
      let outcome = try await withTaskCancellationHandler {
        try await task.value
      } onCancel: {
        task.cancel()
      }
      if case .row(_, let vector, _) = outcome {
        window = Self.window(of: vector.count, atLeast: leastWindow)
      }
      try await take(outcome, expected, &batch)
    }
    return batch
  }

  /// Vectors that wait take at most 16 MiB.
  private static func window(of dimension: Int?, atLeast least: Int) -> Int {
    guard let dimension else { return max(least, 64) }
    return max(least, min(256, (16 << 20) / (4 * max(dimension, 1))))
  }

  private func take(
    _ outcome: EmbeddingWorker.Outcome,
    _ position: Int,
    _ batch: inout LoadBatch
  ) async throws {
    var outcome = outcome
    let phash = outcome.phash
    let found = phash.flatMap { duplicates?.decide($0, at: position) }
    if let found, share(found, wasEmbedded: outcome.hasVector, &batch) { return }
    if let phash, !outcome.hasVector {
      if let plan, plan.examined.contains(position) {
        return batch.images.append(plan.image(at: position, showing: phash, like: found))
      }
      // The image that it looks like turned out to be a duplicate itself.
      outcome = try await pool.embed(position, .vector)
    }
    switch outcome {
    case .row(let entry, let vector, _):
      let id = try plan?.ids[position] ?? ImageID(imageIDs.id(of: entry))
      let isChanged = plan?.changed.contains(position) ?? false
      let hash = plan?.files[position].contentHash()
      let fits =
        isChanged
        ? batch.changed.append(entry, id: id, vector: vector, hash: hash)
        : batch.rows.append(entry, id: id, vector: vector, hash: hash)
      guard fits else {
        throw LoadError(
          .features,
          "\(entry.name): \(vector.count) features where the others have \(batch.rows.dimension)"
        )
      }
      if let plan {
        batch.images.append(plan.image(at: position, hash: hash, showing: phash, like: found))
      }
    case .looked: break
    case .unreadable(let reason):
      guard !isStrict else { throw LoadError(.image, reason) }
      batch.unreadable.append(UnreadableImage(position: position, reason: reason))
      if let plan {
        let hash = plan.files[position].contentHash()
        var image = plan.image(at: position, isReadable: false, hash: hash)
        if plan.examined.contains(position) { image.phash = .blank }
        batch.images.append(image)
      }
    }
  }

  /// Takes note of an image that looks like another one.
  /// - Returns: whether it does without a vector of its own.
  private func share(_ found: NearDuplicate, wasEmbedded: Bool, _ batch: inout LoadBatch) -> Bool {
    guard let plan, let search = plan.search else { return false }
    let isShared = plan.mayShare(at: found.position)
    var found = found
    found.wasEmbedded = isShared && wasEmbedded
    near.append(found)
    if isShared, search.treatment == .skip {
      var image = plan.image(at: found.position, showing: found.hash, like: found)
      image.id = nil
      batch.images.append(image)
    }
    return isShared
  }

  /// - Parameter before: how many images runs before this one were done with.
  private nonisolated func embed(
    _ position: Int,
    _ work: EmbeddingWorker.Work,
    _ before: Int
  ) async throws -> EmbeddingWorker.Outcome {
    guard let onImage else { return try await pool.embed(position, work) }
    finished.withLock { $0.start = $0.start ?? .now }
    let outcome = try await pool.embed(position, work)
    let (images, start) = finished.withLock { finished in
      finished.images += 1
      return (finished.images, finished.start ?? .now)
    }
    let seconds = max((ContinuousClock.now - start) / .seconds(1), 1e-9)
    onImage(
      EmbeddingProgress(done: min(before + images, limit), total: limit, rate: Double(images) / seconds)
    )
    return outcome
  }

  /// Keeps the workers busy, also with images of the next batch.
  private func refill(_ done: DoneRanges, _ before: Int) {
    while underWay.count < window, position < limit {
      if let range = done.range(holding: position) {
        position = range.upperBound
        continue
      }
      let (next, work) = (position, work(at: position))
      underWay.append((next, Task { try await embed(next, work, before) }))
      position += 1
    }
  }

  private func work(at position: Int) -> EmbeddingWorker.Work {
    guard let plan, let duplicates else { return .vector }
    return plan.examined.contains(position)
      ? .look : .comparison(duplicates, mayShare: plan.mayShare(at: position))
  }
}

extension LoadPlan {
  /// What is recorded of an image that was looked at.
  ///
  /// - Parameters:
  ///   - hash: of its content, which is read where it is not known yet.
  ///   - phash: what it shows.
  ///   - found: the image that it looks like.
  fileprivate func image(
    at position: Int,
    hash: String? = nil,
    showing phash: PerceptualHash?,
    like found: NearDuplicate?
  ) -> JournalImage {
    var image = image(at: position, hash: hash ?? files[position].contentHash())
    image.phash = phash
    image.duplicateOf = found.map { files[$0.original].path }
    return image
  }
}

/// How far the images of a source are.
public struct EmbeddingProgress: Sendable, Hashable {
  /// Images that are done, by this run and those before it.
  public let done: Int
  /// All images.
  public let total: Int
  /// Images a second in this run.
  public let rate: Double
}

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
  /// Makes the feature vector of an image; used by one worker at a time.
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
  private var position = 0
  private var underWay: [(position: Int, task: Task<EmbeddingWorker.Outcome, any Error>)] = []

  /// A source of a collection's images.
  ///
  /// - Parameters:
  ///   - workers: how many images are worked on at once, each on a thread of its own.
  ///   - isStrict: makes an image that cannot be read fatal.
  ///   - limit: takes only that many images.
  ///   - ids: what the rows' ids are.
  ///   - recipe: what makes the vectors; asked for before the first extractor is made.
  ///   - coverage: what the model takes of an image; asked for with the first extractor.
  ///   - dimension: how many numbers a vector will have, where that is known.
  ///   - decodingMemory: the bytes that images may take together while they are decoded; one that needs more is decoded alone.
  ///   - onImage: called for each image that is done, readable or not, before its batch is; from any thread.
  ///   - makeExtractor: called once a worker, on its thread.
  public init(
    _ collection: any ImageCollection,
    workers: Int,
    isStrict: Bool = false,
    limit: Int? = nil,
    ids: ImageIDs = .position,
    recipe: (@Sendable () throws -> Recipe)? = nil,
    coverage: (@Sendable () throws -> Image.DecodingOptions.Coverage)? = nil,
    dimension: Int? = nil,
    decodingMemory: Int = 512 << 20,
    onImage: (@Sendable (EmbeddingProgress) -> Void)? = nil,
    makeExtractor: @escaping @Sendable () throws -> Extractor
  ) {
    name = collection.name
    self.onImage = onImage
    self.collection = collection
    self.isStrict = isStrict
    makeRecipe = recipe
    imageIDs = ids
    isLimited = limit.map { $0 < collection.count } ?? false
    self.limit = min(limit ?? collection.count, collection.count)
    pool = EmbeddingPool(
      (0..<max(workers, 1)).map { _ in
        EmbeddingWorker(collection: collection, coverage: coverage, makeExtractor: makeExtractor)
      },
      memory: decodingMemory
    )
    leastWindow = max(workers, 1) * 2
    window = Self.window(of: dimension, atLeast: leastWindow)
  }

  /// A source of the embeddings that a model makes of a collection's images.
  ///
  /// The parameters are those of the other initializer.
  public init(
    _ collection: any ImageCollection,
    model: FeatureModel,
    workers: Int,
    isStrict: Bool = false,
    limit: Int? = nil,
    ids: ImageIDs = .position,
    onImage: (@Sendable (EmbeddingProgress) -> Void)? = nil
  ) {
    let covering = collection.covering(model.coverage)
    self.init(
      covering,
      workers: workers,
      isStrict: isStrict,
      limit: limit,
      ids: ids,
      dimension: model.dimension,
      onImage: onImage
    ) {
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
      if case .row(_, let vector) = outcome { window = Self.window(of: vector.count, atLeast: leastWindow) }
      try take(outcome, expected, &batch)
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
  ) throws {
    switch outcome {
    case .row(let entry, let vector):
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
      if let plan { batch.images.append(plan.image(at: position, hash: hash)) }
    case .unreadable(let reason):
      guard !isStrict else { throw LoadError(.image, reason) }
      batch.unreadable.append(UnreadableImage(position: position, reason: reason))
      if let plan {
        let hash = plan.files[position].contentHash()
        batch.images.append(plan.image(at: position, isReadable: false, hash: hash))
      }
    }
  }

  /// - Parameter before: how many images runs before this one were done with.
  private nonisolated func embed(_ position: Int, _ before: Int) async throws -> EmbeddingWorker.Outcome {
    guard let onImage else { return try await pool.embed(position) }
    finished.withLock { $0.start = $0.start ?? .now }
    let outcome = try await pool.embed(position)
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
      let next = position
      underWay.append((next, Task { try await embed(next, before) }))
      position += 1
    }
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

/// Lends workers, and memory to decode in; whoever waits with the lowest position is next.
private actor EmbeddingPool {
  private var idle: [EmbeddingWorker]
  private var waiting: [(position: Int, worker: CheckedContinuation<EmbeddingWorker, Never>)] = []

  /// Bytes that are free, of all.
  private var free: Int
  private let memory: Int
  private var waitingForMemory: [(position: Int, bytes: Int, start: CheckedContinuation<Void, Never>)] = []

  init(_ workers: [EmbeddingWorker], memory: Int) {
    idle = workers
    (self.memory, free) = (memory, memory)
  }

  func embed(_ position: Int) async throws -> EmbeddingWorker.Outcome {
    let worker = await lend(position)
    defer { takeBack(worker) }
    // An image that needs more than there is takes all of it.
    let bytes = min(await worker.decodingBytes(position), memory)
    await reserve(bytes, position)
    defer { release(bytes) }
    return try await worker.embed(position)
  }

  private func reserve(_ bytes: Int, _ position: Int) async {
    if bytes <= free, waitingForMemory.isEmpty {
      free -= bytes
    } else {
      await withCheckedContinuation { waitingForMemory.append((position, bytes, $0)) }
    }
  }

  /// Whoever waits with the lowest position is next, also where a later one would fit: large images must not starve.
  private func release(_ bytes: Int) {
    free += bytes
    while let next = waitingForMemory.indices.min(by: {
      waitingForMemory[$0].position < waitingForMemory[$1].position
    }), waitingForMemory[next].bytes <= free {
      let waiter = waitingForMemory.remove(at: next)
      free -= waiter.bytes
      waiter.start.resume()
    }
  }

  private func lend(_ position: Int) async -> EmbeddingWorker {
    if let worker = idle.popLast() { return worker }
    return await withCheckedContinuation { waiting.append((position, $0)) }
  }

  private func takeBack(_ worker: EmbeddingWorker) {
    guard let next = waiting.indices.min(by: { waiting[$0].position < waiting[$1].position }) else {
      idle.append(worker)
      return
    }
    waiting.remove(at: next).worker.resume(returning: worker)
  }
}

/// One thread that turns images into vectors.
actor EmbeddingWorker {
  /// What became of an image.
  enum Outcome: Sendable {
    case row(ImageEntry, [Float])
    case unreadable(String)
  }

  private var collection: any ImageCollection
  private let coverage: (@Sendable () throws -> Image.DecodingOptions.Coverage)?
  private let makeExtractor: @Sendable () throws -> ImageBatchSource.Extractor
  private var extractor: ImageBatchSource.Extractor?
  private nonisolated let executor = ThreadExecutor()

  init(
    collection: any ImageCollection,
    coverage: (@Sendable () throws -> Image.DecodingOptions.Coverage)? = nil,
    makeExtractor: @escaping @Sendable () throws -> ImageBatchSource.Extractor
  ) {
    self.collection = collection
    self.coverage = coverage
    self.makeExtractor = makeExtractor
  }

  nonisolated var unownedExecutor: UnownedSerialExecutor {
    executor.asUnownedSerialExecutor()
  }

  func decodingBytes(_ position: Int) -> Int { collection.decodingBytes(at: position) }

  func embed(_ position: Int) throws -> Outcome {
    try Task.checkCancellation()
    if extractor == nil, let coverage { collection = collection.covering(try coverage()) }
    // A closure that is taken out of an optional and put back is wrapped in another each time: after some 40,000 images
    // a call would overflow the stack.
    if extractor == nil { extractor = try makeExtractor() }
    guard let extract = extractor else { throw CancellationError() }
    let entry = try collection.entry(at: position)
    do {
      let image = try collection.image(at: position)
      return .row(entry, try extract(image))
    } catch let problem as ImageError {
      return .unreadable(problem.description)
    } catch let problem as CollectionError where problem.code == .unreadable {
      return .unreadable(problem.description)
    }
  }
}

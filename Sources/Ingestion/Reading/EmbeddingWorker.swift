internal import Basics
internal import ImageCodecs
internal import ImageSources

/// Lends workers, and memory to decode in; whoever waits with the lowest position is next. The files of those that wait are read
/// ahead.
actor EmbeddingPool {
  private let workers: [EmbeddingWorker]
  private var idle: [EmbeddingWorker]
  private var waiting: [(position: Int, worker: CheckedContinuation<EmbeddingWorker, Never>)] = []

  /// Bytes for large images that are free, of all of these.
  private var free: Int
  private let memory: Int
  /// Up to how many bytes an image is small: small ones take no part in reservations, and large ones leave room for them.
  private let small: Int
  private var waitingForMemory: [(position: Int, bytes: Int, start: CheckedContinuation<Void, Never>)] = []

  private let reader: FileReader?
  /// The bytes of each file that is read ahead and that no worker has begun with, and of all of them.
  private var ahead: [Int: Int] = [:]
  private var bytesAhead = 0
  private let mostAhead: Int

  /// - Parameters:
  ///   - files: what is read ahead; nil for nothing.
  ///   - memory: the bytes to decode in; an eighth as many are read ahead, and a file more.
  init(_ workers: [EmbeddingWorker], files: ImageFiles?, memory: Int) {
    (self.workers, idle) = (workers, workers)
    let forSmall = memory / 8
    (self.memory, free) = (memory - forSmall, memory - forSmall)
    small = forSmall / max(workers.count - 1, 1)
    reader = files.map(FileReader.init)
    mostAhead = memory / 8
  }

  func embed(_ position: Int, _ work: EmbeddingWorker.Work) async throws -> EmbeddingWorker.Outcome {
    let worker = await lend(position)
    defer { takeBack(worker) }
    if let outcome = try await worker.embed(position, work, within: small) { return outcome }
    // An image that needs more than there is takes all; small ones go on beside it.
    let bytes = min(await worker.decodingBytes(position), memory)
    await reserve(bytes, position)
    defer { release(bytes) }
    return try await worker.embed(position, work)
  }

  /// How many animations were read.
  func animations() async -> Int {
    var sum = 0
    for worker in workers { sum += await worker.animations }
    return sum
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
    return await withCheckedContinuation {
      waiting.append((position, $0))
      readAhead(position)
    }
  }

  private func takeBack(_ worker: EmbeddingWorker) {
    guard let next = waiting.indices.min(by: { waiting[$0].position < waiting[$1].position }) else {
      idle.append(worker)
      return
    }
    let begun = waiting.remove(at: next)
    begun.worker.resume(returning: worker)
    guard let bytes = ahead.removeValue(forKey: begun.position) else { return }
    bytesAhead -= bytes
    guard ahead.count < waiting.count else { return }
    for (position, _) in waiting where ahead[position] == nil { readAhead(position) }
  }

  private func readAhead(_ position: Int) {
    guard let reader, bytesAhead < mostAhead else { return }
    let bytes = reader.files.byteCount(at: position)
    ahead[position] = bytes
    bytesAhead += bytes
    Task { await reader.readAhead(position) }
  }
}

/// A thread that asks for files, which takes a while on a network's file system.
private actor FileReader {
  let files: ImageFiles
  private nonisolated let executor = ThreadExecutor()

  init(_ files: ImageFiles) { self.files = files }

  nonisolated var unownedExecutor: UnownedSerialExecutor { executor.asUnownedSerialExecutor() }

  func readAhead(_ position: Int) { files.readAhead(at: position) }
}

/// One thread that turns images into vectors.
actor EmbeddingWorker {
  /// What is wanted of an image.
  enum Work: Sendable {
    /// A vector.
    case vector
    /// What it shows, and a vector unless it may share that of an image which it looks like.
    case comparison(NearDuplicates, mayShare: Bool)
    /// What it shows.
    case look
  }

  /// What became of an image.
  enum Outcome: Sendable {
    case row(ImageEntry, [Float], PerceptualHash?)
    case looked(PerceptualHash)
    case unreadable(String)

    var hasVector: Bool { if case .row = self { true } else { false } }

    var phash: PerceptualHash? {
      switch self {
      case .row(_, _, let phash): phash
      case .looked(let phash): phash
      case .unreadable: nil
      }
    }
  }

  private var collection: any ImageCollection
  private let coverage: (@Sendable () throws -> Image.DecodingOptions.Coverage)?
  private let makeExtractor: @Sendable () throws -> ImageBatchSource.Extractor
  private var extractor: ImageBatchSource.Extractor?
  private var resampler = Resampler()
  /// Of how many animations the first frame was taken.
  private(set) var animations = 0
  private nonisolated let executor = ThreadExecutor()

  init(
    collection: any ImageCollection,
    coverage: (@Sendable () throws -> Image.DecodingOptions.Coverage)?,
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

  /// As `embed(_:_:)`; nil for an image that needs more bytes to be decoded.
  func embed(_ position: Int, _ work: Work, within bytes: Int) throws -> Outcome? {
    collection.decodingBytes(at: position) <= bytes ? try embed(position, work) : nil
  }

  func embed(_ position: Int, _ work: Work) throws -> Outcome {
    try Task.checkCancellation()
    switch work {
    case .vector:
      let extract = try prepare(forWholeImages: false)
      let entry = try collection.entry(at: position)
      return try reading { .row(entry, try extract(try image(at: position)), nil) }
    case .comparison(let duplicates, let mayShare):
      let extract = try prepare(forWholeImages: true)
      let entry = try collection.entry(at: position)
      return try reading {
        let image = try image(at: position)
        let phash = PerceptualHash(image, &resampler)
        if duplicates.note(phash, at: position), mayShare { return .looked(phash) }
        return .row(entry, try extract(image), phash)
      }
    case .look:
      return try reading {
        .looked(PerceptualHash(try collection.covering(Self.looking).image(at: position), &resampler))
      }
    }
  }

  private func image(at position: Int) throws -> Image {
    let image = try collection.image(at: position)
    if image.isFirstFrame { animations += 1 }
    return image
  }

  /// An image that cannot be read is not a failure.
  private func reading(_ body: () throws -> Outcome) throws -> Outcome {
    do {
      return try body()
    } catch let problem as ImageError {
      return .unreadable(problem.description)
    } catch let problem as CollectionError where problem.code == .unreadable {
      return .unreadable(problem.description)
    }
  }

  /// A few times what a perceptual hash looks at.
  private static let looking = Image.DecodingOptions.Coverage(side: 128)

  /// - Parameter forWholeImages: decodes also what the model does not take of an image.
  private func prepare(forWholeImages: Bool) throws -> ImageBatchSource.Extractor {
    // A closure that is taken out of an optional and put back is wrapped in another each time: after some 40,000 images
    // a call would overflow the stack.
    if let extractor { return extractor }
    if let coverage {
      var covered = try coverage()
      if forWholeImages { covered.crop = nil }
      collection = collection.covering(covered)
    }
    let made = try makeExtractor()
    extractor = made
    return made
  }
}

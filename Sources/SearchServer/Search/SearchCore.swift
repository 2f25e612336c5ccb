internal import ImageCodecs
internal import ImageSearch
internal import Logging

/// What every route works with.
struct SearchCore: Sendable {
  let configuration: ServerConfiguration
  let backend: any SearchBackend
  let images: any ImageBackend
  let store: any ImageStore
  let metrics: ServerMetrics
  let logger: Logger
  let classes: ClassCache
  let uploads: UploadCache
  let shown = ShownImages()
  let thumbnails: BoundedCache<ThumbnailKey, Thumbnail>
  /// Thumbnails by their images' content; nil where none are kept.
  let diskThumbnails: DiskCache?
  let connections: OpenConnections
  let threads = BlockingExecutor(label: "adbvec.page.work")

  let extractionQueue: AdmissionQueue
  let queryQueue: AdmissionQueue
  let thumbnailQueue: AdmissionQueue
  /// Uploads that are being received.
  let uploadQueue: AdmissionQueue
  /// The bytes of uploads from their first one until the image is decoded.
  let uploadMemoryQueue: AdmissionQueue
  /// The bytes that decoding takes.
  let decodingQueue: AdmissionQueue

  init(
    _ configuration: ServerConfiguration,
    backend: any SearchBackend,
    images: any ImageBackend,
    store: any ImageStore,
    registry: PrometheusRegistry,
    logger: Logger
  ) {
    let load = configuration.load
    let metrics = ServerMetrics(registry: registry)
    func queue(_ name: String, _ capacity: Int, waiting: Int) -> AdmissionQueue {
      AdmissionQueue(capacity: capacity, maximumWaiting: waiting, patience: load.patience) {
        metrics.turnedAway(from: name)
      }
    }
    let queryQueue = queue("query", load.queries, waiting: load.waitingQueries)
    self.configuration = configuration
    self.backend = backend
    self.images = images
    self.store = store
    self.metrics = metrics
    self.logger = logger
    self.queryQueue = queryQueue
    classes = ClassCache { limit in try await queryQueue.run { try await backend.classes(limit: limit) } }
    uploads = UploadCache(maximumBytes: load.uploadCache)
    thumbnails = BoundedCache(maximumCost: load.thumbnailCache)
    diskThumbnails = configuration.cacheFolder.map {
      DiskCache(folder: $0 + "/thumbnails", maximumBytes: load.diskCache)
    }
    connections = OpenConnections(maximum: configuration.limits.maximumConnections) {
      metrics.evictedConnection()
    }
    extractionQueue = queue("extraction", load.extractions, waiting: load.waitingExtractions)
    thumbnailQueue = queue("thumbnail", load.thumbnails, waiting: load.waitingThumbnails)
    uploadQueue = queue("upload", load.uploads, waiting: 0)
    uploadMemoryQueue = queue("upload_memory", load.uploadMemory, waiting: load.uploads)
    decodingQueue = queue(
      "decoding_memory",
      load.decodingMemory,
      waiting: load.waitingExtractions + load.waitingThumbnails
    )
  }

  /// The queues by their names in the metrics.
  var queues: [(name: String, queue: AdmissionQueue)] {
    [
      ("extraction", extractionQueue), ("query", queryQueue), ("thumbnail", thumbnailQueue),
      ("upload", uploadQueue), ("upload_memory", uploadMemoryQueue), ("decoding_memory", decodingQueue),
    ]
  }

  /// Runs a piece of work when a queue has room for it.
  /// - Returns: The value and how long it waited, in milliseconds.
  func admitted<Value: Sendable>(
    to queue: AdmissionQueue,
    units: Int = 1,
    _ body: () async throws -> Value
  ) async throws -> (value: Value, waited: Double) {
    let clock = ContinuousClock()
    let asked = clock.now
    return try await queue.run(units: units) {
      let waited = (clock.now - asked) / .milliseconds(1)
      return (try await body(), waited)
    }
  }

  /// Asks the database something small.
  func ask<Value: Sendable>(_ body: () async throws -> Value) async throws -> Value {
    try await admitted(to: queryQueue, body).value
  }
}

extension SearchCore {
  /// The length of the collection's vectors.
  var dimension: Int { configuration.dimension ?? images.dimension }

  /// Runs a search whose subject is known.
  func search(_ subject: SearchSubject, _ options: SearchOptions) async throws -> SearchResult {
    try await search(subject, options, extraction: 0, waited: 0, since: .now)
  }

  /// Remembers an uploaded image by its embedding.
  /// - Returns: The subject that stands for it in links, and the time that it took.
  func take(
    upload file: [UInt8],
    name: String
  ) async throws -> (subject: SearchSubject, extraction: Double, waited: Double) {
    if let reason = configuration.uploadRefusal { throw BackendError(.uploadsRefused, reason) }
    guard ContentType.image(file) != nil else {
      throw BackendError(
        .unreadableImage,
        "this is not an image: \(ImageFormat.readable) can be read"
      )
    }
    let limit = configuration.limits.maximumPixels
    let (upload, waited) = try await admitted(to: extractionQueue) {
      try await decoding(file) { [images, metrics] in
        let start = ContinuousClock.now
        let examined = try await images.examine(
          file,
          thumbnailSide: Thumbnail.uploadSide,
          maximumPixels: limit
        )
        let milliseconds = (ContinuousClock.now - start) / .milliseconds(1)
        metrics.extracted(milliseconds: milliseconds)
        return UploadCache.Upload(
          name: name,
          embedding: examined.embedding,
          thumbnail: examined.thumbnail,
          milliseconds: milliseconds
        )
      }
    }
    return (.upload(key: uploads.remember(upload)), upload.milliseconds, waited)
  }

  /// Runs a search that began with an upload.
  func search(
    _ subject: SearchSubject,
    _ options: SearchOptions,
    extraction: Double,
    waited: Double,
    since start: ContinuousClock.Instant
  ) async throws -> SearchResult {
    let upload = try remembered(subject)
    let query = ImageQuery(
      querySubject(subject, upload),
      topK: options.count,
      class: options.class,
      exact: options.exact,
      efSearch: options.efSearch
    )
    let (found, waitedForQuery) = try await admitted(to: queryQueue) {
      (try await backend.search(query), try await row(of: subject))
    }
    metrics.queried(milliseconds: found.0.databaseMilliseconds)
    let timing = SearchResult.Timing(
      features: extraction,
      database: found.0.databaseMilliseconds,
      waiting: waited + waitedForQuery,
      total: (ContinuousClock.now - start) / .milliseconds(1)
    )
    return SearchResult(
      subject: subject,
      subjectRow: found.1,
      subjectName: upload?.name,
      uploadMilliseconds: upload?.milliseconds,
      options: options,
      answer: options.within.map { found.0.within($0) } ?? found.0,
      timing: timing
    )
  }

  private func remembered(_ subject: SearchSubject) throws -> UploadCache.Upload? {
    switch subject {
    case .id: return nil
    case .upload(let key):
      guard let upload = uploads[key] else {
        throw HTTPError.notFound("this upload is no longer remembered; drop the image again")
      }
      return upload
    case .vector(let vector):
      guard vector.count == dimension else {
        throw HTTPError.invalid(
          "the vector has \(vector.count) numbers, the collection's have \(dimension)"
        )
      }
      return nil
    }
  }

  private func querySubject(_ subject: SearchSubject, _ upload: UploadCache.Upload?) -> ImageQuery.Subject {
    switch subject {
    case .id(let id): .id(id)
    case .upload: .vector(upload?.embedding ?? [])
    case .vector(let vector): .vector(vector)
    }
  }

  private func row(of subject: SearchSubject) async throws -> ImageRow? {
    guard case .id(let id) = subject else { return nil }
    return try await backend.row(id: id)
  }
}

/// The collection's classes, as they were a short while ago: reading them reads the whole table.
actor ClassCache {
  /// The most classes that are read.
  static let maximum = 10_000

  private let read: @Sendable (_ limit: Int) async throws -> [String]
  private var names: [String] = []
  private var wasRead = false
  private var reading: Task<[String], any Error>?
  private var nextReading = ContinuousClock.now

  /// - Parameter read: Reads at most `limit` classes, in their order.
  init(read: @escaping @Sendable (_ limit: Int) async throws -> [String]) {
    self.read = read
  }

  /// The classes that are known: a page neither waits for long nor fails because of them.
  func known() async -> [String] {
    startWhenDue()
    for _ in 0..<50 where reading != nil && !wasRead { try? await Task.sleep(for: .milliseconds(20)) }
    return names
  }

  /// The classes.
  /// - Throws: What the backend throws when they were never read.
  func current() async throws -> [String] {
    startWhenDue(isNeeded: !wasRead)
    guard !wasRead, let reading else { return names }
    return try await reading.value
  }

  private func startWhenDue(isNeeded: Bool = false) {
    guard reading == nil, isNeeded || ContinuousClock.now >= nextReading else { return }
    let task = Task { [read] in try await read(Self.maximum) }
    reading = task
    Task {
      let start = ContinuousClock.now
      let result = await task.result
      finish(result, took: ContinuousClock.now - start)
    }
  }

  /// Not more than one fiftieth of the time goes into reading classes.
  private func finish(_ result: Result<[String], any Error>, took: Duration) {
    reading = nil
    switch result {
    case .success(let read):
      names = read
      wasRead = true
      nextReading = .now + max(.seconds(60), took * 50)
    case .failure:
      nextReading = .now + max(.seconds(2), took * 50)
    }
  }
}

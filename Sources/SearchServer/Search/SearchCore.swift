internal import Logging

/// What every route works with.
struct SearchCore: Sendable {
  let configuration: ServerConfiguration
  let backend: any SearchBackend
  let images: any ImageBackend
  let store: any ImageStore
  let metrics: ServerMetrics
  let logger: Logger
  let labels: ClassCache
  let uploads: UploadCache
  let thumbnails: BoundedCache<ThumbnailKey, Thumbnail>
  let connections: OpenConnections
  let threads = BlockingExecutor(label: "adbvec.page.work")

  let extractionQueue: AdmissionQueue
  let queryQueue: AdmissionQueue
  let thumbnailQueue: AdmissionQueue
  let uploadQueue: AdmissionQueue

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
    func queue(_ capacity: Int, _ waiting: Int) -> AdmissionQueue {
      AdmissionQueue(capacity: capacity, maximumWaiting: waiting, patience: load.patience)
    }
    self.configuration = configuration
    self.backend = backend
    self.images = images
    self.store = store
    self.metrics = metrics
    self.logger = logger
    labels = ClassCache(backend: backend)
    uploads = UploadCache(maximumBytes: load.uploadMemory)
    thumbnails = BoundedCache(maximumCost: load.thumbnailMemory)
    connections = OpenConnections(maximum: configuration.limits.maximumConnections) {
      metrics.evictedConnection()
    }
    extractionQueue = queue(load.extractions, load.waitingExtractions)
    queryQueue = queue(load.queries, load.waitingQueries)
    thumbnailQueue = queue(load.thumbnails, load.waitingThumbnails)
    uploadQueue = queue(load.uploads, 0)
  }

  /// The queues by their names in the metrics.
  var queues: [(name: String, queue: AdmissionQueue)] {
    [
      ("extraction", extractionQueue), ("query", queryQueue), ("thumbnail", thumbnailQueue),
      ("upload", uploadQueue),
    ]
  }

  /// Runs a piece of work when a queue has room for it, and counts those that are turned away.
  /// - Returns: The value and how long it waited, in milliseconds.
  func admitted<Value: Sendable>(
    to queue: AdmissionQueue,
    _ body: () async throws -> Value
  ) async throws -> (value: Value, waited: Double) {
    let clock = ContinuousClock()
    let asked = clock.now
    do {
      return try await queue.run {
        let waited = (clock.now - asked) / .milliseconds(1)
        return (try await body(), waited)
      }
    } catch let full as AdmissionQueue.Full {
      metrics.turnedAway(from: queues.first { $0.queue === queue }?.name ?? "other")
      throw full
    }
  }

  /// Asks the database something small.
  func ask<Value: Sendable>(_ body: () async throws -> Value) async throws -> Value {
    try await admitted(to: queryQueue, body).value
  }
}

extension SearchCore {
  /// Runs a search whose subject is known.
  func search(_ subject: SearchSubject, _ options: SearchOptions) async throws -> SearchResult {
    try await search(subject, options, features: 0, waited: 0, since: .now)
  }

  /// Remembers an uploaded image by its features.
  /// - Returns: The subject that stands for it in links, and the time that it took.
  func take(
    upload file: [UInt8],
    name: String
  ) async throws -> (subject: SearchSubject, features: Double, waited: Double) {
    guard ContentType.image(file) != nil else {
      throw BackendError(
        .unreadableImage,
        "this is no image: JPEG, PNG, WebP, GIF, BMP and TIFF are read"
      )
    }
    let limit = configuration.limits.maximumPixels
    let (upload, waited) = try await admitted(to: extractionQueue) {
      try await threads.run { [images, metrics] in
        let clock = ContinuousClock()
        let start = clock.now
        let features = try await images.features(of: file, maximumPixels: limit)
        let milliseconds = (clock.now - start) / .milliseconds(1)
        metrics.extracted(milliseconds: milliseconds)
        let thumbnail = try await images.thumbnail(
          of: file,
          side: Thumbnail.uploadSide,
          maximumPixels: limit
        )
        return UploadCache.Upload(
          name: name,
          features: features,
          thumbnail: thumbnail,
          milliseconds: milliseconds
        )
      }
    }
    return (.upload(key: uploads.remember(upload)), upload.milliseconds, waited)
  }

  /// Uploads and searches in one go.
  func search(upload file: [UInt8], name: String, _ options: SearchOptions) async throws -> SearchResult {
    let start = ContinuousClock.now
    let taken = try await take(upload: file, name: name)
    return try await search(
      taken.subject,
      options,
      features: taken.features,
      waited: taken.waited,
      since: start
    )
  }

  private func search(
    _ subject: SearchSubject,
    _ options: SearchOptions,
    features: Double,
    waited: Double,
    since start: ContinuousClock.Instant
  ) async throws -> SearchResult {
    let upload = try remembered(subject)
    let query = SearchQuery(
      querySubject(subject, upload),
      count: options.count,
      label: options.label,
      exact: options.exact,
      efSearch: options.efSearch
    )
    let (found, waitedForQuery) = try await admitted(to: queryQueue) {
      (try await backend.search(query), try await label(of: subject))
    }
    metrics.queried(milliseconds: found.0.databaseMilliseconds)
    let timing = SearchResult.Timing(
      features: features,
      database: found.0.databaseMilliseconds,
      waiting: waited + waitedForQuery,
      total: (ContinuousClock.now - start) / .milliseconds(1)
    )
    return SearchResult(
      subject: subject,
      subjectLabel: found.1,
      subjectName: upload?.name,
      uploadMilliseconds: upload?.milliseconds,
      options: options,
      answer: found.0,
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
      guard vector.count == images.dimension else {
        throw HTTPError.invalid(
          "the vector has \(vector.count) numbers, the collection's have \(images.dimension)"
        )
      }
      return nil
    }
  }

  private func querySubject(_ subject: SearchSubject, _ upload: UploadCache.Upload?) -> SearchQuery.Subject {
    switch subject {
    case .id(let id): .id(id)
    case .upload: .vector(upload?.features ?? [])
    case .vector(let vector): .vector(vector)
    }
  }

  private func label(of subject: SearchSubject) async throws -> String? {
    guard case .id(let id) = subject else { return nil }
    return try await backend.image(id: id)?.label
  }
}

/// The collection's classes, asked for once a minute at most: the question reads the whole table.
actor ClassCache {
  private let backend: any SearchBackend
  private var labels: [String] = []
  private var readAt: ContinuousClock.Instant?
  private var reading: Task<[String], any Error>?

  init(backend: any SearchBackend) {
    self.backend = backend
  }

  /// The classes; the last ones known while the database does not answer.
  func known() async -> [String] {
    (try? await current()) ?? labels
  }

  /// The classes.
  /// - Throws: What the backend throws when they were never read.
  func current() async throws -> [String] {
    if let readAt, ContinuousClock.now - readAt < .seconds(60) { return labels }
    let task = reading ?? Task { [backend] in try await backend.labels() }
    reading = task
    defer { reading = nil }
    do {
      labels = try await task.value
      readAt = .now
    } catch {
      if readAt == nil { throw error }
    }
    return labels
  }
}

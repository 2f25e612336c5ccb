internal import FoundationEssentials
internal import HTTPTypes
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
    collection: SearchedCollection,
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
    let backend = collection.backend
    (self.backend, images, store) = (backend, collection.images, collection.store)
    self.metrics = metrics
    self.logger = logger
    self.queryQueue = queryQueue
    classes = ClassCache { limit in try await queryQueue.run { try await backend.classes(limit: limit) } }
    uploads = UploadCache(
      maximumBytes: load.uploadCache,
      folder: configuration.cacheFolder.map { UploadFolder($0 + "/uploads", maximumBytes: load.uploadFolder) }
    )
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
  var dimension: Int { images.dimension }

  /// Runs a search whose subject is known.
  func search(_ subject: SearchSubject, _ options: ImageQuery.Options) async throws -> SearchResult {
    try await search(subject, options, extraction: 0, waited: 0, since: .now)
  }

  /// Remembers an uploaded image by its embedding.
  /// - Returns: The subject that stands for it in links, and the time that it took.
  func take(
    upload file: [UInt8],
    name: String
  ) async throws -> (subject: SearchSubject, extraction: Double, waited: Double) {
    if let reason = images.uploadRefusal { throw BackendError(.uploadsRefused, reason) }
    guard ContentType.image(file) != nil else {
      throw BackendError(
        .unreadableImage,
        "this is not an image: \(ImageFormat.readable) can be read"
      )
    }
    let key = try await threads.run { UploadCache.key(of: file) }
    let identity = images.identity
    if var known = try await upload(key) {
      if !name.isEmpty, name != known.name {
        known.name = name
        try await threads.run { [uploads, known] in uploads.remember(known, key) }
      }
      return (.upload(key: key), known.milliseconds, 0)
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
          identity: identity,
          embedding: examined.embedding,
          thumbnail: examined.thumbnail,
          milliseconds: milliseconds
        )
      }
    }
    try await threads.run { [uploads] in uploads.remember(upload, key) }
    return (.upload(key: key), upload.milliseconds, waited)
  }

  /// Remembers the image at an address as an upload.
  func take(address text: String) async throws -> SearchSubject {
    guard configuration.fetchesAddresses else { throw HTTPError.invalid("this server fetches no images") }
    let limit = configuration.limits.maximumUploadBytes
    guard let address = ImageAddress(text) else { throw ImageAddress.refusal(limit) }
    return try await admitted(to: uploadMemoryQueue, units: limit) {
      let file = try await admitted(to: uploadQueue) {
        try await threads.run { [configuration] in try await configuration.fetch(address, limit) }
      }.value
      let name = ImageUpload.cleaned(URL(string: text)?.lastPathComponent ?? "")
      return try await take(upload: file, name: name).subject
    }.value
  }

  /// A remembered upload, if the model that reads uploads now made its embedding.
  func upload(_ key: String) async throws -> UploadCache.Upload? {
    try await threads.run { [uploads, images] in uploads.upload(key, madeBy: images.identity) }
  }

  /// Runs a search that began with an upload.
  func search(
    _ subject: SearchSubject,
    _ options: ImageQuery.Options,
    extraction: Double,
    waited: Double,
    since start: ContinuousClock.Instant
  ) async throws -> SearchResult {
    let upload = try await remembered(subject)
    let (found, waitedForQuery) = try await admitted(to: queryQueue) {
      var query = ImageQuery(try await querySubject(subject, upload), options)
      if subject.isSeveral {
        query.excluded = Set(subject.examples.like + subject.examples.unlike).sorted()
      }
      return (try await backend.search(query), try await row(of: subject))
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
      answer: found.0,
      timing: timing
    )
  }

  private func remembered(_ subject: SearchSubject) async throws -> UploadCache.Upload? {
    if let vector = subject.examples.vectors.first, vector.count != dimension {
      throw HTTPError.invalid("the vector has \(vector.count) numbers, the collection's have \(dimension)")
    }
    guard let key = subject.upload else { return nil }
    guard let upload = try await upload(key) else {
      throw HTTPError(
        .notFound,
        "upload_gone",
        "this upload is no longer remembered; choose or drop the image again, and the link works as before"
      )
    }
    return upload
  }

  private func querySubject(
    _ subject: SearchSubject,
    _ upload: UploadCache.Upload?
  ) async throws -> ImageQuery.Subject {
    if let id = subject.id { return .id(id) }
    var examples = subject.examples
    if let upload { examples.vectors.append(upload.embedding) }
    guard subject.isSeveral else { return .vector(examples.vectors.first ?? []) }
    return .vector(try await backend.vector(for: examples))
  }

  private func row(of subject: SearchSubject) async throws -> ImageRow? {
    guard let id = subject.id else { return nil }
    return try await backend.row(id: id)
  }
}

/// The collection's classes, as they were a short while ago: reading them reads the whole table.
actor ClassCache {
  /// The most classes that are read.
  static let maximum = 10_000

  private let read: @Sendable (_ limit: Int) async throws -> [ImageClass]
  private var classes: [ImageClass] = []
  private var wasRead = false
  private var reading: Task<[ImageClass], any Error>?
  private var nextReading = ContinuousClock.now

  /// - Parameter read: Reads at most `limit` classes, in their order.
  init(read: @escaping @Sendable (_ limit: Int) async throws -> [ImageClass]) {
    self.read = read
  }

  /// The classes that are known: a page neither waits for long nor fails because of them.
  func known() async -> [ImageClass] {
    startWhenDue()
    for _ in 0..<50 where reading != nil && !wasRead { try? await Task.sleep(for: .milliseconds(20)) }
    return classes
  }

  /// The classes.
  /// - Throws: What the backend throws when they were never read.
  func current() async throws -> [ImageClass] {
    startWhenDue(isNeeded: !wasRead)
    guard !wasRead, let reading else { return classes }
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
  private func finish(_ result: Result<[ImageClass], any Error>, took: Duration) {
    reading = nil
    switch result {
    case .success(let read):
      classes = read
      wasRead = true
      nextReading = .now + max(.seconds(60), took * 50)
    case .failure:
      nextReading = .now + max(.seconds(2), took * 50)
    }
  }
}

internal import Logging

/// What every route works with.
struct PageCore: Sendable {
  let configuration: PageConfiguration
  let backend: any SearchBackend
  let images: any ImageBackend
  let store: any ImageStore
  let metrics: PageMetrics
  let logger: Logger
  let labels: LabelMemory
  let uploads: UploadMemory
  let thumbnails: BoundedCache<ThumbnailKey, Thumbnail>
  let connections: ConnectionLedger
  let threads = BlockingExecutor(label: "adbvec.page.work")

  let extractionQueue: AdmissionQueue
  let queryQueue: AdmissionQueue
  let thumbnailQueue: AdmissionQueue
  let uploadQueue: AdmissionQueue

  init(
    _ configuration: PageConfiguration,
    backend: any SearchBackend,
    images: any ImageBackend,
    store: any ImageStore,
    registry: PrometheusRegistry,
    logger: Logger
  ) {
    let load = configuration.load
    let metrics = PageMetrics(registry: registry)
    func queue(_ capacity: Int, _ waiting: Int) -> AdmissionQueue {
      AdmissionQueue(capacity: capacity, maximumWaiting: waiting, patience: load.patience)
    }
    self.configuration = configuration
    self.backend = backend
    self.images = images
    self.store = store
    self.metrics = metrics
    self.logger = logger
    labels = LabelMemory(backend: backend)
    uploads = UploadMemory(maximumBytes: load.uploadMemory)
    thumbnails = BoundedCache(maximumCost: load.thumbnailMemory)
    connections = ConnectionLedger(maximum: configuration.limits.maximumConnections) {
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

/// What a client may ask for.
public struct PageLimits: Sendable, Hashable {
  /// The most results of one search.
  public var maximumCount = 500
  /// The most candidates that the index may keep (`ef_search`).
  public var maximumEfSearch = 1_000
  /// The most bytes of an uploaded image.
  public var maximumUploadBytes = 16 << 20
  /// The most bytes of a JSON request.
  public var maximumJSONBytes = 1 << 20
  /// The most pixels of an image; read from its header, before any pixel.
  public var maximumPixels = 40_000_000
  /// How long a client may take to send a request's body.
  public var uploadTime = Duration.seconds(30)
  /// How long a connection may be silent.
  public var idleTime = Duration.seconds(30)
  /// The most open connections; beyond it those that are idle longest are closed.
  public var maximumConnections = 4_096

  /// The defaults.
  public init() {}
}

/// How much runs at a time, and how much may wait.
public struct PageLoad: Sendable, Hashable {
  /// Feature extractions at a time.
  public var extractions = 2
  /// Extractions that may wait; more get 503 with Retry-After.
  public var waitingExtractions = 32
  /// Database queries at a time: as many as the pool has connections.
  public var queries = 8
  /// Queries that may wait.
  public var waitingQueries = 128
  /// Thumbnails made at a time.
  public var thumbnails = 2
  /// Thumbnails that may wait.
  public var waitingThumbnails = 512
  /// Uploads received at a time; bounds the memory that they take.
  public var uploads = 32
  /// How long any of them may wait.
  public var patience = Duration.seconds(10)
  /// The memory for thumbnails, in bytes.
  public var thumbnailMemory = 64 << 20
  /// The memory for remembered uploads, in bytes.
  public var uploadMemory = 16 << 20

  /// The defaults.
  public init() {}
}

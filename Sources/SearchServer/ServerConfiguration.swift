internal import Glibc

/// How the page is served.
public struct ServerConfiguration: Sendable {
  /// The address to listen on. Loopback unless told otherwise.
  public var host = "127.0.0.1"
  /// The port; 0 takes a free one.
  public var port = 8080
  /// The names under which browsers may ask for the page, without port; nil allows any.
  ///
  /// On loopback nil means `localhost`, `127.0.0.1` and `::1` only, so that a page of another site whose name is
  /// made to point here (DNS rebinding) gets nothing.
  public var allowedHosts: Set<String>?
  /// The secret that a client must give; nil asks for none.
  public var token: String?
  /// Whether the login's cookie is only sent over HTTPS: for a server behind a proxy that speaks TLS.
  public var securesCookie = false
  /// Whether the last proxy's word is taken for the client's address and for whether the client speaks HTTPS
  /// (`X-Forwarded-For`, `X-Forwarded-Proto`, `X-Forwarded-Host`). Only for a server that none but the proxy can reach.
  public var trustsProxy = false
  /// How long a login lasts.
  public var sessionTime = Duration.seconds(12 * 3_600)
  /// What the page calls the collection.
  public var collection = "images"
  /// Whether answers hold the search's SQL, which names the table and its columns.
  public var showsSQL = true
  /// A folder for what outlives the server: thumbnails, and the embeddings of uploads, so that links to their searches last;
  /// nil keeps both in memory.
  public var cacheFolder: String?
  /// Whether somebody may search with the address of an image on the web, which the server then fetches with curl: over HTTPS, and
  /// from public addresses only.
  public var fetchesAddresses = false
  /// Fetches an image of at most a number of bytes.
  var fetch: @Sendable (_ address: ImageAddress, _ maximumBytes: Int) async throws -> [UInt8] = {
    try await $0.fetch(maximumBytes: $1)
  }
  /// A folder with templates that replace the built-in ones, file by file.
  public var templates: String?
  /// What a client may ask for.
  public var limits = ServerLimits()
  /// How much runs at a time.
  public var load = ServerLoad()

  /// The defaults: loopback, port 8080, no token.
  public init() {}

  /// Whether only this machine can connect.
  public var isLoopback: Bool {
    host == "localhost" || host == "::1" || host.hasPrefix("127.")
  }

  /// The hosts that a request may name; nil allows any.
  var acceptedHosts: Set<String>? {
    allowedHosts ?? (isLoopback ? ["localhost", "127.0.0.1", "::1", host] : nil)
  }

  /// - Throws: ``ServerSetupError`` for a setting that cannot work.
  func check() throws {
    guard (0...65_535).contains(port) else {
      throw ServerSetupError("the port must be 0…65535, not \(port)")
    }
    if let token, token.utf8.count < 16 {
      throw ServerSetupError("the token has fewer than 16 characters; make one: openssl rand -hex 16")
    }
    guard limits.maximumCount >= 1, limits.maximumUploadBytes >= 1, limits.maximumPixels >= 1 else {
      throw ServerSetupError("the limits of the page must be positive")
    }
  }
}

/// Why the page cannot start: one line.
public struct ServerSetupError: Error, Sendable, Hashable, CustomStringConvertible {
  /// What is wrong and what to do.
  public let description: String

  init(_ description: String) {
    self.description = description
  }

  /// Why an address cannot be listened on.
  init(listening configuration: ServerConfiguration, _ code: Int32) {
    let (host, port) = (configuration.host, configuration.port)
    let place = "cannot listen on \(host), port \(port)"
    switch code {
    case EADDRINUSE:
      description =
        "\(place): another program does. Fix: choose another port with --port; 0 takes a free one."
    case EACCES, EPERM:
      description =
        "\(place): this user may not use ports below 1024. Fix: choose a port from 1024 on with --port."
    case EADDRNOTAVAIL, EAFNOSUPPORT:
      description =
        "\(place): this machine has no such address. Fix: --host 127.0.0.1, or 0.0.0.0 for all its addresses."
    default: description = "\(place): \(String(cString: strerror(code)))"
    }
  }

  init(unknownHost host: String) {
    description =
      "cannot listen on \(host): no address of this machine has that name. "
      + "Fix: --host 127.0.0.1, or 0.0.0.0 for all its addresses."
  }
}

/// What a client may ask for.
public struct ServerLimits: Sendable, Hashable {
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

  /// Lets this process open the files that `maximumConnections` need, as far as the system allows it, and lowers that number to what
  /// they suffice for: where files run out before it is reached, nobody is let in until an idle connection ends by itself.
  package mutating func fitToOpenFiles() {
    let resource = __rlimit_resource_t(RLIMIT_NOFILE.rawValue)
    var files = rlimit()
    guard getrlimit(resource, &files) == 0 else { return }
    // For the database, the images and the event loops.
    let others = 512
    let wanted = rlim_t(maximumConnections + others)
    if files.rlim_cur < wanted {
      var more = files
      more.rlim_cur = min(wanted, files.rlim_max)
      if setrlimit(resource, &more) == 0 { files = more }
    }
    let most = Int(clamping: files.rlim_cur)
    maximumConnections = min(maximumConnections, max(most / 2, most - others))
  }
}

/// How much runs at a time, and how much may wait.
public struct ServerLoad: Sendable, Hashable {
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
  /// Uploads received at a time; more get 503 at once.
  public var uploads = 32
  /// How long any of them may wait.
  public var patience = Duration.seconds(10)
  /// The memory for uploaded files from their first byte until they are decoded, in bytes.
  public var uploadMemory = 128 << 20
  /// The memory for decoding images, in bytes; an image that needs more is decoded alone.
  public var decodingMemory = 256 << 20
  /// The memory for made thumbnails, in bytes.
  public var thumbnailCache = 64 << 20
  /// The disk space for made thumbnails in the folder of `ServerConfiguration.cacheFolder`, in bytes.
  public var diskCache = 256 << 20
  /// The memory for the embeddings and thumbnails of remembered uploads, in bytes.
  public var uploadCache = 16 << 20
  /// The room on disk for them, in bytes.
  public var uploadFolder = 256 << 20

  /// The defaults.
  public init() {}
}

import Basics
import ArgumentParser
import CommandSupport
import FoundationEssentials
import ImageCodecs
import ImageSearch
import Inference
import Ingestion
import LocalPostgres
import Logging
import SearchServer
import ServiceLifecycle
import VectorSQL

/// `adbvec serve`.
struct ServeCommand: AsyncParsableCommand, InterruptibleCommand {
  static let configuration = CommandConfiguration(
    commandName: "serve",
    abstract: "Serve the search page and its JSON API.",
    discussion: """
      Only this machine can connect unless --host says otherwise. The page shows images of the collection that \
      --images names, and no other file. With ADBVEC_TOKEN or --token-file, whoever connects must give the token.

        adbvec serve --images ~/Pictures
        adbvec serve --images train.bin --host 0.0.0.0 --token-file token
        adbvec serve --images ~/Pictures --token-file token --trust-proxy

      The link of a search by an upload holds the SHA-256 of the image. Its embedding and a thumbnail are kept in \
      --cache, so that the link survives a restart. --trust-proxy is for a server that only its proxy can reach.

      The API is described at /openapi.json; /health, /ready and /metrics are for those who run it.
      """
  )

  @Option(
    help: ArgumentHelp(
      "The folder or CIFAR file that was loaded; without it no image is shown.",
      valueName: "path"
    ),
    completion: .file()
  )
  var images: String?

  /// The name of --images in version 1.
  @Option(help: .hidden)
  var pictures: String?

  @Option(help: ArgumentHelp("The address to listen on.", valueName: "address"))
  var host = "127.0.0.1"

  @Option(name: .shortAndLong, help: ArgumentHelp("The port; 0 takes a free one.", valueName: "number"))
  var port = 8080

  @Option(
    help: ArgumentHelp("A file with the token that clients must give.", valueName: "file"),
    completion: .file()
  )
  var tokenFile: String?

  @Option(
    help: ArgumentHelp(
      "A name under which browsers may ask; repeat it for more. On loopback: localhost.",
      valueName: "name"
    )
  )
  var allowHost: [String] = []

  @Flag(help: "Send the login's cookie over HTTPS only: for a server behind a proxy that speaks TLS.")
  var secureCookie = false

  @Flag(
    help:
      "Believe X-Forwarded-For, -Proto and -Host: the server is behind a proxy, and nobody else can reach it."
  )
  var trustProxy = false

  @Flag(help: "Take addresses of images on the web, and fetch them: over HTTPS, from public addresses only.")
  var urlInput = false

  @Option(
    help: ArgumentHelp("What the page calls the collection; the table's name by default.", valueName: "text")
  )
  var title: String?

  @Flag(help: "Show no SQL, on the page and in the API: it names the table and its columns.")
  var hideSQL = false

  @Option(
    help: ArgumentHelp(
      "Where thumbnails and uploads' embeddings are kept, or none; the user's cache by default.",
      valueName: "folder"
    ),
    completion: .directory
  )
  var cache: String?

  @Option(
    help: ArgumentHelp("Files in it replace the page's own, by name.", valueName: "folder"),
    completion: .directory
  )
  var templates: String?

  @Option(help: ArgumentHelp("The largest upload, in MiB.", valueName: "size"))
  var maxUpload = 16

  @Option(help: ArgumentHelp("Connections to the database.", valueName: "count"))
  var connections = 8

  @Option(help: ArgumentHelp("The longest that the database may take for a search.", valueName: "seconds"))
  var searchLimit = 30

  @OptionGroup(title: "Feature options") var features: FeatureOptions
  @OptionGroup(title: "Global options") var global: GlobalOptions

  func validate() throws {
    try checkRange("--port", port, 0...65_535)
    guard (1...1_024).contains(maxUpload) else { throw ValidationError("--max-upload must be 1…1024") }
    guard (1...100).contains(connections) else { throw ValidationError("--connections must be 1…100") }
    guard (1...3_600).contains(searchLimit) else { throw ValidationError("--search-limit must be 1…3600") }
  }

  mutating func run() async throws {
    let settings = try global.settings(features.flags)
    let pool = SearchConnections(
      try settings.connectionSettings(),
      maximum: connections,
      limit: .seconds(searchLimit)
    )
    let query = try await readQuery(settings, pool)
    let recorded = try await Self.recipe(of: query, pool)
    let images = try extractors(settings, recorded, query)
    if let dimension = query.dimension, dimension != images.dimension {
      Terminal.warning(
        "the vectors of \(query.name.quoted) have \(dimension) numbers, the model's \(images.dimension), so that uploads are "
          + "refused until a load records another model. Fix: choose the model that filled the table with --model, "
          + "--weights and --feature"
      )
    }
    let logger = Self.logger(verbose: global.verbose)
    let followed = FollowedTable(
      .init(query, recipe: recorded?.recipe, images: images),
      metric: try settings.chosenMetric(),
      connections: pool,
      hidesNames: hideSQL,
      load: { recorded in
        let next = try FeatureOptions.load(recorded)
        return ExtractorPool(
          next.model,
          name: next.model.network.architecture.name,
          identity: next.recipe.json,
          decoding: next.decoding
        )
      },
      onChange: { logger.notice("\($0)") }
    )
    let following = Task { await followed.follow() }
    defer { following.cancel() }
    let page = try SearchPage(
      configuration: try configuration(settings, query),
      collection: SearchedCollection(backend: followed, images: followed, store: try store()),
      logger: logger,
      onRunning: { Output.announce("serving \($0)") }
    )
    try await Self.serve(page)
    await pool.close()
  }

  /// The model for uploads. A table can be looked at without its model's weights: unless they were asked for, the page
  /// then serves everything else.
  private func extractors(
    _ settings: Settings,
    _ recorded: RecordedRecipe?,
    _ table: ImageTable
  ) throws -> any ImageBackend {
    do {
      let prepared = try features.prepare(settings, for: recorded)
      return ExtractorPool(
        prepared.model,
        name: settings[.model]?.text ?? prepared.model.network.architecture.name,
        identity: prepared.recipe.json,
        decoding: prepared.decoding
      )
    } catch let error
      where settings[.weights] == nil && settings[.projection] == nil && !(error is RecipeMismatch)
    {
      Terminal.warning("uploads are refused, since their model cannot be loaded: \(error)")
      return UnavailableImages(dimension: table.dimension ?? 0)
    }
  }

  private func readQuery(_ settings: Settings, _ pool: SearchConnections) async throws -> ImageTable {
    let (table, dialect, metric) = (
      try settings.imageTable(), try settings.sqlDialect(), try settings.chosenMetric()
    )
    return try await pool.withConnection {
      try await table.read(dialect: dialect, metric: metric, from: $0)
    }
  }

  /// What made the table's vectors: uploads are treated alike.
  private static func recipe(of table: ImageTable, _ pool: SearchConnections) async throws -> RecordedRecipe?
  {
    try await pool.withConnection { try await table.recordedRecipe(on: $0) }
  }

  private func store() throws -> any ImageStore {
    guard let images = images ?? pictures else {
      Terminal.warning("no image is shown, only placeholders: name the collection with --images")
      return NoImages()
    }
    return try CollectionFiles(path: images)
  }

  private func configuration(_ settings: Settings, _ query: ImageTable) throws -> ServerConfiguration {
    var page = ServerConfiguration()
    page.host = host
    page.port = port
    page.allowedHosts = allowHost.isEmpty ? nil : Set(allowHost.map { $0.lowercased() })
    page.token = try token(settings)
    page.securesCookie = secureCookie
    page.trustsProxy = trustProxy
    page.fetchesAddresses = urlInput
    page.collection = title ?? (hideSQL ? "images" : query.name.display)
    page.showsSQL = !hideSQL
    page.cacheFolder = try cacheFolder(settings)
    page.templates = templates
    page.limits.fitToOpenFiles()
    page.limits.maximumUploadBytes = maxUpload << 20
    page.limits.maximumPixels = features.decoding.pixelLimit ?? 40_000_000
    // One connection stays free for /ready.
    page.load.queries = max(1, connections - 1)
    page.load.extractions = ProcessInfo.processInfo.activeProcessorCount
    if !page.isLoopback, page.token == nil {
      Terminal.warning(
        "whoever reaches \(host) can search: set ADBVEC_TOKEN or --token-file to ask for a token"
      )
    }
    return page
  }

  /// The folder for what outlives the server; nil keeps it in memory, as where this user can write no cache.
  private func cacheFolder(_ settings: Settings) throws -> String? {
    guard cache != "none" else { return nil }
    for folder in cache.map({ [$0] }) ?? CacheFolders.candidates(settings.environment) {
      try? FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
      if FileManager.default.isWritableFile(atPath: folder) { return folder }
    }
    guard cache == nil else {
      throw CommandFailure("the folder of --cache, \(cache ?? ""), cannot be written", exitCode: 64)
    }
    return nil
  }

  private func token(_ settings: Settings) throws -> String? {
    guard let tokenFile else { return settings.environment["ADBVEC_TOKEN"].flatMap { $0.isEmpty ? nil : $0 } }
    guard let text = try? String(contentsOfFile: tokenFile, encoding: .utf8) else {
      throw CommandFailure("the token file \(tokenFile) cannot be read", exitCode: 64)
    }
    return text.trimmingWhitespace()
  }

  private static func logger(verbose: Bool) -> Logger {
    var logger = Logger(label: "adbvec", factory: { StreamLogHandler.standardError(label: $0) })
    logger.logLevel = verbose ? .info : .error
    return logger
  }

  var interruption: String { "interrupted; the page is no longer served" }

  /// A little more than the requests get.
  var drain: Duration { Self.longestRequest + .seconds(2) }

  private static let longestRequest = Duration.seconds(30)

  /// Serves until this task is cancelled, as an interrupt does; then finishes the requests that began.
  private static func serve(_ page: SearchPage) async throws {
    var configuration = ServiceGroupConfiguration(services: [page], logger: logger(verbose: false))
    configuration.maximumGracefulShutdownDuration = longestRequest
    let group = ServiceGroup(configuration: configuration)
    let serving = Task { try await group.run() }
    try await withTaskCancellationHandler {
      try await serving.value
    } onCancel: {
      Task { await group.triggerGracefulShutdown() }
    }
  }
}

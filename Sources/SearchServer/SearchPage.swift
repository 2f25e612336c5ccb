public import Hummingbird
internal import HummingbirdCore
public import Logging
public import ServiceLifecycle
internal import NIOCore

/// The collection behind a page.
public struct SearchedCollection: Sendable {
  /// The table of images.
  public let backend: any SearchBackend
  /// The model and the thumbnails; both run on threads of their own.
  public let images: any ImageBackend
  /// The collection's image files.
  public let store: any ImageStore

  /// A collection from its parts.
  public init(backend: any SearchBackend, images: any ImageBackend, store: any ImageStore) {
    self.backend = backend
    self.images = images
    self.store = store
  }
}

/// The search page and its JSON API, as a service.
///
/// ```swift
/// var configuration = ServerConfiguration()
/// configuration.port = 8080
/// let collection = SearchedCollection(backend: backend, images: images, store: store)
/// let page = try SearchPage(configuration: configuration, collection: collection)
/// try await page.run()
/// ```
public struct SearchPage: Service {
  private let core: SearchCore
  private let templates: PageTemplates
  private let onRunning: @Sendable (String) async -> Void

  /// A page over a collection.
  ///
  /// - Parameters:
  ///   - configuration: Address, token, limits.
  ///   - collection: The images that are searched.
  ///   - metrics: Where the numbers of `/metrics` are kept; hand it to swift-metrics to show others' numbers too.
  ///   - logger: Where failures are written; never a vector, token or image.
  ///   - onRunning: Called with the page's address once it listens.
  /// - Throws: ``ServerSetupError``.
  public init(
    configuration: ServerConfiguration,
    collection: SearchedCollection,
    metrics: PrometheusRegistry = PrometheusRegistry(),
    logger: Logger = Logger(label: "adbvec.page"),
    onRunning: @escaping @Sendable (_ address: String) async -> Void = { _ in }
  ) throws {
    try configuration.check()
    templates = try PageTemplates(folder: configuration.templates)
    core = SearchCore(configuration, collection: collection, registry: metrics, logger: logger)
    self.onRunning = onRunning
  }

  /// Serves until the task is cancelled or its service group shuts down; requests that began are answered first.
  ///
  /// - Throws: ``ServerSetupError`` when the address cannot be listened on.
  public func run() async throws {
    do {
      try await application().run()
    } catch let error as IOError {
      throw ServerSetupError(listening: core.configuration, error.errnoCode)
    } catch is SocketAddressError.UnknownHost {
      throw ServerSetupError(unknownHost: core.configuration.host)
    }
  }

  /// The server behind ``run()``, for tests and for services that add routes of their own in front of it.
  public func application() -> some ApplicationProtocol {
    let configuration = core.configuration
    return Application(
      router: router(),
      server: .http1(configuration: channel()),
      configuration: ApplicationConfiguration(
        address: .hostname(configuration.host, port: configuration.port),
        backlog: 1_024
      ),
      onServerRunning: { [onRunning] channel in
        let port = channel.localAddress?.port ?? configuration.port
        let host = configuration.host.contains(":") ? "[\(configuration.host)]" : configuration.host
        await onRunning("http://\(host):\(port)/")
      },
      logger: core.logger
    )
  }

  private func router() -> Router<PageContext> {
    let page = PageRenderer(core: core, templates: templates)
    let configuration = core.configuration
    let sessions = configuration.token.map { Sessions(token: $0, lifetime: configuration.sessionTime) }
    let proxies = ProxyHeaders(
      areTrusted: configuration.trustsProxy,
      isAlwaysSecure: configuration.securesCookie
    )
    let router = Router(context: PageContext.self)
    router.add(middleware: CompressionMiddleware())
    router.add(middleware: ErrorMiddleware(core: core, page: page))
    router.add(
      middleware: RequestGate(
        acceptedHosts: configuration.acceptedHosts,
        sessions: sessions,
        proxies: proxies
      )
    )
    PageRoutes(core: core, page: page, sessions: sessions, proxies: proxies).add(to: router)
    APIRoutes(core: core).add(to: router)
    OperationRoutes(core: core, templates: templates).add(to: router)
    return router
  }

  private func channel() -> HTTP1Channel.Configuration {
    let idle = core.configuration.limits.idleTime.components
    return HTTP1Channel.Configuration(
      additionalChannelHandlers: [OpenConnectionsHandler(connections: core.connections)],
      idleTimeout: .seconds(idle.seconds) + .nanoseconds(idle.attoseconds / 1_000_000_000),
      httpDecoderConfiguration: .init(
        maxHeaderFieldSize: 8_192,
        maxHeaderListSize: 32_768,
        maxHeaderFieldCount: 100
      )
    )
  }
}

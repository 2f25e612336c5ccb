internal import HTTPTypes
internal import Hummingbird

/// What those who run the server ask it.
struct OperationRoutes {
  let core: SearchCore
  let templates: PageTemplates

  func add(to router: Router<PageContext>) {
    router.address("/health", [.get: { _, _ in JSONBody.response(StatusBody(status: "ok")) }])
    router.address("/ready", [.get: { _, _ in try await ready() }])
    router.address("/metrics", [.get: { _, _ in metrics() }])
    router.address("/openapi.json", [.get: { _, _ in try document() }])
  }

  /// Ready means that the database answers; asked outside the queue, so that a full one does not look like a loss.
  private func ready() async throws -> Response {
    do {
      try await core.backend.checkConnection()
    } catch {
      throw HTTPError.unavailable("the database does not answer", retryAfter: 2)
    }
    return JSONBody.response(StatusBody(status: "ready"))
  }

  private func metrics() -> Response {
    core.metrics.sample(queues: core.queues, connections: core.connections)
    return Response(
      status: .ok,
      headers: [.contentType: PrometheusText.contentType],
      body: ResponseBody(byteBuffer: ByteBuffer(string: core.metrics.registry.text()))
    )
  }

  private func document() throws -> Response {
    Response(
      status: .ok,
      headers: [.contentType: "application/json"],
      body: ResponseBody(
        byteBuffer: ByteBuffer(string: try templates.render(OpenAPIView(core), "openapi.json"))
      )
    )
  }
}

/// What the OpenAPI document says about this server in particular.
struct OpenAPIView {
  let dimension: Int
  let k: Int
  let usualK: Int
  let ef: Int
  let uploadBytes: Int
  let jsonBytes: Int
  let pixels: Int
  let sides: String
  let usualSide: Int
  let needsToken: Bool

  init(_ core: SearchCore) {
    let limits = core.configuration.limits
    dimension = core.dimension
    k = limits.maximumCount
    usualK = SearchOptions.defaultCount
    ef = limits.maximumEfSearch
    uploadBytes = limits.maximumUploadBytes
    jsonBytes = limits.maximumJSONBytes
    pixels = limits.maximumPixels
    sides = Thumbnail.sides.map(String.init).joined(separator: ", ")
    usualSide = Thumbnail.usualSide
    needsToken = core.configuration.token != nil
  }
}

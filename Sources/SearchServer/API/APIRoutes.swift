internal import Basics
internal import FoundationEssentials
internal import HTTPTypes
internal import Hummingbird
internal import ImageSearch

/// The JSON API.
struct APIRoutes {
  let core: SearchCore

  func add(to router: Router<PageContext>) {
    router.address("/api/v1", [.get: { request, _ in try info(request) }])
    router.address("/api/v1/classes", [.get: { request, _ in try await classes(request) }])
    router.address(
      "/api/v1/search",
      [
        .get: { request, _ in try await search(request) },
        .post: { request, _ in try await searchJSON(request) },
      ]
    )
    router.address("/api/v1/search/image", [.post: { request, _ in try await searchImage(request) }])
    router.address("/api/v1/images", [.get: { request, _ in try await sample(request) }])
    router.address("/api/v1/images/:id", [.get: { try await image($0, $1) }])
    router.address("/api/v1/images/:id/file", [.get: { try await file($0, $1) }])
    router.address("/api/v1/images/:id/thumbnail", [.get: { try await thumbnail($0, $1) }])
    router.address("/api/v1/uploads/:key/search", [.get: { try await searchUpload($0, $1) }])
    router.address("/api/v1/uploads/:key/thumbnail", [.get: { try await uploadThumbnail($0, $1) }])
  }

  private var limits: ServerLimits { core.configuration.limits }

  private func info(_ request: Request) throws -> Response {
    _ = try QueryParameters(request.uri, allowed: [])
    return JSONBody.response(
      InfoBody(
        collection: core.configuration.collection,
        model: core.images.model,
        dimension: core.dimension,
        limits: .init(
          k: limits.maximumCount,
          ef: limits.maximumEfSearch,
          upload_bytes: limits.maximumUploadBytes,
          pixels: limits.maximumPixels
        )
      )
    )
  }

  private func classes(_ request: Request) async throws -> Response {
    _ = try QueryParameters(request.uri, allowed: [])
    let classes = try await core.classes.current()
    return JSONBody.response(
      ClassesBody(
        classes: classes.map(\.name),
        counts: classes.map(\.count),
        complete: classes.count < ClassCache.maximum
      )
    )
  }

  private func search(_ request: Request) async throws -> Response {
    let parameters = try QueryParameters(
      request.uri,
      allowed: ImageQuery.Options.names.union(SearchSubject.names),
      repeated: SearchSubject.repeatedNames
    )
    guard let subject = try SearchSubject(parameters) else { throw HTTPError.invalid("id is missing") }
    return answer(try await core.search(subject, try ImageQuery.Options(parameters, limits)))
  }

  private func searchUpload(_ request: Request, _ context: PageContext) async throws -> Response {
    let options = try ImageQuery.Options(
      try QueryParameters(request.uri, allowed: ImageQuery.Options.names),
      limits
    )
    let key = context.parameters.get("key") ?? ""
    guard UploadCache.isKey(key) else { throw HTTPError.notFound("no upload has that key") }
    return answer(try await core.search(.upload(key: key), options))
  }

  private func searchJSON(_ request: Request) async throws -> Response {
    _ = try QueryParameters(request.uri, allowed: [])
    let type = ContentType(request.headers[.contentType])
    guard type?.type == "application/json", (type?.parameters["charset"] ?? "utf-8").lowercased() == "utf-8"
    else {
      throw HTTPError.wrongType("a search is application/json; images go to /api/v1/search/image")
    }
    let reader = BodyReader(maximumBytes: limits.maximumJSONBytes, time: limits.uploadTime)
    let body = try await core.admitted(to: core.uploadQueue) { try await reader.read(request) }.value
    let search = try JSONSearchRequest.read(body, limits)
    return answer(try await core.search(search.subject, search.options))
  }

  private func searchImage(_ request: Request) async throws -> Response {
    let start = ContinuousClock.now
    let options = try ImageQuery.Options(
      try QueryParameters(request.uri, allowed: ImageQuery.Options.names),
      limits
    )
    let (subject, extraction, waited) = try await ImageUpload.with(request, core, fields: []) { upload in
      guard !upload.file.isEmpty else {
        throw HTTPError(.unprocessableContent, "unreadable_image", "the request holds no image")
      }
      return try await core.take(upload: upload.file, name: upload.name)
    }
    return answer(
      try await core.search(subject, options, extraction: extraction, waited: waited, since: start)
    )
  }

  private func answer(_ result: SearchResult) -> Response {
    var response = JSONBody.response(SearchBody(result, showsSQL: core.configuration.showsSQL))
    response.headers[.serverTiming] = result.timing.header
    return response
  }
}

extension HTTPField.Name {
  static var serverTiming: HTTPField.Name { HTTPField.Name("Server-Timing") ?? .date }
}

extension APIRoutes {
  func sample(_ request: Request) async throws -> Response {
    let parameters = try QueryParameters(request.uri, allowed: ["k", "class"])
    let options = try ImageQuery.Options(parameters, core.configuration.limits)
    let images = try await core.ask { try await core.backend.sample(options.topK, class: options.class) }
    return JSONBody.response(SampleBody(images: images.map { ImageBody($0) }))
  }

  func image(_ request: Request, _ context: PageContext) async throws -> Response {
    _ = try QueryParameters(request.uri, allowed: [])
    let id = try Self.id(context)
    guard let image = try await core.ask({ try await core.backend.row(id: id) }) else {
      throw HTTPError.notFound("the collection has no image \(id)")
    }
    return JSONBody.response(ImageBody(image))
  }

  func file(_ request: Request, _ context: PageContext) async throws -> Response {
    _ = try QueryParameters(request.uri, allowed: [])
    return try await ImageResponse.make(
      request,
      try await core.file(id: try Self.id(context)).file,
      core.threads
    )
  }

  func thumbnail(_ request: Request, _ context: PageContext) async throws -> Response {
    let parameters = try QueryParameters(request.uri, allowed: ["side"])
    let side = try Self.side(parameters)
    let thumbnail = try await core.thumbnail(id: try Self.id(context), digest: nil, side: side)
    return ImageResponse.make(request, thumbnail)
  }

  func uploadThumbnail(_ request: Request, _ context: PageContext) async throws -> Response {
    _ = try QueryParameters(request.uri, allowed: [])
    let key = context.parameters.get("key") ?? ""
    guard UploadCache.isKey(key), let upload = try await core.upload(key) else {
      throw HTTPError.notFound("this upload is no longer remembered")
    }
    let type = try SearchCore.type(of: upload.thumbnail)
    return ImageResponse.make(request, Thumbnail(bytes: upload.thumbnail, type: type, version: key))
  }

  static func id(_ context: PageContext) throws -> ImageID {
    let text = context.parameters.get("id") ?? ""
    return try QueryParameters.imageID(QueryParameters.percentDecoded(text) ?? "")
  }

  static func side(_ parameters: QueryParameters) throws -> Int {
    guard let side = try parameters.integer("side", in: 1...4_096) else { return Thumbnail.usualSide }
    guard Thumbnail.sides.contains(Int(side)) else {
      throw HTTPError.invalid("side must be \(Thumbnail.sides.map(String.init).joined(separator: ", "))")
    }
    return Int(side)
  }
}

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
    usualK = ImageQuery.Options.usual.topK
    ef = limits.maximumEfSearch
    uploadBytes = limits.maximumUploadBytes
    jsonBytes = limits.maximumJSONBytes
    pixels = limits.maximumPixels
    sides = Thumbnail.sides.map(String.init).joined(separator: ", ")
    usualSide = Thumbnail.usualSide
    needsToken = core.configuration.token != nil
  }
}

internal import HTTPTypes
internal import Hummingbird

/// The JSON API.
struct APIRoutes {
  let core: PageCore

  func add(to router: Router<BasicRequestContext>) {
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
    router.address("/api/v1/uploads/:key/thumbnail", [.get: { try uploadThumbnail($0, $1) }])
  }

  private var limits: PageLimits { core.configuration.limits }

  private func info(_ request: Request) throws -> Response {
    _ = try QueryParameters(request.uri, allowed: [])
    return JSONBody.response(
      InfoBody(
        collection: core.configuration.collection,
        model: core.images.model,
        dimension: core.images.dimension,
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
    return JSONBody.response(ClassesBody(classes: try await core.ask { try await core.labels.current() }))
  }

  private func search(_ request: Request) async throws -> Response {
    let parameters = try QueryParameters(request.uri, allowed: SearchOptions.names.union(["id"]))
    guard let subject = try SearchSubject(parameters) else { throw Fault.invalid("id is missing") }
    return answer(try await core.search(subject, try SearchOptions(parameters, limits)))
  }

  private func searchUpload(_ request: Request, _ context: BasicRequestContext) async throws -> Response {
    let options = try SearchOptions(try QueryParameters(request.uri, allowed: SearchOptions.names), limits)
    return answer(try await core.search(.upload(key: context.parameters.get("key") ?? ""), options))
  }

  private func searchJSON(_ request: Request) async throws -> Response {
    _ = try QueryParameters(request.uri, allowed: [])
    let type = ContentType(request.headers[.contentType])
    guard type?.type == "application/json", (type?.parameters["charset"] ?? "utf-8").lowercased() == "utf-8"
    else {
      throw Fault.wrongType("a search is application/json; images go to /api/v1/search/image")
    }
    let reader = BodyReader(maximumBytes: limits.maximumJSONBytes, time: limits.uploadTime)
    let body = try await core.admitted(to: core.uploadQueue) { try await reader.read(request) }.value
    let search = try JSONSearchRequest.read(body, limits)
    return answer(try await core.search(search.subject, search.options))
  }

  private func searchImage(_ request: Request) async throws -> Response {
    let options = try SearchOptions(try QueryParameters(request.uri, allowed: SearchOptions.names), limits)
    let upload = try await ImageUpload.read(request, core, fields: [])
    guard !upload.file.isEmpty else {
      throw Fault(.unprocessableContent, "unreadable-image", "the request holds no image")
    }
    return answer(try await core.search(upload: upload.file, name: upload.name, options))
  }

  private func answer(_ result: SearchResult) -> Response {
    var response = JSONBody.response(SearchBody(result))
    response.headers[.serverTiming] = result.timing.header
    return response
  }
}

extension HTTPField.Name {
  static var serverTiming: HTTPField.Name { HTTPField.Name("Server-Timing") ?? .date }
}

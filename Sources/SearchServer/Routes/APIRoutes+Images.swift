internal import HTTPTypes
internal import Hummingbird

extension APIRoutes {
  func sample(_ request: Request) async throws -> Response {
    let parameters = try QueryParameters(request.uri, allowed: ["k", "class"])
    let options = try SearchOptions(parameters, core.configuration.limits)
    let images = try await core.ask { try await core.backend.sample(options.count, label: options.label) }
    return JSONBody.response(SampleBody(images: images.map { ImageBody($0) }))
  }

  func image(_ request: Request, _ context: BasicRequestContext) async throws -> Response {
    _ = try QueryParameters(request.uri, allowed: [])
    let id = try Self.id(context)
    guard let image = try await core.ask({ try await core.backend.image(id: id) }) else {
      throw Fault.notFound("the collection has no image \(id)")
    }
    return JSONBody.response(ImageBody(image))
  }

  func file(_ request: Request, _ context: BasicRequestContext) async throws -> Response {
    _ = try QueryParameters(request.uri, allowed: [])
    let file = try await core.file(id: try Self.id(context))
    let type = try PageCore.type(of: file.bytes)
    return ImageAnswer.response(request, bytes: file.bytes, type: type, version: file.version)
  }

  func thumbnail(_ request: Request, _ context: BasicRequestContext) async throws -> Response {
    let parameters = try QueryParameters(request.uri, allowed: ["side"])
    let side = try Self.side(parameters)
    let thumbnail = try await core.thumbnail(id: try Self.id(context), side: side)
    return ImageAnswer.response(request, thumbnail)
  }

  func uploadThumbnail(_ request: Request, _ context: BasicRequestContext) throws -> Response {
    _ = try QueryParameters(request.uri, allowed: [])
    let key = context.parameters.get("key") ?? ""
    guard RandomKey.isKey(key), let upload = core.uploads[key] else {
      throw Fault.notFound("this upload is no longer remembered")
    }
    let type = try PageCore.type(of: upload.thumbnail)
    return ImageAnswer.response(request, Thumbnail(bytes: upload.thumbnail, type: type, version: key))
  }

  static func id(_ context: BasicRequestContext) throws -> Int64 {
    let text = context.parameters.get("id") ?? ""
    guard text.utf8.allSatisfy({ (48...57).contains($0) }), let id = Int64(text) else {
      throw Fault.invalid("an id is a whole number, 0…\(Int64.max)")
    }
    return id
  }

  static func side(_ parameters: QueryParameters) throws -> Int {
    guard let side = try parameters.integer("side", in: 1...4_096) else { return Thumbnail.usualSide }
    guard Thumbnail.sides.contains(Int(side)) else {
      throw Fault.invalid("side must be \(Thumbnail.sides.map(String.init).joined(separator: ", "))")
    }
    return Int(side)
  }
}

/// Answers that are images.
enum ImageAnswer {
  static func response(_ request: Request, _ thumbnail: Thumbnail) -> Response {
    response(request, bytes: thumbnail.bytes, type: thumbnail.type, version: thumbnail.version)
  }

  static func response(_ request: Request, bytes: [UInt8], type: String, version: String) -> Response {
    let tag = "\"\(version)\""
    var headers: HTTPFields = [
      .eTag: tag,
      .cacheControl: "private, max-age=3600",
      .contentSecurityPolicy: "default-src 'none'; sandbox",
    ]
    if request.headers[.ifNoneMatch] == tag { return Response(status: .notModified, headers: headers) }
    headers[.contentType] = type
    return Response(status: .ok, headers: headers, body: ResponseBody(byteBuffer: ByteBuffer(bytes: bytes)))
  }
}

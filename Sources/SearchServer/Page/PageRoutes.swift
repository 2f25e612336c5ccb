internal import HTTPTypes
internal import Basics
internal import Hummingbird
internal import ImageSearch

/// The page for people.
struct PageRoutes {
  let core: SearchCore
  let page: PageRenderer
  let sessions: Sessions?
  let proxies: ProxyHeaders

  private static let names = ImageQuery.Options.names.union(SearchSubject.names).union(["lang"])
  /// The form sends a typed id as `id`, and the examples before as `also` and `not`.
  private static let formNames = ImageQuery.Options.names.union(["id", "upload", "address", "also", "not"])
  private static let sampleSize = 24

  func add(to router: Router<PageContext>) {
    router.address("/", [.get: { request, _ in try await show(request) }])
    router.address("/results.csv", [.get: { request, _ in try await csv(request) }])
    router.address("/search", [.post: { request, _ in try await search(request) }])
    router.address("/thumbnails/:id", [.get: { try await thumbnail($0, $1) }])
    router.address("/images/:id", [.get: { try await detail($0, $1) }])
    for name in PageTemplates.addressed {
      router.address("/assets/\(name)", [.get: { request, _ in try asset(name, request) }])
    }
    guard let sessions else { return }
    router.address(
      "/login",
      [
        .get: { request, _ in
          let parameters = try QueryParameters(request.uri, allowed: ["return", "lang", "ended"])
          return try page.speaking(to: request).login(
            parameters.text("ended") == nil ? .first : .ended,
            returnPath: ReturnPath.checked(parameters.text("return"))
          )
        },
        .post: { request, context in try await login(request, sessions, context) },
      ]
    )
    router.address(
      "/logout",
      [
        .post: { request, _ in
          let cookie = sessions.logOut(request, isSecure: proxies.isSecure(request))
          return Response(status: .seeOther, headers: [.location: "/login", .setCookie: cookie])
        }
      ]
    )
  }

  /// The subject and the options of a link.
  private func read(_ request: Request) throws -> (SearchSubject?, ImageQuery.Options) {
    let parameters = try QueryParameters(
      request.uri,
      allowed: Self.names,
      repeated: SearchSubject.repeatedNames
    )
    return (try SearchSubject(parameters), try ImageQuery.Options(parameters, core.configuration.limits))
  }

  private func show(_ request: Request) async throws -> Response {
    let page = page.speaking(to: request)
    let (subject, options) = try read(request)
    do {
      guard let subject else {
        let images = try await core.ask {
          try await core.backend.sample(Self.sampleSize, class: options.class)
        }
        return try await page.start(images, options)
      }
      return try await page.answer(try await core.search(subject, options))
    } catch {
      guard let problem = HTTPError(error) else { throw error }
      return await page.failure(problem, subject, options)
    }
  }

  /// An image by itself.
  private func detail(_ request: Request, _ context: PageContext) async throws -> Response {
    let (subject, options) = try read(request)
    let page = page.speaking(to: request)
    do {
      return try await page.detail(
        try await core.detail(try APIRoutes.id(context), of: subject, options)
      )
    } catch {
      guard let problem = HTTPError(error) else { throw error }
      return await page.failure(problem, subject, options)
    }
  }

  /// A search's results as a file that spreadsheets and programs read (RFC 4180).
  private func csv(_ request: Request) async throws -> Response {
    let (subject, options) = try read(request)
    guard let subject else { throw HTTPError.invalid("give id or upload") }
    let result = try await core.search(subject, options)
    let lines = result.answer.hits.map { hit in
      let texts = [hit.id.description, hit.class ?? "", hit.row.fileName ?? ""].map { Quoting.csvField($0) }
      return (texts + [hit.distance.isFinite ? String(hit.distance) : ""]).joined(separator: ",") + "\r\n"
    }
    return Response(
      status: .ok,
      headers: [
        .contentType: "text/csv; charset=utf-8", .contentDisposition: "attachment; filename=\"results.csv\"",
      ],
      body: ResponseBody(byteBuffer: ByteBuffer(string: "id,class,name,distance\r\n" + lines.joined()))
    )
  }

  /// The form: an upload, an id, or other options for the upload before. The answer is a link, so that back, forward
  /// and reload do not send the image again.
  private func search(_ request: Request) async throws -> Response {
    _ = try QueryParameters(request.uri, allowed: [])
    let link = try await ImageUpload.with(request, core, fields: Self.formNames) { upload in
      let parameters = try QueryParameters(
        upload.fields,
        allowed: Self.formNames,
        repeated: ["also", "not"]
      )
      let options = try ImageQuery.Options(parameters, core.configuration.limits)
      return PageLink.page(try await subject(upload, parameters), options)
    }
    return Response(status: .seeOther, headers: [.location: link])
  }

  private func subject(
    _ upload: ImageUpload,
    _ parameters: QueryParameters
  ) async throws -> SearchSubject? {
    guard upload.file.isEmpty else {
      return try await core.take(upload: upload.file, name: upload.name).subject
    }
    if let address = parameters.text("address") { return try await core.take(address: address.trimmed) }
    // The upload before stands in a hidden field; an id that was typed since means more.
    if let id = try parameters.imageID("id") { return .id(id) }
    return try SearchSubject(
      like: parameters.imageIDs("also"),
      unlike: parameters.imageIDs("not"),
      upload: parameters.text("upload")
    )
  }

  /// A thumbnail for the page: a placeholder where there is none, so that one lost file does not fail the page.
  private func thumbnail(_ request: Request, _ context: PageContext) async throws -> Response {
    let parameters = try QueryParameters(request.uri, allowed: ["side", "of"])
    let side = try APIRoutes.side(parameters)
    do {
      return ImageResponse.make(
        request,
        try await core.thumbnail(id: try APIRoutes.id(context), digest: parameters.text("of"), side: side)
      )
    } catch {
      guard let problem = HTTPError(error),
        [.notFound, .unprocessableContent, .contentTooLarge].contains(problem.status),
        let placeholder = page.templates.asset("placeholder.svg")
      else { throw error }
      return Response(
        status: .ok,
        headers: [.contentType: placeholder.type, .contentSecurityPolicy: "default-src 'none'; sandbox"],
        body: ResponseBody(byteBuffer: ByteBuffer(bytes: placeholder.bytes))
      )
    }
  }

  private func asset(_ name: String, _ request: Request) throws -> Response {
    guard let asset = page.templates.asset(name) else { throw HTTPError.notFound("no such address") }
    let version = page.templates.version
    let isVersioned = request.uri.query == "v=\(version)"
    var headers: HTTPFields = [
      .eTag: "\"\(version)\"",
      .cacheControl: isVersioned ? "public, max-age=31536000, immutable" : "no-cache",
    ]
    if ImageResponse.isKnown("\"\(version)\"", to: request) {
      return Response(status: .notModified, headers: headers)
    }
    headers[.contentType] = asset.type
    return Response(
      status: .ok,
      headers: headers,
      body: ResponseBody(byteBuffer: ByteBuffer(bytes: asset.bytes))
    )
  }

  private func login(
    _ request: Request,
    _ sessions: Sessions,
    _ context: PageContext
  ) async throws -> Response {
    let page = page.speaking(to: request)
    let client = proxies.client(of: request, context)
    guard ContentType(request.headers[.contentType])?.type == "application/x-www-form-urlencoded" else {
      throw HTTPError.wrongType("a login is a form")
    }
    let body = try await BodyReader(maximumBytes: 4_096, time: core.configuration.limits.uploadTime).read(
      request
    )
    let form = try QueryParameters(
      encoded: String(decoding: body, as: UTF8.self),
      allowed: ["token", "return"]
    )
    let path = ReturnPath.checked(form.text("return"))
    if let wait = sessions.throttle.wait(client) {
      return try page.login(.throttled(seconds: wait), returnPath: path)
    }
    guard sessions.isToken((form.text("token") ?? "").trimmed, from: client) else {
      return try page.login(.wrong, returnPath: path)
    }
    let cookie = sessions.logIn(isSecure: proxies.isSecure(request))
    return Response(status: .seeOther, headers: [.location: path, .setCookie: cookie])
  }
}

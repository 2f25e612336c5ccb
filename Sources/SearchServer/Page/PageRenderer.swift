internal import Hummingbird

/// Fills the templates.
struct PageRenderer: Sendable {
  let core: PageCore
  let templates: PageTemplates

  /// The page with a search's answer.
  func answer(_ result: SearchResult) async throws -> Response {
    var response = try await page(
      subject: result.subject,
      options: result.options,
      image: Self.image(result),
      result: ResultView(result)
    )
    response.headers[.serverTiming] = result.timing.header
    return response
  }

  /// The page to start from.
  func start(_ images: [CollectionImage], _ options: SearchOptions) async throws -> Response {
    let cards = images.map { CardView($0, options) }
    let heading =
      options.label.map { "Start from an image of \($0)" } ?? "Start from an image of the collection"
    return try await page(
      subject: nil,
      options: options,
      sample: SampleView(cards: cards, heading: heading, isEmpty: cards.isEmpty)
    )
  }

  /// The page with an error; plain text where even that cannot be made.
  func failure(_ fault: Fault, _ subject: SearchSubject? = nil, _ options: SearchOptions = .init()) async
    -> Response
  {
    let view = FailureView(
      heading: Self.heading(fault),
      message: fault.message,
      isTemporary: fault.retryAfterSeconds != nil
    )
    // Somebody who may not see the collection is not told its classes either.
    let isHidden = fault.status == .unauthorized || fault.status == .misdirectedRequest
    var response =
      (isHidden ? nil : try? await page(subject: subject, options: options, failure: view))
      ?? Response(
        status: fault.status,
        body: ResponseBody(byteBuffer: ByteBuffer(string: fault.message + "\n"))
      )
    response.status = fault.status
    fault.addHeaders(to: &response)
    return response
  }

  /// The page that asks for the token.
  func login(isWrong: Bool) throws -> Response {
    let view = LoginView(assets: templates.version, isWrong: isWrong)
    return Self.html(try templates.render(view, "login"), status: isWrong ? .unauthorized : .ok)
  }

  private func page(
    subject: SearchSubject?,
    options: SearchOptions,
    image: QueryImageView? = nil,
    result: ResultView? = nil,
    sample: SampleView? = nil,
    failure: FailureView? = nil
  ) async throws -> Response {
    let view = PageView(
      title: failure?.heading ?? result.map { "\($0.heading) \($0.subject)" } ?? "Image search",
      assets: templates.version,
      collection: core.configuration.collection,
      model: core.images.model,
      dimension: core.images.dimension,
      panel: panel(subject, options, image, labels: await core.labels.known()),
      result: result,
      sample: sample,
      failure: failure
    )
    return Self.html(try templates.render(view, "page"))
  }

  private func panel(
    _ subject: SearchSubject?,
    _ options: SearchOptions,
    _ image: QueryImageView?,
    labels: [String]
  ) -> PanelView {
    var id = ""
    var upload: String?
    switch subject {
    case .id(let number): id = String(number)
    case .upload(let key): upload = key
    case .vector, nil: break
    }
    let unknown = options.label.flatMap { labels.contains($0) ? nil : $0 }
    return PanelView(
      id: id,
      upload: upload,
      queryImage: image,
      k: options.count,
      maximumK: core.configuration.limits.maximumCount,
      labels: ([unknown].compactMap { $0 } + labels).map { .init(name: $0, isChosen: $0 == options.label) },
      isExact: options.exact,
      ef: options.efSearch.map(String.init) ?? "",
      maximumEf: core.configuration.limits.maximumEfSearch,
      accept: ContentType.images.joined(separator: ",")
    )
  }

  private static func image(_ result: SearchResult) -> QueryImageView? {
    switch result.subject {
    case .id(let id):
      QueryImageView(
        image: "/thumbnails/\(id)?side=384",
        full: "/api/v1/images/\(id)/file",
        name: "Image \(id)",
        detail: result.subjectLabel ?? "no class"
      )
    case .upload(let key):
      QueryImageView(
        image: "/api/v1/uploads/\(key)/thumbnail",
        full: nil,
        name: result.subjectName.flatMap { $0.isEmpty ? nil : $0 } ?? "Your image",
        detail: "uploaded"
      )
    case .vector: nil
    }
  }

  private static func heading(_ fault: Fault) -> String {
    switch fault.status {
    case .notFound: "Not found"
    case .serviceUnavailable: "Not just now"
    case .contentTooLarge: "Too large"
    case .unprocessableContent, .unsupportedMediaType: "Not an image"
    case .internalServerError: "That failed"
    default: "That cannot be searched"
    }
  }

  private static func html(_ text: String, status: HTTPResponse.Status = .ok) -> Response {
    Response(
      status: status,
      headers: [.contentType: "text/html; charset=utf-8"],
      body: ResponseBody(byteBuffer: ByteBuffer(string: text))
    )
  }
}

/// What the login's template is filled with.
struct LoginView {
  let assets: String
  let isWrong: Bool
}

internal import Basics
internal import Hummingbird
internal import ImageSearch

/// Fills the templates, in the words of one reader.
struct PageRenderer: Sendable {
  let core: SearchCore
  let templates: PageTemplates
  let texts: PageTexts
  /// Whether the reader chose the language with this very request, so that it is remembered.
  private var isChosen = false
  /// The address that was asked for, to which the links of the languages lead.
  private var path = "/"

  private static let languageCookie = "adbvec-lang"

  init(core: SearchCore, templates: PageTemplates) {
    self.core = core
    self.templates = templates
    texts = templates.texts(wanted: nil, accepted: nil)
  }

  private init(_ other: PageRenderer, texts: PageTexts, isChosen: Bool, path: String) {
    (core, templates) = (other.core, other.templates)
    (self.texts, self.isChosen, self.path) = (texts, isChosen, path)
  }

  /// The renderer for a request: in the language that its link, its cookie or its browser asks for.
  func speaking(to request: Request) -> PageRenderer {
    let items = (request.uri.query ?? "").split(separator: "&")
    let chosen = items.last { $0.hasPrefix("lang=") }?.dropFirst("lang=".count)
    let wanted = chosen.map(String.init) ?? request.cookies[Self.languageCookie]?.value
    let rest = items.filter { !$0.hasPrefix("lang=") }.joined(separator: "&")
    let path = request.method == .get ? request.uri.path + (rest.isEmpty ? "" : "?" + rest) : "/"
    return PageRenderer(
      self,
      texts: templates.texts(wanted: wanted, accepted: request.headers[.acceptLanguage]),
      isChosen: chosen != nil,
      path: ReturnPath.isLocal(path) ? path : "/"
    )
  }

  private var cards: ImageCards { ImageCards(texts: texts, shown: core.shown) }

  /// The page with a search's answer.
  func answer(_ result: SearchResult) async throws -> Response {
    let view = ResultView(result, cards, showsSQL: core.configuration.showsSQL)
    var content = PageContent(title: view.title, subject: result.subject, options: result.options)
    (content.search, content.result) = (result, view)
    var response = try await page(content)
    response.headers[.serverTiming] = result.timing.header
    return response
  }

  /// The page to start from.
  func start(_ images: [ImageRow], _ options: ImageQuery.Options) async throws -> Response {
    let classes = await core.classes.known()
    let sample = SampleView(
      cards: cards.views(of: images, options),
      heading: options.class.map { texts.text("start_class", ["class": $0]) } ?? texts["start"],
      isEmpty: images.isEmpty,
      facets: FacetsView(classes, nil, options, texts)
    )
    var content = PageContent(title: texts["title"], subject: nil, options: options)
    content.sample = sample
    return try await page(content)
  }

  /// An image by itself, beside the search that it was found by.
  func detail(_ detail: ImageDetail) async throws -> Response {
    let view = DetailView(detail, cards)
    var content = PageContent(title: view.heading, subject: detail.subject, options: detail.options)
    (content.search, content.detail) = (detail.context, view)
    return try await page(content)
  }

  /// The page with an error; plain text where even that cannot be made.
  func failure(_ problem: HTTPError, _ subject: SearchSubject? = nil, _ options: ImageQuery.Options = .usual)
    async
    -> Response
  {
    let view = FailureView(
      heading: texts[Self.heading(problem)],
      message: problem.message,
      isTemporary: problem.retryAfterSeconds != nil
    )
    var content = PageContent(title: view.heading, subject: subject, options: options)
    content.failure = view
    // Somebody who may not see the collection is not told its classes either.
    var response =
      (problem.isFromOutside ? nil : try? await page(content))
      ?? Response(
        status: problem.status,
        body: ResponseBody(byteBuffer: ByteBuffer(string: problem.message + "\n"))
      )
    response.status = problem.status
    problem.addHeaders(to: &response)
    return response
  }

  /// Why somebody is asked for the token.
  enum LoginReason {
    case first, ended, wrong
    case throttled(seconds: Int)
  }

  /// The page that asks for the token.
  func login(_ reason: LoginReason, returnPath: String) throws -> Response {
    let (problem, status): (String?, HTTPResponse.Status) =
      switch reason {
      case .first: (nil, .ok)
      case .ended: (texts["login_ended"], .ok)
      case .wrong: (texts["login_wrong"], .unauthorized)
      case .throttled(let seconds):
        (texts.text("login_wait", ["seconds": String(seconds)]), .tooManyRequests)
      }
    let view = LoginView(
      lang: texts.language,
      t: texts.words,
      assets: templates.version,
      problem: problem,
      returnPath: returnPath,
      languages: languages
    )
    var response = html(try templates.render(view, "login"), status: status)
    if case .throttled(let seconds) = reason { response.headers[.retryAfter] = String(seconds) }
    return response
  }

  /// What the page shows beside its form, and the search that the form is filled with.
  private struct PageContent {
    let title: String
    let subject: SearchSubject?
    let options: ImageQuery.Options
    /// The answer that the form shows the subject of.
    var search: SearchResult?
    var result: ResultView?
    var sample: SampleView?
    var detail: DetailView?
    var failure: FailureView?
  }

  private func page(_ content: PageContent) async throws -> Response {
    let view = PageView(
      lang: texts.language,
      t: texts.words,
      scriptWords: texts.scriptWords,
      languages: languages,
      title: content.title,
      assets: templates.version,
      collection: core.configuration.collection,
      numbers: texts.text("numbers", ["model": core.images.model, "dimension": String(core.dimension)]),
      canLogOut: core.configuration.token != nil,
      panel: PanelView(
        content.subject,
        content.options,
        content.search,
        classes: await core.classes.known(),
        core.configuration,
        cards
      ),
      result: content.result,
      sample: content.sample,
      detail: content.detail,
      failure: content.failure
    )
    return html(try templates.render(view, "page"))
  }

  private var languages: [LanguageView] {
    let separator = path.contains("?") ? "&" : "?"
    return templates.languages.map {
      LanguageView(
        code: $0.language,
        name: $0["language_name"],
        link: "\(path)\(separator)lang=\($0.language)",
        isCurrent: $0.language == texts.language
      )
    }
  }

  private static func heading(_ problem: HTTPError) -> String {
    switch problem.status {
    case .notFound: "failed_not_found"
    case .serviceUnavailable where problem.code == BackendError.Code.collectionUnreadable.name:
      "failed_collection"
    case .serviceUnavailable: "failed_unavailable"
    case .contentTooLarge: "failed_too_large"
    case .unprocessableContent, .unsupportedMediaType: "failed_no_image"
    case .internalServerError: "failed_server"
    case .tooManyRequests: "failed_slow"
    default: "failed"
    }
  }

  private func html(_ text: String, status: HTTPResponse.Status = .ok) -> Response {
    var response = Response(
      status: status,
      headers: [.contentType: "text/html; charset=utf-8", .contentLanguage: texts.language],
      body: ResponseBody(byteBuffer: ByteBuffer(string: text))
    )
    if isChosen {
      response.headers[.setCookie] =
        "\(Self.languageCookie)=\(texts.language); Max-Age=31536000; Path=/; SameSite=Lax"
    }
    return response
  }
}

/// Makes the views of images, in the words of one reader.
struct ImageCards {
  let texts: PageTexts
  let shown: ShownImages

  /// An image in a grid: its link opens it by itself, beside the search that found it.
  private func card(
    _ row: ImageRow,
    of subject: SearchSubject?,
    _ options: ImageQuery.Options,
    distance: Double? = nil,
    farthest: Double = 0
  ) -> CardView {
    let part = farthest > 0 ? abs(distance ?? 0) / farthest : 0
    return CardView(
      link: PageLink.detail(row.id, of: subject, options),
      similar: PageLink.page(.id(row.id), options.fromTheStart),
      image: thumbnail(row),
      id: row.id.description,
      name: row.fileName ?? "",
      alt: texts.text("image_alt", ["id": row.id.description]),
      moreLike: texts.text("more_like", ["id": row.id.description]),
      select: texts.text("select", ["id": row.id.description]),
      className: row.class ?? "",
      label: row.class ?? texts["no_class"],
      // A vector of length 0 has no distance to any other by the cosine.
      distance: distance.map { $0.isFinite ? Decimals.distance($0) : texts["no_distance"] },
      exactDistance: distance.flatMap { $0.isFinite ? String($0) : nil } ?? "",
      share: part.isFinite ? Int((min(part, 1) * 100).rounded()) : 0
    )
  }

  /// The hits of a search.
  func views(of hits: [ImageHit], in subject: SearchSubject, _ options: ImageQuery.Options) -> [CardView] {
    let farthest = hits.map { abs($0.distance) }.filter(\.isFinite).max() ?? 0
    return Self.begun(
      hits.map { card($0.row, of: subject, options, distance: $0.distance, farthest: farthest) }
    )
  }

  /// Images to start from.
  func views(of images: [ImageRow], _ options: ImageQuery.Options) -> [CardView] {
    Self.begun(images.map { card($0, of: nil, options) })
  }

  /// The first images come before the others, on a slow line too.
  private static func begun(_ cards: [CardView]) -> [CardView] {
    var cards = cards
    for index in cards.indices.prefix(6) { cards[index].isFirst = true }
    return cards
  }

  /// The link to a row's thumbnail; a parameter may follow behind `&`.
  func thumbnail(_ row: ImageRow) -> String { "\(PageLink.thumbnail(row.id))?of=\(shown.remember(row))" }

  /// What a search starts from, in words.
  func name(of subject: SearchSubject, row: ImageRow?, upload: String?) -> String {
    if let id = subject.id?.description {
      return row?.class.map { texts.text("subject_class", ["class": $0, "id": id]) }
        ?? texts.text("subject_id", ["id": id])
    }
    if subject.isSeveral {
      let rows = Set(subject.examples.like + subject.examples.unlike)
      let count = rows.count + (subject.upload == nil ? 0 : 1)
      return texts.text("subject_examples", ["count": String(count)])
    }
    guard subject.upload != nil else { return texts["subject_vector"] }
    return upload.flatMap { $0.isEmpty ? nil : $0 } ?? texts["subject_upload"]
  }
}

internal import Hummingbird
internal import ImageSearch

/// Fills the templates.
struct PageRenderer: Sendable {
  let core: SearchCore
  let templates: PageTemplates

  /// The page with a search's answer.
  func answer(_ result: SearchResult) async throws -> Response {
    var response = try await page(
      subject: result.subject,
      options: result.options,
      image: image(of: result),
      result: ResultView(result, core.shown, maximumCount: core.configuration.limits.maximumCount)
    )
    response.headers[.serverTiming] = result.timing.header
    return response
  }

  /// The page to start from.
  func start(_ images: [ImageRow], _ options: SearchOptions) async throws -> Response {
    let cards = images.map { CardView($0, options, core.shown) }
    let heading =
      options.class.map { "Start from an image of \($0)" } ?? "Start from an image of the collection"
    return try await page(
      subject: nil,
      options: options,
      sample: SampleView(cards: cards, heading: heading, isEmpty: cards.isEmpty)
    )
  }

  /// The page with an error; plain text where even that cannot be made.
  func failure(_ problem: HTTPError, _ subject: SearchSubject? = nil, _ options: SearchOptions = .init())
    async
    -> Response
  {
    let view = FailureView(
      heading: Self.heading(problem),
      message: problem.message,
      isTemporary: problem.retryAfterSeconds != nil
    )
    // Somebody who may not see the collection is not told its classes either.
    var response =
      (problem.isFromOutside ? nil : try? await page(subject: subject, options: options, failure: view))
      ?? Response(
        status: problem.status,
        body: ResponseBody(byteBuffer: ByteBuffer(string: problem.message + "\n"))
      )
    response.status = problem.status
    problem.addHeaders(to: &response)
    return response
  }

  /// The page that asks for the token.
  func login(isWrong: Bool, returnPath: String) throws -> Response {
    let view = LoginView(assets: templates.version, isWrong: isWrong, returnPath: returnPath)
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
      dimension: core.dimension,
      canLogOut: core.configuration.token != nil,
      panel: panel(subject, options, image, classes: await core.classes.known()),
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
    classes: [String]
  ) -> PanelView {
    var id = ""
    var upload: String?
    switch subject {
    case .id(let chosen): id = chosen.description
    case .upload(let key): upload = key
    case .vector, nil: break
    }
    let unknown = options.class.flatMap { classes.contains($0) ? nil : $0 }
    let choices = [unknown].compactMap { $0 } + classes.prefix(PanelView.maximumClasses)
    return PanelView(
      id: id,
      upload: upload,
      queryImage: image,
      k: options.count,
      maximumK: core.configuration.limits.maximumCount,
      classes: choices.map { .init(name: $0, isChosen: $0 == options.class) },
      hasMoreClasses: classes.count > PanelView.maximumClasses,
      chosenClass: options.class ?? "",
      isExact: options.exact,
      ef: options.efSearch.map(String.init) ?? "",
      within: options.within.map(Decimals.shortest) ?? "",
      maximumEf: core.configuration.limits.maximumEfSearch,
      accept: ContentType.images.joined(separator: ",")
    )
  }

  private func image(of result: SearchResult) -> QueryImageView? {
    switch result.subject {
    case .id(let id):
      QueryImageView(
        image: result.subjectRow.map { "\(PageLink.thumbnail(id))?of=\(core.shown.remember($0))&side=384" }
          ?? "\(PageLink.thumbnail(id))?side=384",
        full: "/api/v1/images/\(PageLink.encoded(id.description))/file",
        name: "Image \(id)",
        detail: result.subjectRow?.class ?? "no class"
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

  private static func heading(_ problem: HTTPError) -> String {
    switch problem.status {
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
  /// Where the login leads to.
  let returnPath: String
}

/// What the templates are filled with.
struct PageView {
  let title: String
  let assets: String
  let collection: String
  let model: String
  let dimension: Int
  let canLogOut: Bool
  let panel: PanelView
  let result: ResultView?
  let sample: SampleView?
  let failure: FailureView?
}

/// The form.
struct PanelView {
  /// More make a list too long to read and a page that loads slowly.
  static let maximumClasses = 500

  struct Choice {
    let name: String
    let isChosen: Bool
  }

  let id: String
  let upload: String?
  let queryImage: QueryImageView?
  let k: Int
  let maximumK: Int
  /// The classes to choose from; a text field stands in their place when there are more.
  let classes: [Choice]
  let hasMoreClasses: Bool
  let chosenClass: String
  let isExact: Bool
  let ef: String
  let within: String
  let maximumEf: Int
  let accept: String
}

/// The image that the search starts from.
struct QueryImageView {
  let image: String
  let full: String?
  let name: String
  let detail: String
}

/// What a search found.
struct ResultView {
  let heading: String
  let subject: String
  let options: String
  let cards: [CardView]
  let isEmpty: Bool
  /// What to know of the images, a sentence each.
  let notices: [String]
  /// The link to twice as many; nil when there are no more.
  let more: String?
  /// The link to the hits as a file; nil for a vector.
  let csv: String?
  let sql: String
  let timing: TimingView
}

/// Where the time went.
struct TimingView {
  let features: String
  let database: String
  let other: String
  let total: String
}

/// An image in the grid.
struct CardView {
  let link: String
  let image: String
  let id: String
  let label: String
  let distance: String?
  /// The distance beside the largest one, 0…100.
  let share: Int
}

/// Images to start from.
struct SampleView {
  let cards: [CardView]
  let heading: String
  let isEmpty: Bool
}

/// An error.
struct FailureView {
  let heading: String
  let message: String
  let isTemporary: Bool
}

extension ResultView {
  /// A search's answer as the page shows it.
  init(_ result: SearchResult, _ shown: ShownImages, maximumCount: Int) {
    let hits = result.answer.hits
    let farthest = hits.map { abs($0.distance) }.filter(\.isFinite).max() ?? 0
    heading = hits.count == 1 ? "1 image nearest to" : "\(hits.count) images nearest to"
    subject = Self.subject(result)
    options = Self.options(result.options)
    cards = hits.map { CardView($0.row, result.options, shown, distance: $0.distance, farthest: farthest) }
    isEmpty = hits.isEmpty
    notices = result.answer.notices
    var doubled = result.options
    doubled.count = min(doubled.count * 2, maximumCount)
    let isFull = hits.count == result.options.count && doubled.count > hits.count
    more = isFull ? PageLink.page(result.subject, doubled) : nil
    csv = hits.isEmpty ? nil : PageLink.csv(result.subject, result.options)
    sql = result.answer.sql
    timing = TimingView(result.timing, uploadMilliseconds: result.uploadMilliseconds)
  }

  private static func subject(_ result: SearchResult) -> String {
    switch result.subject {
    case .id(let id): result.subjectRow?.class.map { "\($0) (image \(id))" } ?? "image \(id)"
    case .upload: result.subjectName.flatMap { $0.isEmpty ? nil : $0 } ?? "your image"
    case .vector: "a vector"
    }
  }

  private static func options(_ options: SearchOptions) -> String {
    var parts = [options.exact ? "compared with every image" : "through the index"]
    if let efSearch = options.efSearch, !options.exact { parts.append("ef \(efSearch)") }
    if let name = options.class { parts.append("class \(name) only") }
    if let within = options.within { parts.append("distance at most \(Decimals.shortest(within))") }
    return parts.joined(separator: " · ")
  }
}

extension TimingView {
  /// Times in milliseconds, for people. An upload's features were made before the page was asked for.
  init(_ timing: SearchResult.Timing, uploadMilliseconds: Double?) {
    features = Self.text(uploadMilliseconds ?? timing.features)
    database = Self.text(timing.database)
    other = Self.text(max(0, timing.total - timing.features - timing.database))
    total = Self.text(timing.total)
  }

  private static func text(_ milliseconds: Double) -> String {
    Decimals.text(milliseconds, milliseconds < 10 ? 1 : 0)
  }
}

extension CardView {
  /// An image found, or one to start from; its link searches from it with the same options.
  init(
    _ row: ImageRow,
    _ options: SearchOptions,
    _ shown: ShownImages,
    distance: Double? = nil,
    farthest: Double = 0
  ) {
    link = PageLink.page(.id(row.id), options)
    image = "\(PageLink.thumbnail(row.id))?of=\(shown.remember(row))"
    id = row.id.description
    label = row.class ?? "no class"
    // A vector of length 0 has no distance to any other by the cosine.
    self.distance = distance.map { $0.isFinite ? Decimals.distance($0) : "none" }
    let part = farthest > 0 ? abs(distance ?? 0) / farthest : 0
    share = part.isFinite ? Int((min(part, 1) * 100).rounded()) : 0
  }
}

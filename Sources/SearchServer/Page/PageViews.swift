internal import Basics
internal import ImageSearch

// What the templates are filled with: a property for each name in them.

/// The login.
struct LoginView {
  let lang: String
  let t: [String: String]
  let assets: String
  /// Why the login before failed, or is no more.
  let problem: String?
  /// Where the login leads to.
  let returnPath: String
  let languages: [LanguageView]
}

/// A language to choose.
struct LanguageView {
  let code: String
  let name: String
  let link: String
  let isCurrent: Bool
}

/// The whole page.
struct PageView {
  let lang: String
  /// The words of the language.
  let t: [String: String]
  let scriptWords: String
  let languages: [LanguageView]
  let title: String
  let assets: String
  let collection: String
  let numbers: String
  let canLogOut: Bool
  let panel: PanelView
  let result: ResultView?
  let sample: SampleView?
  let detail: DetailView?
  let failure: FailureView?
}

/// The form.
struct PanelView {
  /// More make a list too long to read and a page that loads slowly.
  static let maximumClasses = 500

  struct Choice {
    let name: String
    let count: Int?
    let isChosen: Bool
  }

  let id: String
  let upload: String?
  let queryImage: QueryImageView?
  let hasExamples: Bool
  let examples: [ExampleView]
  /// The ids of the examples, as the form sends them.
  let also: [String]
  let not: [String]
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
  let takesAddress: Bool

  init(
    _ subject: SearchSubject?,
    _ options: ImageQuery.Options,
    _ query: SearchResult?,
    classes: [ImageClass],
    _ configuration: ServerConfiguration,
    _ cards: ImageCards
  ) {
    let limits = configuration.limits
    id = subject?.id?.description ?? ""
    upload = subject?.upload
    queryImage = query.flatMap { QueryImageView($0, cards) }
    examples = subject.map { ExampleView.all(of: $0, options.fromTheStart, cards.texts) } ?? []
    hasExamples = !examples.isEmpty
    also = hasExamples ? subject?.examples.like.map(\.description) ?? [] : []
    not = hasExamples ? subject?.examples.unlike.map(\.description) ?? [] : []
    k = options.topK
    maximumK = limits.maximumCount
    let unknown = options.class.flatMap { name in
      classes.contains { $0.name == name } ? nil : Choice(name: name, count: nil, isChosen: true)
    }
    let known = classes.prefix(Self.maximumClasses).map {
      Choice(name: $0.name, count: $0.count, isChosen: $0.name == options.class)
    }
    self.classes = [unknown].compactMap { $0 } + known
    hasMoreClasses = classes.count > Self.maximumClasses
    chosenClass = options.class ?? ""
    isExact = options.exact
    ef = options.efSearch.map(String.init) ?? ""
    within = options.within.map(Decimals.shortest) ?? ""
    maximumEf = limits.maximumEfSearch
    accept = ContentType.images.joined(separator: ",")
    takesAddress = configuration.fetchesAddresses
  }
}

/// The image that the search starts from.
struct QueryImageView {
  let image: String
  /// A version large enough to cut a part out of.
  let large: String
  let full: String?
  let name: String
  let detail: String

  fileprivate init?(_ result: SearchResult, _ cards: ImageCards) {
    let texts = cards.texts
    if let id = result.subject.id {
      let thumbnail = result.subjectRow.map { cards.thumbnail($0) + "&" } ?? "\(PageLink.thumbnail(id))?"
      image = thumbnail + "side=384"
      large = thumbnail + "side=1024"
      full = "/api/v1/images/\(PercentEncoding.text(id.description))/file"
      name = texts.text("image", ["id": id.description])
      detail = result.subjectRow?.class ?? texts["no_class"]
    } else if let key = result.subject.upload {
      image = "/api/v1/uploads/\(key)/thumbnail"
      large = image
      full = nil
      name = result.subjectName.flatMap { $0.isEmpty ? nil : $0 } ?? texts["your_image"]
      detail = texts["uploaded"]
    } else {
      return nil
    }
  }
}

/// One of several images that a search starts from.
struct ExampleView {
  let link: String
  let image: String
  let alt: String
  let isUnlike: Bool
  let sign: String
  /// The search in which it counts more; nil where it cannot.
  let more: String?
  let moreName: String
  /// The search without it; nil where nothing would be left.
  let remove: String?
  let removeName: String

  fileprivate static func all(
    of subject: SearchSubject,
    _ options: ImageQuery.Options,
    _ texts: PageTexts
  ) -> [ExampleView] {
    guard subject.isSeveral else { return [] }
    func views(_ ids: [ImageID], isUnlike: Bool) -> [ExampleView] {
      let weights = Dictionary(ids.map { ($0, 1) }, uniquingKeysWith: +)
      return weights.keys.sorted().map { id in
        let weight = weights[id] ?? 1
        let values = ["id": id.description]
        let more = isUnlike ? subject.adding(unlike: id) : subject.adding(like: id)
        return ExampleView(
          link: PageLink.detail(id, of: subject, options),
          image: "\(PageLink.thumbnail(id))?side=96",
          alt: texts.text("image_alt", values),
          isUnlike: isUnlike,
          sign: (isUnlike ? "−" : "+") + (weight > 1 ? String(weight) : ""),
          more: more.map { PageLink.page($0, options) },
          moreName: texts.text("weigh_more", values),
          remove: subject.removing(id).map { PageLink.page($0, options) },
          removeName: texts.text("leave_out", values)
        )
      }
    }
    return views(subject.examples.like, isUnlike: false) + views(subject.examples.unlike, isUnlike: true)
  }
}

/// What a search found.
struct ResultView {
  let title: String
  /// The heading around the subject, whose place in it depends on the language.
  let before: String
  let subject: String
  let behind: String
  let options: String
  let facets: FacetsView?
  let cards: [CardView]
  /// The options that a search near selected images keeps.
  let kept: [KeptOption]
  let isEmpty: Bool
  /// What to know of the images, a sentence each.
  let notices: [String]
  /// The link to the images that come next; nil when there are no more.
  let more: String?
  /// The link to the hits as a file; nil for a vector.
  let csv: String?
  /// nil where the server keeps the table's names to itself.
  let sql: String?
  let timing: TimingView

  init(_ result: SearchResult, _ cards: ImageCards, showsSQL: Bool) {
    let (hits, texts, options) = (result.answer.hits, cards.texts, result.options)
    subject = cards.name(of: result.subject, row: result.subjectRow, upload: result.subjectName)
    let first = (options.after?.seen ?? 0) + 1
    let heading =
      first > 1
      ? texts.text("nearest_further", ["from": String(first), "to": String(first + hits.count - 1)])
      : texts.text(hits.count == 1 ? "nearest_one" : "nearest_many", ["count": String(hits.count)])
    let parts = heading.split(separator: "{subject}", maxSplits: 1, omittingEmptySubsequences: false)
    before = String(parts.first ?? "")
    behind = parts.count > 1 ? String(parts[1]) : ""
    title = before + subject + behind
    self.options = Self.options(options, texts)
    facets = FacetsView(hits, result.subject, options, texts)
    self.cards = cards.views(of: hits, in: result.subject, options)
    kept = KeptOption.all(options)
    isEmpty = hits.isEmpty
    notices = result.answer.notices
    var following = options
    following.after = result.answer.next
    more = result.answer.next.map { _ in PageLink.page(result.subject, following) }
    csv = hits.isEmpty ? nil : PageLink.csv(result.subject, options)
    sql = showsSQL ? result.answer.sql : nil
    timing = TimingView(result.timing, uploadMilliseconds: result.uploadMilliseconds)
  }

  private static func options(_ options: ImageQuery.Options, _ texts: PageTexts) -> String {
    var parts = [texts[options.exact ? "by_every" : "by_index"]]
    if let efSearch = options.efSearch, !options.exact { parts.append("ef \(efSearch)") }
    if let name = options.class { parts.append(texts.text("only_class", ["class": name])) }
    if let within = options.within {
      parts.append(texts.text("at_most", ["distance": Decimals.shortest(within)]))
    }
    return parts.joined(separator: " · ")
  }
}

/// An option of a search in a form.
struct KeptOption {
  let name: String
  let value: String

  static func all(_ options: ImageQuery.Options) -> [KeptOption] {
    options.fromTheStart.linkItems.filter { $0.0 != "within" }.map { KeptOption(name: $0.0, value: $0.1) }
  }
}

/// Where the time went.
struct TimingView {
  let features: String
  let database: String
  let other: String
  let total: String

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

/// An image in the grid.
struct CardView {
  /// The image by itself.
  let link: String
  /// The search near the image.
  let similar: String
  let image: String
  /// Whether it is among the first, which are on the screen before anybody scrolls.
  var isFirst = false
  let id: String
  let name: String
  let alt: String
  let moreLike: String
  let select: String
  let className: String
  let label: String
  let distance: String?
  let exactDistance: String
  /// The distance beside the largest one, 0…100.
  let share: Int
}

/// Classes with the number of their images; each is a link to those only.
struct FacetsView {
  struct Facet {
    let name: String
    let count: Int?
    let link: String
    let isChosen: Bool
  }

  private static let maximum = 12

  let name: String
  let facets: [Facet]

  /// The classes of what was found; nil where there is nothing to choose.
  fileprivate init?(
    _ hits: [ImageHit],
    _ subject: SearchSubject,
    _ options: ImageQuery.Options,
    _ texts: PageTexts
  ) {
    let counts = Dictionary(hits.compactMap(\.class).map { ($0, 1) }, uniquingKeysWith: +)
    let classes = counts.map { ImageClass(name: $0.key, count: $0.value) }
    guard classes.count > 1 || options.class != nil, subject.linkItems != nil else { return nil }
    self.init(texts["classes_here"], classes, subject, options, texts)
  }

  /// The classes of the collection; nil where there are none.
  init?(_ classes: [ImageClass], _ subject: SearchSubject?, _ options: ImageQuery.Options, _ texts: PageTexts)
  {
    guard classes.count > 1 else { return nil }
    self.init(texts["classes_all"], classes, subject, options, texts)
  }

  private init(
    _ name: String,
    _ classes: [ImageClass],
    _ subject: SearchSubject?,
    _ options: ImageQuery.Options,
    _ texts: PageTexts
  ) {
    func facet(_ label: String, _ name: String?, _ count: Int?) -> Facet {
      var options = options.fromTheStart
      let isChosen = options.class == name
      options.class = name
      return Facet(name: label, count: count, link: PageLink.page(subject, options), isChosen: isChosen)
    }
    self.name = name
    let largest = classes.sorted { ($1.count, $0.name) < ($0.count, $1.name) }.prefix(Self.maximum)
    facets = [facet(texts["all_classes"], nil, nil)] + largest.map { facet($0.name, $0.name, $0.count) }
  }
}

/// Images to start from.
struct SampleView {
  let cards: [CardView]
  let heading: String
  let isEmpty: Bool
  let facets: FacetsView?
}

/// An error.
struct FailureView {
  let heading: String
  let message: String
  let isTemporary: Bool
}

internal import Basics
internal import FoundationEssentials
internal import ImageSearch

/// The options of a search as the page's links, forms and JSON have them.
extension ImageQuery.Options {
  /// Those of a search that names none.
  static let usual = Self(topK: 24)

  /// Their names.
  static let names: Set<String> = ["k", "class", "mode", "ef", "within", "after"]

  /// The options of a link or form.
  /// - Throws: `HTTPError` for a value outside the limits.
  init(_ parameters: QueryParameters, _ limits: ServerLimits) throws {
    self = .usual
    if let count = try parameters.integer("k", in: 1...Int64(limits.maximumCount)) { topK = Int(count) }
    `class` = parameters.text("class")
    exact = try Self.isExact(mode: parameters.text("mode"))
    efSearch = try parameters.integer("ef", in: 1...Int64(limits.maximumEfSearch)).map { Int($0) }
    within = try parameters.number("within")
    after = try parameters.text("after").map { try Self.cursor($0) }
    try checkClass()
  }

  /// - Throws: `HTTPError` for a text that no answer gave.
  static func cursor(_ text: String) throws -> ImageCursor {
    guard let cursor = ImageCursor(text) else {
      throw HTTPError.notFound("after is the next of no answer")
    }
    return cursor
  }

  static func isExact(mode: String?) throws -> Bool {
    switch mode {
    case nil, "index": return false
    case "exact": return true
    default: throw HTTPError.invalid("mode must be index or exact")
    }
  }

  func checkClass() throws {
    guard let name = `class` else { return }
    guard name.unicodeScalars.count <= 256, !name.utf8.contains(0) else {
      throw HTTPError.invalid("class may have at most 256 characters, and no zero among them")
    }
  }

  /// The usual search of a class.
  static func usual(class name: String?) -> Self { Self(topK: usual.topK, class: name) }

  /// The options of a new search.
  var fromTheStart: Self {
    var options = self
    options.after = nil
    return options
  }

  /// The options as they stand in a link; what is as usual is left out.
  var linkItems: [(String, String)] {
    var items: [(String, String)] = []
    if topK != Self.usual.topK { items.append(("k", String(topK))) }
    if let name = `class` { items.append(("class", name)) }
    if exact { items.append(("mode", "exact")) }
    if let efSearch { items.append(("ef", String(efSearch))) }
    if let within { items.append(("within", Decimals.shortest(within))) }
    if let after { items.append(("after", after.description)) }
    return items
  }
}

/// What a search of the page is near to: examples, and an upload among them, which links name by its key.
struct SearchSubject: Hashable, Sendable {
  /// An id that is given twice counts twice.
  var examples: ImageExamples
  /// The key of an upload to be near to.
  var upload: String?

  /// The names of a subject in links.
  static let names: Set<String> = ["id", "not", "upload"]
  /// Those that may be given more than once.
  static let repeatedNames: Set<String> = ["id", "not"]
  private static let maximumExamples = 100

  init(_ examples: ImageExamples, upload: String? = nil) {
    (self.examples, self.upload) = (examples, upload)
  }

  static func id(_ id: ImageID) -> Self { Self(ImageExamples(like: [id])) }
  static func upload(key: String) -> Self { Self(ImageExamples(), upload: key) }
  static func vector(_ vector: [Float]) -> Self { Self(ImageExamples(vectors: [vector])) }

  /// The subject of rows and an upload; nil where there are none.
  /// - Throws: `HTTPError` for nothing to be near to, or too many examples.
  init?(like: [ImageID], unlike: [ImageID], upload: String?) throws {
    guard like.count + unlike.count <= Self.maximumExamples else {
      throw HTTPError.invalid("a search has at most \(Self.maximumExamples) examples")
    }
    if let upload, !UploadCache.isKey(upload) {
      throw HTTPError.invalid("upload is not the key of an upload")
    }
    if like.isEmpty, upload == nil {
      if unlike.isEmpty { return nil }
      throw HTTPError.invalid("not needs an image to be near to: give id or upload too")
    }
    self.init(ImageExamples(like: like, unlike: unlike), upload: upload)
  }

  /// The subject of a link or form: ids, ids to be far from, or a remembered upload; nil when there are none.
  init?(_ parameters: QueryParameters) throws {
    try self.init(
      like: parameters.imageIDs("id"),
      unlike: parameters.imageIDs("not"),
      upload: parameters.text("upload")
    )
  }

  /// Whether there are several examples; where there are not, a search is near to the only one.
  var isSeveral: Bool {
    examples.like.count + examples.unlike.count + examples.vectors.count + (upload == nil ? 0 : 1) > 1
  }

  /// The row that is the only example.
  var id: ImageID? { isSeveral ? nil : examples.like.first }

  /// The subject with another example; nil for a vector, or too many.
  func adding(like: ImageID? = nil, unlike: ImageID? = nil) -> SearchSubject? {
    guard examples.vectors.isEmpty else { return nil }
    return try? SearchSubject(
      like: examples.like + [like].compactMap { $0 },
      unlike: examples.unlike + [unlike].compactMap { $0 },
      upload: upload
    )
  }

  /// The subject without an example of any weight; nil where nothing is left.
  func removing(_ id: ImageID) -> SearchSubject? {
    try? SearchSubject(
      like: examples.like.filter { $0 != id },
      unlike: examples.unlike.filter { $0 != id },
      upload: upload
    )
  }

  /// The subject in a link; nil for a vector, which is too long for one.
  var linkItems: [(String, String)]? {
    guard examples.vectors.isEmpty else { return nil }
    return [upload].compactMap { $0 }.map { ("upload", $0) } + examples.like.map { ("id", $0.description) }
      + examples.unlike.map { ("not", $0.description) }
  }
}

/// Links to the page itself.
enum PageLink {
  /// The link of a search, or of the start page.
  static func page(_ subject: SearchSubject?, _ options: ImageQuery.Options) -> String {
    "/" + query(subject, options)
  }

  /// A search's results as a file; nil for a vector.
  static func csv(_ subject: SearchSubject, _ options: ImageQuery.Options) -> String? {
    subject.linkItems.map { _ in "/results.csv" + query(subject, options) }
  }

  /// An image by itself, and the search that it was found by.
  static func detail(_ id: ImageID, of subject: SearchSubject?, _ options: ImageQuery.Options) -> String {
    "/images/\(PercentEncoding.text(id.description))" + query(subject, options)
  }

  private static func query(_ subject: SearchSubject?, _ options: ImageQuery.Options) -> String {
    let items = (subject?.linkItems ?? []) + options.linkItems
    return items.isEmpty
      ? "" : "?" + items.map { "\($0.0)=\(PercentEncoding.text($0.1))" }.joined(separator: "&")
  }

  /// The thumbnail of a row.
  static func thumbnail(_ id: ImageID) -> String { "/thumbnails/\(PercentEncoding.text(id.description))" }
}

/// A search's answer with what the page shows beside it.
struct SearchResult: Sendable {
  /// Where the time went, in milliseconds.
  struct Timing: Sendable, Hashable {
    /// Decoding the image and running the model; 0 when neither was needed.
    var features = 0.0
    /// In the database, as its client saw it.
    var database = 0.0
    /// In queues.
    var waiting = 0.0
    /// From the whole request to the answer.
    var total = 0.0

    /// The `Server-Timing` header, which a browser shows and a script may read.
    var header: String {
      [("features", features), ("db", database), ("wait", waiting), ("total", total)]
        .map { "\($0.0);dur=\(Decimals.text($0.1, 3))" }.joined(separator: ", ")
    }
  }

  let subject: SearchSubject
  /// The subject's row, for an image of the collection.
  let subjectRow: ImageRow?
  /// The uploaded file's name.
  let subjectName: String?
  /// What the upload's features took when it was uploaded.
  let uploadMilliseconds: Double?
  let options: ImageQuery.Options
  let answer: ImageAnswer
  let timing: Timing
}

/// Numbers for people.
enum Decimals {
  /// A number with a fixed count of decimals, always with a point.
  static func text(_ value: Double, _ decimals: Int) -> String {
    guard value.isFinite else { return "\(value)" }
    var scale = 1.0
    for _ in 0..<decimals { scale *= 10 }
    let scaled = (abs(value) * scale).rounded()
    guard scaled < 1e15 else { return "\(value)" }
    let digits = String(Int64(scaled))
    let padded = String(repeating: "0", count: max(0, decimals + 1 - digits.count)) + digits
    let sign = value < 0 && scaled > 0 ? "-" : ""
    return decimals == 0 ? sign + padded : "\(sign)\(padded.dropLast(decimals)).\(padded.suffix(decimals))"
  }

  /// A number as a link or field has it: without a fraction of nothing.
  static func shortest(_ value: Double) -> String {
    let text = "\(value)"
    return text.hasSuffix(".0") ? String(text.dropLast(2)) : text
  }

  /// A distance: four digits that count, or more where it is large.
  static func distance(_ value: Double) -> String {
    switch abs(value) {
    case 1000...: text(value, 0)
    case 100...: text(value, 1)
    case 10...: text(value, 2)
    case 1...: text(value, 3)
    default: text(value, 4)
    }
  }
}

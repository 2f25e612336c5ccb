internal import Basics
internal import FoundationEssentials
internal import ImageSearch

/// A search's answer in JSON.
struct SearchBody: Encodable {
  struct Subject: Encodable {
    var id: ImageID?
    /// Several images to be near to, when there are several.
    var ids: [ImageID]?
    /// The images to be far from.
    var not: [ImageID]?
    var `class`: String?
    var upload: String?
    var name: String?
  }

  struct Timing: Encodable {
    let features_ms: Double
    let database_ms: Double
    let waiting_ms: Double
    let total_ms: Double
  }

  let schema = 1
  let subject: Subject
  let results: [ImageBody]
  /// Whether no row that matches and is nearer is missing.
  let complete: Bool
  /// What to know of the results, a sentence each.
  let notices: [String]
  /// The search as SQL; nil where the server keeps the table's names to itself.
  let sql: String?
  let timing: Timing
  let page: String?
  /// The `after` of the search for the next images; nil when there are none.
  let next: String?

  init(_ result: SearchResult, showsSQL: Bool) {
    var subject = Subject(class: result.subjectRow?.class, name: result.subjectName)
    (subject.id, subject.upload) = (result.subject.id, result.subject.upload)
    if result.subject.isSeveral {
      (subject.ids, subject.not) = (result.subject.examples.like, result.subject.examples.unlike)
    }
    self.subject = subject
    results = result.answer.hits.map { ImageBody($0.row, distance: $0.distance) }
    complete = result.answer.isComplete
    notices = result.answer.notices
    sql = showsSQL ? result.answer.sql : nil
    timing = Timing(
      features_ms: result.timing.features,
      database_ms: result.timing.database,
      waiting_ms: result.timing.waiting,
      total_ms: result.timing.total
    )
    page = result.subject.linkItems == nil ? nil : PageLink.page(result.subject, result.options)
    next = result.answer.next?.description
  }
}

/// An image of the collection in JSON.
struct ImageBody: Encodable {
  struct Links: Encodable {
    let image: String
    let thumbnail: String
    let search: String
  }

  let id: ImageID
  let `class`: String?
  let distance: Double?
  let name: String?
  let links: Links

  init(_ row: ImageRow, distance: Double? = nil) {
    let encoded = PercentEncoding.text(row.id.description)
    let path = "/api/v1/images/\(encoded)"
    id = row.id
    `class` = row.class
    // JSON has no number for the distance to a vector of length 0 by the cosine.
    self.distance = distance.flatMap { $0.isFinite ? $0 : nil }
    // Where the collection lies on the server's disk is not the client's business.
    name = row.fileName
    links = Links(
      image: "\(path)/file",
      thumbnail: "\(path)/thumbnail",
      search: "/api/v1/search?id=\(encoded)"
    )
  }
}

/// Images to start from, in JSON.
struct SampleBody: Encodable {
  let schema = 1
  let images: [ImageBody]
}

/// The classes, in JSON.
struct ClassesBody: Encodable {
  let schema = 1
  let classes: [String]
  /// How many images are of each class, in the order of the classes.
  let counts: [Int]
  /// Whether the table has no others.
  let complete: Bool
}

/// What this server is, in JSON.
struct InfoBody: Encodable {
  struct Limits: Encodable {
    let k: Int
    let ef: Int
    let upload_bytes: Int
    let pixels: Int
  }

  let schema = 1
  let collection: String
  let model: String
  let dimension: Int
  let limits: Limits
}

/// Whether the server can work, in JSON.
struct StatusBody: Encodable {
  let status: String
}

/// The body of a search by JSON, read strictly: a key that is not known is an error.
struct JSONSearchRequest: Decodable {
  let subject: SearchSubject
  let options: ImageQuery.Options

  private struct Key: CodingKey {
    let stringValue: String
    var intValue: Int? { nil }

    init(stringValue: String) { self.stringValue = stringValue }
    init?(intValue: Int) { nil }

    static let id = Key(stringValue: "id")
    static let ids = Key(stringValue: "ids")
    static let not = Key(stringValue: "not")
    static let after = Key(stringValue: "after")
    static let vector = Key(stringValue: "vector")
    static let count = Key(stringValue: "k")
    static let `class` = Key(stringValue: "class")
    static let mode = Key(stringValue: "mode")
    static let efSearch = Key(stringValue: "ef")
    static let within = Key(stringValue: "within")
  }

  init(from decoder: any Decoder) throws {
    let body = try decoder.container(keyedBy: Key.self)
    let known = ImageQuery.Options.names.union(["id", "ids", "not", "vector"])
    guard body.allKeys.allSatisfy({ known.contains($0.stringValue) }) else {
      throw HTTPError.invalid("the body may have \(known.sorted().joined(separator: ", ")), and nothing else")
    }
    let id = body.contains(.id) ? try body.decode(ImageID.self, forKey: .id) : nil
    let ids = body.contains(.ids) ? try body.decode([ImageID].self, forKey: .ids) : nil
    let unlike = body.contains(.not) ? try body.decode([ImageID].self, forKey: .not) : nil
    guard ids?.isEmpty != true, unlike?.isEmpty != true else {
      throw HTTPError.invalid("ids and not must name an image when they are given")
    }
    for id in [id].compactMap({ $0 }) + (ids ?? []) + (unlike ?? []) {
      _ = try QueryParameters.imageID(id.description)
    }
    let vector =
      body.contains(.vector) ? try body.decode([Double].self, forKey: .vector).map { Float($0) } : nil
    switch (id, ids, vector) {
    case (let id?, nil, nil):
      subject = SearchSubject(ImageExamples(like: [id], unlike: unlike ?? []))
    case (nil, let ids?, nil):
      let examples = ImageExamples(like: ids, unlike: unlike ?? [])
      subject = try SearchSubject(like: ids, unlike: examples.unlike, upload: nil) ?? SearchSubject(examples)
    case (nil, nil, let vector?) where unlike == nil:
      guard vector.allSatisfy({ abs($0) <= 1e15 }) else {
        throw HTTPError.invalid("the vector's numbers must lie between -1e15 and 1e15")
      }
      subject = .vector(vector)
    default: throw HTTPError.invalid("give either id, ids or vector")
    }
    var options = ImageQuery.Options.usual
    if body.contains(.count) { options.topK = try body.decode(Int.self, forKey: .count) }
    if body.contains(.class) { options.class = try body.decode(String.self, forKey: .class) }
    if body.contains(.mode) {
      options.exact = try ImageQuery.Options.isExact(mode: try body.decode(String.self, forKey: .mode))
    }
    if body.contains(.efSearch) { options.efSearch = try body.decode(Int.self, forKey: .efSearch) }
    if body.contains(.within) { options.within = try body.decode(Double.self, forKey: .within) }
    if body.contains(.after) {
      options.after = try ImageQuery.Options.cursor(try body.decode(String.self, forKey: .after))
    }
    self.options = options
  }

  /// Reads a request and checks it against the limits.
  /// - Throws: `HTTPError` that names the field.
  static func read(_ bytes: [UInt8], _ limits: ServerLimits) throws -> JSONSearchRequest {
    let request: JSONSearchRequest
    do {
      request = try JSONDecoder().decode(Self.self, from: Data(bytes))
    } catch let error as DecodingError {
      throw HTTPError.invalid(Self.message(error))
    }
    guard (1...limits.maximumCount).contains(request.options.topK) else {
      throw HTTPError.invalid("k must be a whole number, 1…\(limits.maximumCount)")
    }
    if let efSearch = request.options.efSearch, !(1...limits.maximumEfSearch).contains(efSearch) {
      throw HTTPError.invalid("ef must be a whole number, 1…\(limits.maximumEfSearch)")
    }
    try request.options.checkClass()
    return request
  }

  private static func message(_ error: DecodingError) -> String {
    switch error {
    case .typeMismatch(_, let context) where !context.codingPath.isEmpty,
      .valueNotFound(_, let context) where !context.codingPath.isEmpty,
      .dataCorrupted(let context) where !context.codingPath.isEmpty:
      "\(context.codingPath[0].stringValue) has a value of the wrong type or size"
    default: "the body is not a JSON object, or holds a number that is out of range"
    }
  }
}

/// A search's answer in JSON.
struct SearchBody: Encodable {
  struct Subject: Encodable {
    var id: Int64?
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
  let sql: String
  let timing: Timing
  let page: String?

  init(_ result: SearchResult) {
    var subject = Subject(class: result.subjectLabel, name: result.subjectName)
    switch result.subject {
    case .id(let id): subject.id = id
    case .upload(let key): subject.upload = key
    case .vector: break
    }
    self.subject = subject
    results = result.answer.hits.map { ImageBody($0.image, distance: $0.distance) }
    sql = result.answer.sql
    timing = Timing(
      features_ms: result.timing.features,
      database_ms: result.timing.database,
      waiting_ms: result.timing.waiting,
      total_ms: result.timing.total
    )
    page = result.subject.linkItem == nil ? nil : PageLink.page(result.subject, result.options)
  }
}

/// An image of the collection in JSON.
struct ImageBody: Encodable {
  struct Links: Encodable {
    let image: String
    let thumbnail: String
    let search: String
  }

  let id: Int64
  let `class`: String?
  let distance: Double?
  let name: String?
  let links: Links

  init(_ image: CollectionImage, distance: Double? = nil) {
    id = image.id
    `class` = image.label
    self.distance = distance
    // Where the collection lies on the server's disk is not the client's business.
    name = image.source?.split(separator: "/").last.map(String.init)
    links = Links(
      image: "/api/v1/images/\(image.id)/file",
      thumbnail: "/api/v1/images/\(image.id)/thumbnail",
      search: "/api/v1/search?id=\(image.id)"
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

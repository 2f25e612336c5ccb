internal import Basics
internal import HTTPTypes
internal import ImageSearch

/// An image by itself: what is known of it, where it stands in the search that found it, and what looks like it.
struct ImageDetail: Sendable {
  let row: ImageRow
  let place: String?
  /// The search that it was found by; nil for the start page.
  let subject: SearchSubject?
  let options: ImageQuery.Options
  /// That search's answer; nil when it cannot be made again.
  let context: SearchResult?
  /// The nearest images of the whole collection.
  let near: [ImageHit]
  /// The nearest images of its own class.
  let sameClass: [ImageHit]
}

extension SearchCore {
  private static let neighbours = 12

  /// An image and what surrounds it.
  /// - Throws: `HTTPError` 404 when there is no such row.
  func detail(_ id: ImageID, of subject: SearchSubject?, _ options: ImageQuery.Options) async throws
    -> ImageDetail
  {
    guard let row = try await ask({ try await backend.row(id: id) }) else {
      throw HTTPError.notFound("the collection has no image \(id)")
    }
    async let context = context(subject, options)
    async let near = neighbours(of: id, class: nil)
    async let sameClass = row.class == nil ? [] : neighbours(of: id, class: row.class)
    return try await ImageDetail(
      row: row,
      place: store.place(of: row),
      subject: subject,
      options: options,
      context: context,
      near: near,
      sameClass: sameClass
    )
  }

  /// An image is shown even where the search that led to it is gone, as one by a forgotten upload.
  private func context(_ subject: SearchSubject?, _ options: ImageQuery.Options) async throws -> SearchResult?
  {
    guard let subject else { return nil }
    do {
      return try await search(subject, options)
    } catch let error as HTTPError where error.status.code < 500 {
      return nil
    } catch let error as BackendError where [.notFound, .invalidSearch].contains(error.code) {
      return nil
    }
  }

  /// Nothing is near an image whose vector has no distance.
  private func neighbours(of id: ImageID, class name: String?) async throws -> [ImageHit] {
    do {
      let query = ImageQuery(.id(id), topK: Self.neighbours, class: name)
      return try await ask { try await backend.search(query) }.hits
    } catch let error as BackendError where [.notFound, .invalidSearch].contains(error.code) {
      return []
    }
  }
}

/// What the template of an image by itself is filled with.
struct DetailView {
  /// A row of images under a heading.
  struct Row {
    let heading: String
    let hint: String?
    let cards: [CardView]
  }

  let heading: String
  let image: String
  let full: String
  let alt: String
  let id: String
  let className: String?
  let classLink: String
  let place: String?
  let distance: String?
  /// Where it stands among the search's images.
  let position: String?
  let back: String
  let previous: String?
  let next: String?
  /// The search near this image.
  let like: String
  /// The search with this image as another example; nil where there is no search.
  let also: String?
  /// The search that keeps away from this image; nil where there is no search.
  let unlike: String?
  let rows: [Row]

  init(_ detail: ImageDetail, _ cards: ImageCards) {
    let (row, texts, options) = (detail.row, cards.texts, detail.options.fromTheStart)
    let hits = detail.context?.answer.hits ?? []
    let index = hits.firstIndex { $0.id == row.id }
    let id = row.id
    self.id = id.description
    heading = texts.text("image", ["id": id.description])
    image = cards.thumbnail(row) + "&side=1024"
    full = "/api/v1/images/\(PercentEncoding.text(id.description))/file"
    alt = texts.text("image_alt", ["id": id.description])
    className = row.class
    let ofClass = ImageQuery.Options.usual(class: row.class)
    classLink = PageLink.page(nil, ofClass)
    place = detail.place
    distance = index.map { hits[$0].distance }.map {
      $0.isFinite ? Decimals.distance($0) : texts["no_distance"]
    }
    let first = detail.options.after?.seen ?? 0
    position = index.map {
      texts.text("position", ["number": String(first + $0 + 1), "count": String(first + hits.count)])
    }
    func link(_ index: Int?) -> String? {
      index.flatMap { hits.indices.contains($0) ? hits[$0].id : nil }
        .map { PageLink.detail($0, of: detail.subject, detail.options) }
    }
    back = PageLink.page(detail.subject, detail.subject == nil ? options : detail.options)
    previous = link(index.map { $0 - 1 })
    next = link(index.map { $0 + 1 })
    like = PageLink.page(.id(id), options)
    let isSubject = detail.subject?.examples.like == [id]
    also = isSubject ? nil : detail.subject?.adding(like: id).map { PageLink.page($0, options) }
    unlike = isSubject ? nil : detail.subject?.adding(unlike: id).map { PageLink.page($0, options) }
    let near = cards.views(of: detail.near, in: .id(id), .usual)
    let sameClass = cards.views(of: detail.sameClass, in: .id(id), ofClass)
    rows = [
      Row(heading: texts["detail_near"], hint: texts["detail_near_hint"], cards: near),
      Row(heading: texts.text("detail_same", ["class": row.class ?? ""]), hint: nil, cards: sameClass),
    ].filter { !$0.cards.isEmpty }
  }
}

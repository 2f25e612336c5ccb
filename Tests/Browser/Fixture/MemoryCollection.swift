import Basics
import Foundation
import ImageCodecs
import ImageSearch
import SearchServer

/// A folder of images, each sub-folder a class, compared one by one.
struct MemoryCollection: SearchBackend {
  private let rows: [(image: ImageRow, features: [Float])]
  private let lost: String?

  init(folder: String, lost: String?) throws {
    self.lost = lost
    let paths = try FileManager.default.subpathsOfDirectory(atPath: folder).filter { $0.hasSuffix(".png") }
      .sorted()
    rows = try paths.enumerated().map { index, path in
      let label = path.split(separator: "/").first.map(String.init)
      let image = ImageRow(id: ImageID(Int64(index)), class: label, source: path)
      return (image, try PixelFeatures.features(of: Image(contentsOfFile: "\(folder)/\(path)")))
    }
  }

  func search(_ query: ImageQuery) async throws -> ImageAnswer {
    try await checkConnection()
    let start = ContinuousClock.now
    let vector: [Float]
    var own: ImageID?
    switch query.subject {
    case .vector(let given): vector = given
    case .id(let id):
      guard let row = rows.first(where: { $0.image.id == id }) else {
        throw BackendError(.notFound, "the collection has no image \(id)")
      }
      own = id
      vector = row.features
    }
    let candidates = rows.filter { row in
      row.image.id != own && !query.excluded.contains(row.image.id)
        && (query.options.class.map { $0 == row.image.class } ?? true)
    }
    let hits = candidates.map { row in
      ImageHit(
        id: row.image.id,
        class: row.image.class,
        distance: Self.distance(row.features, vector),
        source: row.image.source
      )
    }
    .filter { query.options.after?.precedes($0) ?? true }
    .sorted { ($0.distance, $0.id) < ($1.distance, $1.id) }
    let page = Array(hits.prefix(query.options.topK))
    return ImageAnswer(
      hits: page,
      sql: Self.sql(query),
      databaseMilliseconds: (ContinuousClock.now - start) / .milliseconds(1),
      next: page.count < hits.count ? ImageCursor(after: page, from: query.options.after) : nil
    ).within(query.options.within)
  }

  func vector(for examples: ImageExamples) async throws -> [Float] {
    let known = Set(rows.map(\.image.id))
    if let id = (examples.like + examples.unlike).first(where: { !known.contains($0) }) {
      throw BackendError(.notFound, "the collection has no image \(id)")
    }
    let like = rows.filter { examples.like.contains($0.image.id) }.map(\.features) + examples.vectors
    let unlike = rows.filter { examples.unlike.contains($0.image.id) }.map(\.features)
    guard !like.isEmpty else { throw BackendError(.invalidSearch, "no image to be near to") }
    func mean(_ vectors: [[Float]], _ index: Int) -> Float {
      vectors.reduce(0) { $0 + $1[index] } / Float(vectors.count)
    }
    return like[0].indices.map { index in
      unlike.isEmpty ? mean(like, index) : 2 * mean(like, index) - mean(unlike, index)
    }
  }

  private static func distance(_ left: [Float], _ right: [Float]) -> Double {
    zip(left, right).reduce(0.0) { $0 + Double(($1.0 - $1.1) * ($1.0 - $1.1)) }.squareRoot()
  }

  private static func sql(_ query: ImageQuery) -> String {
    let subject =
      switch query.subject {
      case .id(let id): "(SELECT image_vector FROM public.image_search WHERE id = \(id))"
      case .vector(let vector): "'[\(vector.map { "\($0)" }.joined(separator: ","))]'::vector"
      }
    let filter = query.options.class.map { "WHERE class = '\($0.replacing("'", with: "''"))'\n" } ?? ""
    return """
      SELECT id, class, image_vector <-> \(subject) AS distance
      FROM public.image_search
      \(filter)ORDER BY image_vector <-> \(subject)
      LIMIT \(query.options.topK);
      """
  }

  func row(id: ImageID) async throws -> ImageRow? {
    try await checkConnection()
    return rows.first { $0.image.id == id }?.image
  }

  func sample(_ count: Int, class name: String?) async throws -> [ImageRow] {
    try await checkConnection()
    let fitting = rows.map(\.image).filter { name == nil || $0.class == name }
    let step = max(1, fitting.count / max(1, count))
    return Array(stride(from: 0, to: fitting.count, by: step).prefix(count).map { fitting[$0] })
  }

  func classes(limit: Int) async throws -> [ImageClass] {
    try await checkConnection()
    let counts = Dictionary(rows.compactMap(\.image.class).map { ($0, 1) }, uniquingKeysWith: +)
    return counts.map { ImageClass(name: $0.key, count: $0.value) }.sorted { $0.name < $1.name }
  }

  func checkConnection() async throws {
    guard let lost, FileManager.default.fileExists(atPath: lost) else { return }
    throw BackendError(.unavailable, "the database does not answer; it is tried again with the next search")
  }
}

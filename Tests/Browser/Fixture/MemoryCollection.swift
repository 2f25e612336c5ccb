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
      row.image.id != own && (query.class.map { $0 == row.image.class } ?? true)
    }
    let hits = candidates.map { row in
      ImageHit(
        id: row.image.id,
        class: row.image.class,
        distance: Self.distance(row.features, vector),
        source: row.image.source
      )
    }
    .sorted { ($0.distance, $0.id) < ($1.distance, $1.id) }
    return ImageAnswer(
      hits: Array(hits.prefix(query.topK)),
      sql: Self.sql(query),
      databaseMilliseconds: (ContinuousClock.now - start) / .milliseconds(1)
    )
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
    let filter = query.class.map { "WHERE class = '\($0.replacing("'", with: "''"))'\n" } ?? ""
    return """
      SELECT id, class, image_vector <-> \(subject) AS distance
      FROM public.image_search
      \(filter)ORDER BY image_vector <-> \(subject)
      LIMIT \(query.topK);
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

  func classes(limit: Int) async throws -> [String] {
    try await checkConnection()
    return Array(Set(rows.compactMap(\.image.class)).sorted().prefix(limit))
  }

  func checkConnection() async throws {
    guard let lost, FileManager.default.fileExists(atPath: lost) else { return }
    throw BackendError(.unavailable, "the database does not answer; it is tried again with the next search")
  }
}

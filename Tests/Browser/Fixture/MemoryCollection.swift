import Foundation
import ImageCodecs
import SearchServer

/// A folder of images, each sub-folder a class, compared one by one.
struct MemoryCollection: SearchBackend {
  private let rows: [(image: CollectionImage, features: [Float])]
  private let lost: String?

  init(folder: String, lost: String?) throws {
    self.lost = lost
    let paths = try FileManager.default.subpathsOfDirectory(atPath: folder).filter { $0.hasSuffix(".png") }
      .sorted()
    rows = try paths.enumerated().map { index, path in
      let label = path.split(separator: "/").first.map(String.init)
      let image = CollectionImage(id: Int64(index), label: label, source: path)
      return (image, try PixelFeatures.features(of: Image(contentsOfFile: "\(folder)/\(path)")))
    }
  }

  func search(_ query: SearchQuery) async throws -> SearchAnswer {
    try await checkConnection()
    let start = ContinuousClock.now
    let vector: [Float]
    var own: Int64?
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
      row.image.id != own && (query.label.map { $0 == row.image.label } ?? true)
    }
    let hits = candidates.map { SearchAnswer.Hit($0.image, distance: Self.distance($0.features, vector)) }
      .sorted { ($0.distance, $0.image.id) < ($1.distance, $1.image.id) }
    return SearchAnswer(
      hits: Array(hits.prefix(query.count)),
      sql: Self.sql(query),
      databaseMilliseconds: (ContinuousClock.now - start) / .milliseconds(1)
    )
  }

  private static func distance(_ left: [Float], _ right: [Float]) -> Double {
    zip(left, right).reduce(0.0) { $0 + Double(($1.0 - $1.1) * ($1.0 - $1.1)) }.squareRoot()
  }

  private static func sql(_ query: SearchQuery) -> String {
    let subject =
      switch query.subject {
      case .id(let id): "(SELECT image_vector FROM public.image_search WHERE id = \(id))"
      case .vector(let vector): "'[\(vector.map { "\($0)" }.joined(separator: ","))]'::vector"
      }
    let filter = query.label.map { "WHERE class = '\($0.replacing("'", with: "''"))'\n" } ?? ""
    return """
      SELECT id, class, image_vector <-> \(subject) AS distance
      FROM public.image_search
      \(filter)ORDER BY image_vector <-> \(subject)
      LIMIT \(query.count);
      """
  }

  func image(id: Int64) async throws -> CollectionImage? {
    try await checkConnection()
    return rows.first { $0.image.id == id }?.image
  }

  func sample(_ count: Int, label: String?) async throws -> [CollectionImage] {
    try await checkConnection()
    let fitting = rows.map(\.image).filter { label == nil || $0.label == label }
    let step = max(1, fitting.count / max(1, count))
    return Array(stride(from: 0, to: fitting.count, by: step).prefix(count).map { fitting[$0] })
  }

  func classes(limit: Int) async throws -> [String] {
    try await checkConnection()
    return Array(Set(rows.compactMap(\.image.label)).sorted().prefix(limit))
  }

  func checkConnection() async throws {
    guard let lost, FileManager.default.fileExists(atPath: lost) else { return }
    throw BackendError(.unavailable, "the database does not answer; it is tried again with the next search")
  }
}

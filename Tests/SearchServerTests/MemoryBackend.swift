import SearchServer
import Synchronization

/// A collection of a few images with one-number vectors, whose database can be lost.
final class MemoryBackend: SearchBackend {
  let images: [CollectionImage]
  private let lost = Mutex(false)
  private let queries = Mutex<[SearchQuery]>([])
  /// Called in the middle of every search.
  let pause: @Sendable () async -> Void

  init(
    _ images: [CollectionImage] = MemoryBackend.animals,
    pause: @escaping @Sendable () async -> Void = {}
  ) {
    self.images = images
    self.pause = pause
  }

  /// Whether the database answers.
  var isLost: Bool {
    get { lost.withLock { $0 } }
    set { lost.withLock { $0 = newValue } }
  }

  /// What was asked of it.
  var asked: [SearchQuery] { queries.withLock { $0 } }

  static let animals = [
    CollectionImage(id: 0, label: "cat", source: "cat/tabby.png"),
    CollectionImage(id: 1, label: "cat", source: "cat/black.png"),
    CollectionImage(id: 2, label: "dog", source: "dog/terrier.png"),
    CollectionImage(id: 3, label: nil, source: nil),
  ]

  func search(_ query: SearchQuery) async throws -> SearchAnswer {
    try await checkConnection()
    queries.withLock { $0.append(query) }
    await pause()
    var origin = 0.0
    if case .id(let id) = query.subject {
      guard images.contains(where: { $0.id == id }) else {
        throw BackendError(.notFound, "no image \(id)")
      }
      origin = Double(id)
    }
    let hits = images.filter { query.label == nil || $0.label == query.label }
      .filter { query.subject != .id($0.id) }
      .map { SearchAnswer.Hit($0, distance: abs(Double($0.id) - origin)) }
      .sorted { $0.distance < $1.distance }
    return SearchAnswer(hits: Array(hits.prefix(query.count)), sql: "SELECT '<' ;", databaseMilliseconds: 1.5)
  }

  func image(id: Int64) async throws -> CollectionImage? {
    try await checkConnection()
    return images.first { $0.id == id }
  }

  func sample(_ count: Int, label: String?) async throws -> [CollectionImage] {
    try await checkConnection()
    return Array(images.filter { label == nil || $0.label == label }.prefix(count))
  }

  func labels() async throws -> [String] {
    try await checkConnection()
    return Set(images.compactMap(\.label)).sorted()
  }

  func checkConnection() async throws {
    if isLost { throw BackendError(.unavailable, "the database does not answer") }
  }
}

/// A network that knows every image, and thumbnails that are the image itself.
struct StubImages: ImageBackend {
  let model = "stub"
  let dimension = 2
  var pause: @Sendable () async -> Void = {}

  func features(of file: [UInt8], maximumPixels: Int) async throws -> [Float] {
    await pause()
    guard file.count > 8 else { throw BackendError(.unreadableImage, "the image ends too early") }
    return [0, 1]
  }

  func thumbnail(of file: [UInt8], side: Int, maximumPixels: Int) async throws -> [UInt8] { file }
}

/// Files by their source.
struct MemoryStore: ImageStore {
  var files: [String: [UInt8]] = ["cat/tabby.png": Sample.png, "dog/terrier.png": Array("<html>".utf8)]

  func file(of image: CollectionImage) -> ImageFile? {
    image.source.flatMap { files[$0] }.map { ImageFile(bytes: $0, version: "v1") }
  }
}

enum Sample {
  /// Begins as a PNG file does; the stub reads no further.
  static let png: [UInt8] = [0x89, 0x50, 0x4E, 0x47, 0x0D, 0x0A, 0x1A, 0x0A] + Array("pixels".utf8)
}

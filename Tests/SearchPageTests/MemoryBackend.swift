import SearchPage
import Synchronization

/// A collection of a few pictures with one-number vectors, whose database can be lost.
final class MemoryBackend: SearchBackend {
  let pictures: [CollectionPicture]
  private let lost = Mutex(false)
  private let queries = Mutex<[SearchQuery]>([])
  /// Called in the middle of every search.
  let pause: @Sendable () async -> Void

  init(
    _ pictures: [CollectionPicture] = MemoryBackend.animals,
    pause: @escaping @Sendable () async -> Void = {}
  ) {
    self.pictures = pictures
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
    CollectionPicture(id: 0, label: "cat", source: "cat/tabby.png"),
    CollectionPicture(id: 1, label: "cat", source: "cat/black.png"),
    CollectionPicture(id: 2, label: "dog", source: "dog/terrier.png"),
    CollectionPicture(id: 3, label: nil, source: nil),
  ]

  func search(_ query: SearchQuery) async throws -> SearchAnswer {
    try await checkConnection()
    queries.withLock { $0.append(query) }
    await pause()
    var origin = 0.0
    if case .id(let id) = query.subject {
      guard pictures.contains(where: { $0.id == id }) else {
        throw BackendError(.notFound, "no picture \(id)")
      }
      origin = Double(id)
    }
    let hits = pictures.filter { query.label == nil || $0.label == query.label }
      .filter { query.subject != .id($0.id) }
      .map { SearchAnswer.Hit($0, distance: abs(Double($0.id) - origin)) }
      .sorted { $0.distance < $1.distance }
    return SearchAnswer(hits: Array(hits.prefix(query.count)), sql: "SELECT '<' ;", databaseMilliseconds: 1.5)
  }

  func picture(id: Int64) async throws -> CollectionPicture? {
    try await checkConnection()
    return pictures.first { $0.id == id }
  }

  func sample(_ count: Int, label: String?) async throws -> [CollectionPicture] {
    try await checkConnection()
    return Array(pictures.filter { label == nil || $0.label == label }.prefix(count))
  }

  func labels() async throws -> [String] {
    try await checkConnection()
    return Set(pictures.compactMap(\.label)).sorted()
  }

  func checkConnection() async throws {
    if isLost { throw BackendError(.unavailable, "the database does not answer") }
  }
}

/// A network that knows every picture, and thumbnails that are the picture itself.
struct StubPictures: PictureBackend {
  let model = "stub"
  let dimension = 2
  var pause: @Sendable () async -> Void = {}

  func features(of file: [UInt8], maximumPixels: Int) async throws -> [Float] {
    await pause()
    guard file.count > 8 else { throw BackendError(.unreadablePicture, "the picture ends too early") }
    return [0, 1]
  }

  func thumbnail(of file: [UInt8], side: Int, maximumPixels: Int) async throws -> [UInt8] { file }
}

/// Files by their source.
struct MemoryStore: PictureStore {
  var files: [String: [UInt8]] = ["cat/tabby.png": Sample.png, "dog/terrier.png": Array("<html>".utf8)]

  func file(of picture: CollectionPicture) -> PictureFile? {
    picture.source.flatMap { files[$0] }.map { PictureFile(bytes: $0, version: "v1") }
  }
}

enum Sample {
  /// Begins as a PNG file does; the stub reads no further.
  static let png: [UInt8] = [0x89, 0x50, 0x4E, 0x47, 0x0D, 0x0A, 0x1A, 0x0A] + Array("pixels".utf8)
}

import Basics
import ImageSearch
import SearchServer
import Synchronization

/// A collection of a few images with one-number vectors, whose database can be lost.
final class MemoryBackend: SearchBackend {
  let images: [ImageRow]
  private let lost = Mutex(false)
  private let queries = Mutex<[ImageQuery]>([])
  /// Called in the middle of every search.
  let pause: @Sendable () async -> Void
  private let distance: @Sendable (Double) -> Double
  private let notices: [String]
  private let rowsAsked = Mutex(0)

  /// - Parameter distance: What is said in place of the true distance.
  init(
    _ images: [ImageRow] = MemoryBackend.animals,
    distance: @escaping @Sendable (Double) -> Double = { $0 },
    notices: [String] = [],
    pause: @escaping @Sendable () async -> Void = {}
  ) {
    self.images = images
    self.distance = distance
    self.notices = notices
    self.pause = pause
  }

  /// How often a single row was asked for.
  var singleRows: Int { rowsAsked.withLock { $0 } }

  /// Whether the database answers.
  var isLost: Bool {
    get { lost.withLock { $0 } }
    set { lost.withLock { $0 = newValue } }
  }

  /// What was asked of it.
  var asked: [ImageQuery] { queries.withLock { $0 } }

  static let animals = [
    ImageRow(id: 0, class: "cat", source: "cat/tabby.png"),
    ImageRow(id: 1, class: "cat", source: "cat/black.png"),
    ImageRow(id: 2, class: "dog", source: "dog/terrier.png"),
    ImageRow(id: 3, class: nil, source: nil),
  ]

  func search(_ query: ImageQuery) async throws -> ImageAnswer {
    try await checkConnection()
    queries.withLock { $0.append(query) }
    await pause()
    var origin = 0.0
    if case .id(let id) = query.subject {
      guard images.contains(where: { $0.id == id }) else {
        throw BackendError(.notFound, "no image \(id)")
      }
      origin = Double(id.number ?? 0)
    }
    let hits = images.filter { query.options.class == nil || $0.class == query.options.class }
      .filter { query.subject != .id($0.id) && !query.excluded.contains($0.id) }
      .map { row in
        let distance = distance(abs(Double(row.id.number ?? 0) - origin))
        return ImageHit(id: row.id, class: row.class, distance: distance, source: row.source)
      }
      .filter { query.options.after?.precedes($0) ?? true }
      .sorted { $0.distance < $1.distance }
    let page = Array(hits.prefix(query.options.topK))
    return ImageAnswer(
      hits: page,
      sql: "SELECT '<' ;",
      databaseMilliseconds: 1.5,
      isComplete: notices.isEmpty,
      notices: notices,
      next: page.count < hits.count ? ImageCursor(after: page, from: query.options.after) : nil
    ).within(query.options.within)
  }

  /// The mean of the ids; nothing depends on its first number.
  func vector(for examples: ImageExamples) async throws -> [Float] {
    try await checkConnection()
    let ids = (examples.like + examples.unlike).map { Float($0.number ?? 0) }
    return [0, ids.reduce(0, +) / Float(max(1, ids.count))]
  }

  func row(id: ImageID) async throws -> ImageRow? {
    try await checkConnection()
    rowsAsked.withLock { $0 += 1 }
    return images.first { $0.id == id }
  }

  func sample(_ count: Int, class name: String?) async throws -> [ImageRow] {
    try await checkConnection()
    return Array(images.filter { name == nil || $0.class == name }.prefix(count))
  }

  func classes(limit: Int) async throws -> [ImageClass] {
    try await checkConnection()
    let counts = Dictionary(images.compactMap(\.class).map { ($0, 1) }, uniquingKeysWith: +)
    return counts.map { ImageClass(name: $0.key, count: $0.value) }.sorted { $0.name < $1.name }
  }

  func checkConnection() async throws {
    if isLost { throw BackendError(.unavailable, "the database does not answer") }
  }
}

/// A network that knows every image, and thumbnails that are the image itself.
struct StubImages: ImageBackend {
  var model = "stub"
  let dimension = 2
  var pause: @Sendable () async -> Void = {}
  var onThumbnail: @Sendable () -> Void = {}

  func decodingCost(of file: [UInt8], maximumPixels: Int) -> Int { file.count }

  func examine(_ file: [UInt8], thumbnailSide: Int, maximumPixels: Int) async throws -> ExaminedImage {
    await pause()
    guard file.count > 8 else { throw BackendError(.unreadableImage, "the image ends too early") }
    return ExaminedImage(embedding: [0, 1], thumbnail: file)
  }

  func thumbnail(of file: [UInt8], side: Int, maximumPixels: Int) async throws -> [UInt8] {
    onThumbnail()
    return file
  }
}

/// Files by their source.
final class MemoryStore: ImageStore {
  private let files: Mutex<[String: (bytes: [UInt8], version: String)]>

  init(
    files: [String: [UInt8]] = ["cat/tabby.png": Sample.png, "dog/terrier.png": Array("<html>".utf8)]
  ) {
    self.files = Mutex(files.mapValues { ($0, "v1") })
  }

  func replace(_ source: String, _ bytes: [UInt8], version: String) {
    files.withLock { $0[source] = (bytes, version) }
  }

  func file(of image: ImageRow) -> ImageFile? {
    files.withLock { files in
      image.source.flatMap { files[$0] }.map { ImageFile(bytes: $0.bytes, version: $0.version) }
    }
  }
}

enum Sample {
  /// Begins as a PNG file does; the stub reads no further.
  static let png: [UInt8] = [0x89, 0x50, 0x4E, 0x47, 0x0D, 0x0A, 0x1A, 0x0A] + Array("pixels".utf8)
}

internal import Basics
internal import Hummingbird
internal import ImageSearch

/// A small image.
struct Thumbnail: Sendable, Hashable {
  /// The sides that are made: others would let a client fill the memory with sizes.
  static let sides = [96, 192, 384, 1024]
  static let usualSide = 192
  /// The side of the thumbnail that is kept of an upload.
  static let uploadSide = 384

  let bytes: [UInt8]
  let type: String
  let version: String
}

/// What a thumbnail is kept under: the row and its file's content, so that another image under the same id has another
/// key.
struct ThumbnailKey: Hashable, Sendable {
  let image: ImageRow
  let version: String
  let side: Int
}

/// The rows that pages have shown last, so that a page's thumbnails need no query each.
///
/// A link to a thumbnail names the row's id and a digest of what the row said; a link to a row that was changed
/// since, or forgotten, is answered from the table.
struct ShownImages: Sendable {
  private let images = BoundedCache<String, ImageRow>(maximumCost: 8 << 20)

  /// Remembers a row that is about to be shown.
  /// - Returns: What stands for it in a link.
  func remember(_ image: ImageRow) -> String {
    // Hasher's seed is random in each process: a digest does not reveal its source.
    var hasher = Hasher()
    hasher.combine(image)
    let digest = String(UInt(bitPattern: hasher.finalize()), radix: 36)
    images.insert(image, for: "\(image.id) \(digest)", cost: 160 + (image.source?.utf8.count ?? 0))
    return digest
  }

  /// The row behind a link.
  func image(id: ImageID, digest: String) -> ImageRow? {
    images.value(for: "\(id) \(digest)")
  }
}

extension SearchCore {
  /// An image of the collection.
  /// - Throws: `HTTPError` 404 when there is no such row, or no file for it.
  func file(id: ImageID, digest: String? = nil) async throws -> (image: ImageRow, file: ImageFile) {
    let shown = digest.flatMap { self.shown.image(id: id, digest: $0) }
    guard let image = try await known(shown, id) else {
      throw HTTPError.notFound("the collection has no image \(id)")
    }
    let file = try await admitted(to: thumbnailQueue) {
      try await threads.run { try await store.file(of: image) }
    }
    guard let file = file.value else {
      throw HTTPError.notFound("the file of image \(id) is not in the collection")
    }
    return (image, file)
  }

  private func known(_ shown: ImageRow?, _ id: ImageID) async throws -> ImageRow? {
    if let shown { return shown }
    return try await ask { try await backend.row(id: id) }
  }

  /// A thumbnail of an image of the collection, from memory or disk where it was made of the same file before.
  func thumbnail(id: ImageID, digest: String?, side: Int) async throws -> Thumbnail {
    let (image, file) = try await file(id: id, digest: digest)
    let key = ThumbnailKey(image: image, version: file.version, side: side)
    if let kept = thumbnails.value(for: key) {
      metrics.thumbnail(from: .memory)
      return kept
    }
    let made = try await admitted(to: thumbnailQueue) {
      let bytes = try await threads.run { try file.bytes() }
      let kept = try await keptOnDisk(bytes, side)
      let small = if let kept { kept } else { try await smaller(bytes, side) }
      return Thumbnail(bytes: small, type: try Self.type(of: small), version: "\(file.version)-\(side)")
    }
    thumbnails.insert(made.value, for: key, cost: made.value.bytes.count + 256)
    return made.value
  }

  /// A thumbnail that was made of the same bytes before, under any name.
  private func keptOnDisk(_ bytes: [UInt8], _ side: Int) async throws -> [UInt8]? {
    guard let diskThumbnails else { return nil }
    let kept = try await threads.run { diskThumbnails.value(for: Self.diskKey(bytes, side)) }
    guard let kept, ContentType.image(kept) != nil else { return nil }
    metrics.thumbnail(from: .disk)
    return kept
  }

  private func smaller(_ bytes: [UInt8], _ side: Int) async throws -> [UInt8] {
    _ = try Self.type(of: bytes)
    let limit = configuration.limits.maximumPixels
    let small = try await decoding(bytes) { [images] in
      try await images.thumbnail(of: bytes, side: side, maximumPixels: limit)
    }
    metrics.thumbnail(from: .image)
    if let diskThumbnails {
      try await threads.run { diskThumbnails.insert(small, for: Self.diskKey(bytes, side)) }
    }
    return small
  }

  /// The number goes up when thumbnails of the same file become others.
  private static func diskKey(_ bytes: [UInt8], _ side: Int) -> String {
    "\(SHA256.hexadecimal(of: bytes))-\(side)-1"
  }

  /// Decodes an image when the memory that this takes is free.
  func decoding<Value: Sendable>(
    _ file: [UInt8],
    _ body: @Sendable () async throws -> Value
  ) async throws -> Value {
    let cost = try images.decodingCost(of: file, maximumPixels: configuration.limits.maximumPixels)
    return try await admitted(to: decodingQueue, units: cost) { try await threads.run(body) }.value
  }

  /// The type of an image's bytes, from the bytes themselves; its first ones suffice.
  static func type(of bytes: [UInt8]) throws -> String {
    guard let type = ContentType.image(bytes) else {
      throw BackendError(.unreadableImage, "the file is not an image that can be shown")
    }
    return type
  }
}

/// Answers that are images.
enum ImageResponse {
  /// How much of a file is in memory for a client that reads slowly.
  private static let pieceBytes = 64 << 10

  static func make(_ request: Request, _ thumbnail: Thumbnail) -> Response {
    make(request, type: thumbnail.type, version: thumbnail.version) {
      ResponseBody(byteBuffer: ByteBuffer(bytes: thumbnail.bytes))
    }
  }

  /// A file as it is, read while it is sent.
  static func make(_ request: Request, _ file: ImageFile, _ threads: BlockingExecutor) async throws
    -> Response
  {
    let type = try SearchCore.type(of: try await threads.run { try file.bytes(0..<16) })
    return make(request, type: type, version: file.version) {
      ResponseBody(contentLength: file.size) { writer in
        for start in stride(from: 0, to: file.size, by: pieceBytes) {
          let piece = try await threads.run { try file.bytes(start..<start + pieceBytes) }
          try await writer.write(ByteBuffer(bytes: piece))
        }
        try await writer.finish(nil)
      }
    }
  }

  /// A browser asks each time whether the image is still the same: the row or its file may be another one by now.
  private static func make(
    _ request: Request,
    type: String,
    version: String,
    body: () -> ResponseBody
  ) -> Response {
    let tag = "\"\(version)\""
    var headers: HTTPFields = [
      .eTag: tag,
      .cacheControl: "private, no-cache",
      .contentSecurityPolicy: "default-src 'none'; sandbox",
    ]
    if isKnown(tag, to: request) { return Response(status: .notModified, headers: headers) }
    headers[.contentType] = type
    return Response(status: .ok, headers: headers, body: body())
  }

  /// Whether a client has what a tag stands for.
  static func isKnown(_ tag: String, to request: Request) -> Bool {
    let known = (request.headers[.ifNoneMatch] ?? "").split(separator: ",").map(\.trimmed)
    return known.contains(tag) || known.contains("W/\(tag)") || known == ["*"]
  }
}

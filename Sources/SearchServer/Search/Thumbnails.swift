/// A small image.
struct Thumbnail: Sendable, Hashable {
  /// The sides that are made: others would let a client fill the memory with sizes.
  static let sides = [96, 192, 384]
  static let usualSide = 192
  /// The side of the thumbnail that is kept of an upload.
  static let uploadSide = 384

  let bytes: [UInt8]
  let type: String
  let version: String
}

/// What a thumbnail is kept under.
struct ThumbnailKey: Hashable, Sendable {
  let id: Int64
  let side: Int
}

extension SearchCore {
  /// An image of the collection.
  /// - Throws: `HTTPError` 404 when there is no such row, or no file for it.
  func file(id: Int64) async throws -> ImageFile {
    guard let image = try await ask({ try await backend.image(id: id) }) else {
      throw HTTPError.notFound("the collection has no image \(id)")
    }
    let file = try await admitted(to: thumbnailQueue) {
      try await threads.run { try await store.file(of: image) }
    }
    guard let file = file.value else {
      throw HTTPError.notFound("the file of image \(id) is not in the collection")
    }
    return file
  }

  /// A thumbnail of an image of the collection, from memory where it was made before.
  func thumbnail(id: Int64, side: Int) async throws -> Thumbnail {
    let key = ThumbnailKey(id: id, side: side)
    if let kept = thumbnails.value(for: key) {
      metrics.thumbnail(fromMemory: true)
      return kept
    }
    let file = try await file(id: id)
    let limit = configuration.limits.maximumPixels
    let made = try await admitted(to: thumbnailQueue) {
      try await threads.run { [images] in
        let bytes = try await images.thumbnail(of: file.bytes, side: side, maximumPixels: limit)
        return Thumbnail(bytes: bytes, type: try Self.type(of: bytes), version: "\(file.version)-\(side)")
      }
    }
    metrics.thumbnail(fromMemory: false)
    thumbnails.insert(made.value, for: key, cost: made.value.bytes.count + 128)
    return made.value
  }

  /// The type of an image's bytes, from the bytes themselves.
  static func type(of bytes: [UInt8]) throws -> String {
    guard let type = ContentType.image(bytes) else {
      throw BackendError(.unreadableImage, "the file is no image that can be shown")
    }
    return type
  }
}

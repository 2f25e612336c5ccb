/// A small picture.
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

extension PageCore {
  /// A picture of the collection.
  /// - Throws: `Fault` 404 when there is no such row, or no file for it.
  func file(id: Int64) async throws -> PictureFile {
    guard let picture = try await ask({ try await backend.picture(id: id) }) else {
      throw Fault.notFound("the collection has no picture \(id)")
    }
    let file = try await admitted(to: thumbnailQueue) {
      try await threads.run { try await store.file(of: picture) }
    }
    guard let file = file.value else {
      throw Fault.notFound("the file of picture \(id) is not in the collection")
    }
    return file
  }

  /// A thumbnail of a picture of the collection, from memory where it was made before.
  func thumbnail(id: Int64, side: Int) async throws -> Thumbnail {
    let key = ThumbnailKey(id: id, side: side)
    if let kept = thumbnails.value(for: key) {
      metrics.thumbnail(fromMemory: true)
      return kept
    }
    let file = try await file(id: id)
    let limit = configuration.limits.maximumPixels
    let made = try await admitted(to: thumbnailQueue) {
      try await threads.run { [pictures] in
        let bytes = try await pictures.thumbnail(of: file.bytes, side: side, maximumPixels: limit)
        return Thumbnail(bytes: bytes, type: try Self.type(of: bytes), version: "\(file.version)-\(side)")
      }
    }
    metrics.thumbnail(fromMemory: false)
    thumbnails.insert(made.value, for: key, cost: made.value.bytes.count + 128)
    return made.value
  }

  /// The type of a picture's bytes, from the bytes themselves.
  static func type(of bytes: [UInt8]) throws -> String {
    guard let type = ContentType.picture(bytes) else {
      throw BackendError(.unreadablePicture, "the file is no picture that can be shown")
    }
    return type
  }
}

/// Where the collection's image files are.
public protocol ImageStore: Sendable {
  /// The file of an image; nil when the collection does not hold it (any more).
  ///
  /// Called on a thread that may block.
  func file(of image: CollectionImage) async throws -> ImageFile?
}

/// An image file of the collection.
public struct ImageFile: Sendable, Hashable {
  /// The file's bytes.
  public var bytes: [UInt8]
  /// Changes whenever the bytes may have changed.
  public var version: String

  /// A file from its bytes.
  public init(bytes: [UInt8], version: String) {
    self.bytes = bytes
    self.version = version
  }
}

/// A collection whose images cannot be shown: the page shows placeholders.
public struct NoImages: ImageStore {
  /// A store without images.
  public init() {}

  /// Always nil.
  public func file(of image: CollectionImage) -> ImageFile? { nil }
}

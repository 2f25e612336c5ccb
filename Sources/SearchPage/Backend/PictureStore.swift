/// Where the collection's picture files are.
public protocol PictureStore: Sendable {
  /// The file of a picture; nil when the collection does not hold it (any more).
  ///
  /// Called on a thread that may block.
  func file(of picture: CollectionPicture) async throws -> PictureFile?
}

/// A picture file of the collection.
public struct PictureFile: Sendable, Hashable {
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

/// A collection whose pictures cannot be shown: the page shows placeholders.
public struct NoPictures: PictureStore {
  /// A store without pictures.
  public init() {}

  /// Always nil.
  public func file(of picture: CollectionPicture) -> PictureFile? { nil }
}

public import ImageFeatures

/// An ordered set of labelled images, each decoded only when it is asked for.
///
/// Positions count from 0 and are the images' ids: they do not change while the files stay as they are.
public protocol ImageCollection: Sendable {
  /// Where the images come from, for messages.
  var name: String { get }
  /// How many images there are, the unreadable ones among them counted.
  var count: Int { get }
  /// What the user should know though it stops nothing.
  var warnings: [String] { get }
  /// What is known of an image without decoding it.
  /// - Throws: `CollectionError`.
  func entry(at position: Int) throws -> ImageEntry
  /// The coarser class that an image's class belongs to; nil where the collection knows none.
  /// - Throws: `CollectionError`.
  func coarseLabel(at position: Int) throws -> String?
  /// Reads and decodes an image.
  /// - Throws: `CollectionError` or `ImageError`, naming the file.
  func image(at position: Int) throws -> Image
  /// What tells this collection's content from another's.
  /// - Throws: `CollectionError`.
  func fingerprint() throws -> SourceFingerprint
}

extension ImageCollection {
  /// The absolute path behind links, which is the same from any working folder.
  public var identity: String { FileSystem.identity(name) }

  /// There are none.
  public var warnings: [String] { [] }

  /// None is known.
  public func coarseLabel(at position: Int) throws -> String? { nil }
}

/// What is known of an image without decoding it.
public struct ImageEntry: Sendable, Hashable {
  /// The 0-based position in its collection.
  public let id: Int
  /// The class; nil where the collection has none for it.
  public let label: String?
  /// File name, or file and record number, for messages.
  public let name: String
  /// Where the image can be found again.
  public let place: ImagePlace

  /// An entry from its parts.
  public init(id: Int, label: String?, name: String, place: ImagePlace) {
    self.id = id
    self.label = label
    self.name = name
    self.place = place
  }
}

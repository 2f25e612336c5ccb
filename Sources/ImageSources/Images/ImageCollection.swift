public import ImageCodecs

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

/// Where an image can be found again, as a table's `source` column keeps it: an absolute path, or a collection's absolute
/// path and `#` and the 0-based record number.
public enum ImagePlace: Sendable, Hashable, CustomStringConvertible {
  /// An image file.
  case file(String)
  /// A record of a CIFAR file or folder.
  case record(collection: String, number: Int)

  /// Reads the text of a `source` column; nil for one that holds no absolute path.
  public init?(_ text: String) {
    guard text.hasPrefix("/") else { return nil }
    if let mark = text.lastIndex(of: "#"), let number = Int(text[text.index(after: mark)...]), number >= 0 {
      self = .record(collection: String(text[..<mark]), number: number)
    } else {
      self = .file(text)
    }
  }

  /// The text that `init(_:)` reads.
  public var description: String {
    switch self {
    case .file(let path): path
    case .record(let collection, let number): "\(collection)#\(number)"
    }
  }
}

/// Finds out what a path holds.
public enum ImageSource {
  /// Opens a folder of images, a CIFAR binary file, or a folder of CIFAR binary files.
  ///
  /// A folder with a `.bin` file at its top is CIFAR.
  /// - Parameters:
  ///   - labels: a CSV file `path,label` for a folder of images.
  ///   - options: how the images of a folder are decoded.
  /// - Throws: `CollectionError` when it is none of these.
  public static func open(
    _ path: String,
    labels: String? = nil,
    options: Image.DecodingOptions = Image.DecodingOptions()
  ) throws -> any ImageCollection {
    let path = path.count > 1 && path.hasSuffix("/") ? String(path.dropLast()) : path
    guard try FileSystem.isFolder(path) else { return try CIFARCollection(path: path) }
    if try !CIFARCollection.binaryFiles(in: path).isEmpty { return try CIFARCollection(path: path) }
    return try FolderCollection(path: path, labels: labels.map(LabelFile.init), options: options)
  }
}

public import Basics
internal import Glibc
public import ImageCodecs

/// Where an image can be found again, as a table's `source` column keeps it: an absolute path as `PathText` writes it,
/// or a collection's absolute path and `#` and the 0-based record number.
public enum ImagePlace: Sendable, Hashable, CustomStringConvertible {
  /// An image file.
  case file(String)
  /// A record of a CIFAR file or folder.
  case record(collection: String, number: Int)

  /// Reads the text of a `source` column; nil for one that holds no absolute path.
  public init?(_ text: String) {
    guard text.hasPrefix("/") || text.hasPrefix("file:///") else { return nil }
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

/// Finds the images of a table's rows: in the collection that was loaded, else where each row says it came from.
public final class RowImages: Sendable {
  private let decoding: Image.DecodingOptions
  private let loaded: (any ImageCollection)?
  private let opened = StateLock<[String: any ImageCollection]>([:])

  /// Images found by what rows say, which are decoded with these options.
  /// - Parameter loaded: The collection whose positions are the rows' ids; it makes what rows say unneeded.
  public init(
    _ decoding: Image.DecodingOptions = Image.DecodingOptions(),
    loaded: (any ImageCollection)? = nil
  ) {
    self.decoding = decoding
    self.loaded = loaded
  }

  /// The image of a row.
  /// - Parameter source: What the row's `source` column holds.
  /// - Throws: `RowImageError`, `CollectionError`, `ImageError`.
  public func image(id: ImageID? = nil, source: String?) throws -> Image {
    if let loaded {
      guard let position = id?.number.flatMap({ Int(exactly: $0) }), (0..<loaded.count).contains(position)
      else {
        throw RowImageError("\(loaded.name) has no image \(id.map(\.description) ?? "without an id")")
      }
      return try loaded.image(at: position)
    }
    switch try place(source) {
    case .file(let path): return try ImageSource.open(path, options: decoding).image(at: 0)
    case .record(let path, let number): return try collection(path, of: number).image(at: number)
    }
  }

  /// Whether an image is where a row says, without reading it.
  public func isThere(source: String?) -> Bool {
    guard let place = try? place(source) else { return false }
    switch place {
    case .file(let path):
      let path = PathText.bytes(path).map { CChar(bitPattern: $0) } + [0]
      return access(path, R_OK) == 0
    case .record(let path, let number): return (try? collection(path, of: number)) != nil
    }
  }

  private func place(_ source: String?) throws(RowImageError) -> ImagePlace {
    guard let source else { throw RowImageError("the row names no image") }
    guard let place = ImagePlace(source) else { throw RowImageError("the source is not an absolute path") }
    return place
  }

  /// A collection that stays open: its next record may be asked for.
  private func collection(_ path: String, of number: Int) throws -> any ImageCollection {
    let known = opened.withLock { $0[path] }
    let collection = try known ?? ImageSource.open(path, options: decoding)
    if known == nil { opened.withLock { $0[path] = collection } }
    guard (0..<collection.count).contains(number) else {
      throw RowImageError("\(path) has no record \(number)")
    }
    return collection
  }
}

/// Why a row has no image, on one line.
public struct RowImageError: Error, Sendable, Hashable, CustomStringConvertible {
  /// The line.
  public let description: String

  init(_ description: String) { self.description = description }
}

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

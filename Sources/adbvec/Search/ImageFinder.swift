import ImageSources
import ImageFeatures
import ImageSearch

/// Finds the image of a row: from the collection that was named, else from where the row says it came from.
final class ImageFinder {
  private let collection: (any ImageCollection)?
  private var opened: [String: any ImageCollection] = [:]

  init(collection path: String?) throws {
    collection = try path.map { try ImageSource.open($0, options: .display) }
  }

  /// The image, or nil when it cannot be found or read any more: a placeholder stands for it.
  func image(id: Int64, source: String?) -> Image? {
    if let collection {
      guard let position = Int(exactly: id), (0..<collection.count).contains(position) else { return nil }
      return try? collection.image(at: position)
    }
    guard let place = source.flatMap(ImagePlace.init) else { return nil }
    switch place {
    case .file(let path): return try? Image(contentsOfFile: path, options: .display)
    case .record(let path, let number):
      let collection = opened[path] ?? (try? ImageSource.open(path))
      opened[path] = collection
      guard let collection, (0..<collection.count).contains(number) else { return nil }
      return try? collection.image(at: number)
    }
  }
}

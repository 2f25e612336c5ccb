import ImageCollections
import ImageFeatures
import ImageSearch

/// Finds the picture of a row: from the collection that was named, else from where the row says it came from.
final class PictureFinder {
  private let collection: (any PictureCollection)?
  private var opened: [String: any PictureCollection] = [:]

  init(collection path: String?) throws {
    collection = try path.map { try PictureSource.open($0, options: .display) }
  }

  /// The picture, or nil when it cannot be found or read any more: a placeholder stands for it.
  func picture(id: Int64, source: String?) -> Picture? {
    if let collection {
      guard let position = Int(exactly: id), (0..<collection.count).contains(position) else { return nil }
      return try? collection.picture(at: position)
    }
    guard let place = source.flatMap(PicturePlace.init) else { return nil }
    switch place {
    case .file(let path): return try? Picture(contentsOfFile: path, options: .display)
    case .record(let path, let number):
      let collection = opened[path] ?? (try? PictureSource.open(path))
      opened[path] = collection
      guard let collection, (0..<collection.count).contains(number) else { return nil }
      return try? collection.picture(at: number)
    }
  }
}

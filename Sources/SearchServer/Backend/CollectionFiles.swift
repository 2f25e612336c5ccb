internal import Foundation
internal import ImageCodecs
internal import ImageSources

/// The images that the page may show: those of the collection that was named, wherever the rows say they are.
package struct CollectionFiles: ImageStore {
  private let collection: any ImageCollection
  private let folder: ImageFolder?
  /// The ways in which a row may spell the collection's path.
  private let roots: [String]

  /// - Throws: `CollectionError` when there is no collection of images at `path`.
  package init(path: String) throws {
    let absolute = URL(filePath: path).standardizedFileURL.path
    roots = [absolute, URL(filePath: path).resolvingSymlinksInPath().path].map {
      $0.count > 1 && $0.hasSuffix("/") ? String($0.dropLast()) : $0
    }
    collection = try ImageSource.open(path)
    folder = collection is FolderCollection ? ImageFolder(roots[1]) : nil
  }

  package func file(of image: CollectionImage) -> ImageFile? {
    guard let source = image.source else { return file(at: Int(exactly: image.id)) }
    switch ImagePlace(source) {
    case .file(let path):
      guard let root = roots.first(where: { path.hasPrefix($0 + "/") }) else { return nil }
      return folder?.file(
        of: CollectionImage(id: image.id, source: String(path.dropFirst(root.count + 1)))
      )
    case .record(let path, let number):
      return roots.contains(path) ? file(at: number) : nil
    case nil:
      return folder?.file(of: image)
    }
  }

  /// An image by its place in the collection: a folder's is sent as it is, a record of a file as PNG.
  private func file(at position: Int?) -> ImageFile? {
    guard let position, (0..<collection.count).contains(position) else { return nil }
    if let folder {
      let name = try? collection.entry(at: position).name
      return folder.file(of: CollectionImage(id: Int64(position), source: name))
    }
    guard let bytes = try? collection.image(at: position).pngData() else { return nil }
    return ImageFile(bytes: bytes, version: "record-\(position)")
  }
}

internal import Basics
internal import FoundationEssentials
internal import ImageCodecs
package import ImageSearch
internal import ImageSources

/// The images that the page may show: those of the collection that was named, wherever the rows say they are.
///
/// The collection is opened again when its file or folder was replaced, so that a second load shows its own images.
package final class CollectionFiles: ImageStore {
  private struct Opened: Sendable {
    let collection: any ImageCollection
    let version: String
  }

  private let path: String
  /// Nil for a collection of records. Its files are found by their names, whenever they came.
  private let folder: ImageFolder?
  /// The ways in which a row may spell the collection's path.
  private let roots: [String]
  private let opened: StateLock<Opened>

  /// - Throws: `CollectionError` when there is no collection of images at `path`.
  package init(path: String) throws {
    self.path = path
    let absolute = URL(filePath: path).standardizedFileURL.path
    let roots = [absolute, URL(filePath: path).resolvingSymlinksInPath().path].map {
      $0.count > 1 && $0.hasSuffix("/") ? String($0.dropLast()) : $0
    }
    self.roots = roots
    let opened = try Self.open(path)
    let isFolder = opened.collection is FolderCollection
    folder = isFolder ? ImageFolder(roots[1]) : nil
    self.opened = StateLock(opened)
  }

  private static func open(_ path: String) throws -> Opened {
    let version = version(of: path)
    return Opened(collection: try ImageSource.open(path), version: version)
  }

  /// Of the file, or of the folder and the record files in it.
  private static func version(of path: String) -> String {
    let names = (try? FileManager.default.contentsOfDirectory(atPath: path)) ?? []
    let files = names.filter { CIFARCollection.isRecordFile($0) }.sorted().map { "\(path)/\($0)" }
    return ([path] + files).compactMap { OpenFile.version(at: $0) }.joined(separator: "-")
  }

  private func current() throws -> Opened {
    let known = opened.withLock { $0 }
    guard known.version != Self.version(of: path) else { return known }
    let new = try Self.open(path)
    opened.withLock { $0 = new }
    return new
  }

  package func place(of image: ImageRow) -> String? {
    guard let source = image.source else { return nil }
    switch ImagePlace(source) {
    case .file(let path):
      return roots.lazy.compactMap { Self.part(of: path, below: $0) }.first ?? image.fileName
    case .record, nil: return source.hasPrefix("/") ? image.fileName : source
    }
  }

  private static func part(of path: String, below root: String) -> String? {
    path.hasPrefix(root + "/") ? String(path.dropFirst(root.count + 1)) : nil
  }

  package func file(of image: ImageRow) throws -> ImageFile? {
    guard let source = image.source else { return try file(at: image.id.number.flatMap { Int(exactly: $0) }) }
    switch ImagePlace(source) {
    case .file(let text):
      let path = PathText.bytes(text)
      guard let root = roots.first(where: { path.starts(with: PathText.bytes($0) + [UInt8(ascii: "/")]) })
      else { return nil }
      return folder?.file(at: Array(path.dropFirst(PathText.bytes(root).count + 1)))
    case .record(let path, let number):
      return roots.contains(path) ? try file(at: number) : nil
    case nil:
      return folder?.file(at: PathText.bytes(source))
    }
  }

  /// An image by its place in the collection: a folder's is sent as it is, a record of a file as PNG.
  private func file(at position: Int?) throws -> ImageFile? {
    let opened = try current()
    guard let position, (0..<opened.collection.count).contains(position) else { return nil }
    if let folder {
      let name = try? opened.collection.entry(at: position).name
      return name.flatMap { folder.file(at: PathText.bytes($0)) }
    }
    guard let bytes = try? opened.collection.image(at: position).pngData() else { return nil }
    return ImageFile(bytes: bytes, version: "\(opened.version)-\(position)")
  }
}

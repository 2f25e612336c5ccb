public import Basics
internal import Glibc

/// An image in a folder: what tells it from others, and whether it has changed.
public struct ImageFile: Sendable, Hashable {
  /// A folder's two names, shared by its images.
  struct Folder: Sendable, Hashable {
    /// Absolute, links as they are.
    let absolute: [UInt8]
    /// Absolute, behind links.
    let resolved: [UInt8]
  }

  /// The path in the folder, as bytes.
  public let pathBytes: [UInt8]
  /// The file's size in bytes.
  public let byteCount: Int
  /// The time of the last modification, in nanoseconds since 1970.
  public let modificationTime: Int
  /// The time of the last change of the file's name, rights or content, in nanoseconds since 1970; 0 where it says nothing, because
  /// another change may have had the same time.
  public let statusChangeTime: Int
  /// Whether the file was modified so shortly before it was listed that another modification may have the same time.
  public let isRecent: Bool
  /// The id that a manifest gives the image's row.
  public let id: ImageID?
  let folder: Folder

  /// The path in the folder, as `PathText` has it.
  public var path: String { PathText.text(pathBytes) }
  /// Where the image can be found again: what a row's `source` column holds.
  public var source: String { PathText.text(Self.absolute(pathBytes, in: folder.absolute)) }
  /// As `source`, by the folder's path behind links.
  public var resolvedSource: String { PathText.text(Self.absolute(pathBytes, in: folder.resolved)) }

  /// The first folder on the way to the file; nil for a file at the top, and for a path that is absolute.
  var topFolder: String? {
    guard let slash = pathBytes.firstIndex(of: UInt8(ascii: "/")), slash > 0 else { return nil }
    return PathText.text(pathBytes[..<slash])
  }

  /// A path of a manifest may be absolute.
  static func absolute(_ path: [UInt8], in folder: [UInt8]) -> [UInt8] {
    path.first == UInt8(ascii: "/") ? path : folder + [UInt8(ascii: "/")] + path
  }

  /// An image of a folder, for lists that come from elsewhere.
  package init(folder: String, path: String, _ state: FileState, id: ImageID? = nil) {
    let names = Folder(absolute: PathText.bytes(folder), resolved: PathText.bytes(folder))
    self.init(folder: names, path: PathText.bytes(path), state, id: id)
  }

  init(folder: Folder, path: [UInt8], _ state: FileState, id: ImageID? = nil) {
    pathBytes = path
    (byteCount, modificationTime) = (state.byteCount, state.modificationTime)
    (statusChangeTime, isRecent) = (state.statusChangeTime, state.isRecent)
    self.folder = folder
    self.id = id
  }

  /// The SHA-256 of the content, in hexadecimal digits; nil when the file cannot be read, or is not the one that was
  /// listed any more: its size or time of modification is another.
  public func contentHash() -> String? {
    var hash = SHA256()
    let partSize = min(max(byteCount + 1, 1 << 12), 1 << 18)
    let info = try? Files.forEachPart(
      of: FileSystem.terminated(Self.absolute(pathBytes, in: folder.absolute)),
      size: partSize
    ) { hash.update($0) }
    guard let info, info.st_size == byteCount, FileFingerprint.modificationTime(info) == modificationTime
    else { return nil }
    return hash.hexadecimal()
  }
}

/// The images of a folder, packed in blocks. Those of a long list are kept in a file without a name, where one can be made, so that
/// a list of any length takes a few bytes of memory for each image.
public struct ImageFiles: RandomAccessCollection, Sendable {
  private let folder: ImageFile.Folder
  /// The first blocks, where they are in a file; and the paths that they begin with, and where each of these ends.
  private var stored: StoredPages
  private var firstPaths: [UInt8] = []
  private var firstEnds: [Int] = []
  /// Those behind them.
  private var blocks: [Block] = []
  /// The images behind the last block.
  private var rest: [Listed] = []
  /// The ids that a manifest gives; empty when it gives none.
  private var ids: [ImageID?] = []
  /// Whether each path comes before the next one in the order of their bytes.
  package private(set) var isSorted = true
  /// With how many blocks in memory they are written to the file.
  private var room: Int

  /// How many images are packed together.
  package static let imagesInBlock = Block.size
  /// 65,536 images.
  private static let blocksInMemory = 1024
  /// Blocks that are written at once, once there is a file.
  private static let blocksAtOnce = 64

  init(
    folder: ImageFile.Folder,
    blocksInMemory: Int = Self.blocksInMemory,
    pages: StoredPages = StoredPages()
  ) {
    self.folder = folder
    stored = pages
    room = blocksInMemory
  }

  /// Images of one folder.
  public init(_ files: some Sequence<ImageFile>) { self.init(files, blocksInMemory: Self.blocksInMemory) }

  /// As `init(_:)`, with the number of blocks that are not written to a file, and the file's pages, of which there is none yet.
  package init(
    _ files: some Sequence<ImageFile>,
    blocksInMemory: Int,
    pages: StoredPages = StoredPages()
  ) {
    var files = files.makeIterator()
    let first = files.next()
    let folder = first?.folder ?? ImageFile.Folder(absolute: [], resolved: [])
    self.init(folder: folder, blocksInMemory: blocksInMemory, pages: pages)
    if let first { append(first) }
    while let file = files.next() { append(file) }
  }

  /// Adds an image of the folder at the end.
  package mutating func append(_ file: ImageFile) {
    let state = FileState(
      byteCount: file.byteCount,
      modificationTime: file.modificationTime,
      statusChangeTime: file.statusChangeTime,
      isRecent: file.isRecent
    )
    append(file.pathBytes, state, id: file.id)
  }

  mutating func append(_ path: [UInt8], _ state: FileState, id: ImageID? = nil) {
    if id != nil, ids.isEmpty { ids = Array(repeating: nil, count: count) }
    if id != nil || !ids.isEmpty { ids.append(id) }
    if isSorted, !isEmpty {
      isSorted = path.withUnsafeBytes { path in withPath(at: count - 1) { Self.order($0, path) < 0 } }
    }
    rest.append(Listed(path: path, state: state))
    guard rest.count == Block.size else { return }
    blocks.append(Block(rest))
    rest.removeAll(keepingCapacity: true)
    if blocks.count >= room { store() }
  }

  /// Writes the blocks that are in memory to the file; where there is no room for them, this one and all others stay where they are.
  private mutating func store() {
    guard stored.append(blocks.map(\.bytes)) else {
      room = .max
      return
    }
    for block in blocks {
      block.withPath(0) { firstPaths += $0 }
      firstEnds.append(firstPaths.count)
    }
    blocks.removeAll()
    room = Swift.min(room, Self.blocksAtOnce)
  }

  /// The first position.
  public var startIndex: Int { 0 }
  /// The position behind the last image.
  public var endIndex: Int { (stored.count + blocks.count) * Block.size + rest.count }

  /// An image.
  public subscript(position: Int) -> ImageFile {
    ImageFile(
      folder: folder,
      path: withPath(at: position) { Array($0) },
      state(at: position),
      id: givenID(at: position)
    )
  }

  /// The size of an image's file in bytes.
  package func byteCount(at position: Int) -> Int { state(at: position).byteCount }
  /// The time of modification of an image's file, in nanoseconds since 1970.
  package func modificationTime(at position: Int) -> Int { state(at: position).modificationTime }
  /// The time of the last change of an image's file and its name, in nanoseconds since 1970; 0 where it says nothing.
  package func statusChangeTime(at position: Int) -> Int { state(at: position).statusChangeTime }

  private func state(at position: Int) -> FileState {
    block(of: position)?.state(position % Block.size) ?? rest[position % Block.size].state
  }

  /// Asks the system for the file of an image that will be wanted soon, and does not wait for it.
  package func readAhead(at position: Int) {
    let path = FileSystem.terminated(
      ImageFile.absolute(withPath(at: position) { Array($0) }, in: folder.absolute)
    )
    // What was a file when it was listed may be a pipe by now.
    let descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
    guard descriptor >= 0 else { return }
    defer { close(descriptor) }
    // Linux cuts a longer wish down to what it reads ahead by itself.
    for offset in stride(from: 0, to: byteCount(at: position), by: 1 << 17) {
      posix_fadvise(descriptor, off_t(offset), 1 << 17, POSIX_FADV_WILLNEED)
    }
  }

  /// Whether a manifest gives ids to images.
  package var hasGivenIDs: Bool { !ids.isEmpty }
  /// The id that a manifest gives an image.
  package func givenID(at position: Int) -> ImageID? { ids.isEmpty ? nil : ids[position] }

  /// Lends the bytes of an image's path.
  package func withPath<Result>(at position: Int, _ body: (UnsafeRawBufferPointer) -> Result) -> Result {
    if let block = block(of: position) { return block.withPath(position % Block.size, body) }
    return rest[position % Block.size].path.withUnsafeBytes(body)
  }

  /// The position of a path in a list that is sorted; nil for one that is not in it.
  package func sortedPosition(of path: [UInt8]) -> Int? {
    path.withUnsafeBytes { path in
      // The last block that does not begin behind it.
      var (low, high) = (0, (count + Block.size - 1) / Block.size)
      while low < high {
        let middle = (low + high) / 2
        let begin = withFirstPath(of: middle) { Self.order($0, path) }
        if begin <= 0 { low = middle + 1 } else { high = middle }
      }
      guard low > 0 else { return nil }
      (low, high) = ((low - 1) * Block.size, Swift.min(low * Block.size, count))
      while low < high {
        let middle = (low + high) / 2
        let order = withPath(at: middle) { Self.order($0, path) }
        if order == 0 { return middle }
        if order < 0 { low = middle + 1 } else { high = middle }
      }
      return nil
    }
  }

  /// Less than 0 for a path that comes before the other in the order of their bytes, 0 for the same path.
  private static func order(_ left: UnsafeRawBufferPointer, _ right: UnsafeRawBufferPointer) -> Int {
    guard let first = left.baseAddress, let second = right.baseAddress else {
      return left.count - right.count
    }
    let order = memcmp(first, second, Swift.min(left.count, right.count))
    return order == 0 ? left.count - right.count : Int(order)
  }

  /// The paths in the folder that a row's source may stand for: behind the folder's name, or behind that without links; of a
  /// manifest also the whole path.
  package func paths(ofSource source: [UInt8]) -> [ArraySlice<UInt8>] {
    let below = [folder.absolute, folder.resolved].compactMap { name in
      source.starts(with: name) && source.dropFirst(name.count).first == UInt8(ascii: "/")
        ? source.dropFirst(name.count + 1) : nil
    }
    return below + (source.first == UInt8(ascii: "/") ? [source[...]] : [])
  }

  /// The block of an image; nil for one behind the last block.
  private func block(of position: Int) -> Block? {
    let number = position / Block.size
    if number < stored.count { return Block(bytes: stored[number]) }
    return number - stored.count < blocks.count ? blocks[number - stored.count] : nil
  }

  /// Lends the path that a block begins with.
  private func withFirstPath<Result>(of block: Int, _ body: (UnsafeRawBufferPointer) -> Result) -> Result {
    guard block < stored.count else { return withPath(at: block * Block.size, body) }
    let bounds = (block == 0 ? 0 : firstEnds[block - 1])..<firstEnds[block]
    return firstPaths.withUnsafeBytes { body(UnsafeRawBufferPointer(rebasing: $0[bounds])) }
  }

  private struct Listed: Sendable {
    let path: [UInt8]
    let state: FileState
  }

  /// Some images that follow each other, in bytes: which of them are recent, a bit for each; how long what all paths begin with is; where
  /// the rest of each path ends; sizes and times; the paths.
  private struct Block: Sendable {
    static let size = 64
    private static let prefix = 8
    private static let ends = 12
    private static let numbers = ends + 4 * size
    private static let paths = numbers + 24 * size

    let bytes: [UInt8]

    init(bytes: [UInt8]) { self.bytes = bytes }

    init(_ images: [Listed]) {
      var common = images[0].path[...]
      for image in images {
        common = common.prefix(
          zip(common, image.path).lazy.prefix { $0 == $1 }.reduce(0) { count, _ in count + 1 }
        )
      }
      var (bytes, end) = ([UInt8](), common.count)
      bytes.reserveCapacity(images.reduce(Self.paths + end) { $0 + $1.path.count - common.count })
      func append(_ number: some FixedWidthInteger) { withUnsafeBytes(of: number) { bytes += $0 } }
      append(
        images.indices.reduce(UInt64(0)) { $0 | (images[$1].state.isRecent ? 1 << UInt64($1) : 0) }
      )
      append(UInt32(common.count))
      for image in images {
        end += image.path.count - common.count
        append(UInt32(end))
      }
      for image in images {
        append(image.state.byteCount)
        append(image.state.modificationTime)
        append(image.state.statusChangeTime)
      }
      bytes += common
      for image in images { bytes += image.path[common.count...] }
      self.bytes = bytes
    }

    func state(_ index: Int) -> FileState {
      bytes.withUnsafeBytes { bytes in
        func number(_ part: Int) -> Int {
          bytes.loadUnaligned(fromByteOffset: Self.numbers + (index * 3 + part) * 8, as: Int.self)
        }
        return FileState(
          byteCount: number(0),
          modificationTime: number(1),
          statusChangeTime: number(2),
          isRecent: bytes.loadUnaligned(as: UInt64.self) >> UInt64(index) & 1 == 1
        )
      }
    }

    func withPath<Result>(_ index: Int, _ body: (UnsafeRawBufferPointer) -> Result) -> Result {
      bytes.withUnsafeBytes { bytes in
        func number(_ offset: Int) -> Int {
          Int(bytes.loadUnaligned(fromByteOffset: offset, as: UInt32.self))
        }
        let prefix = number(Self.prefix)
        let start = index == 0 ? prefix : number(Self.ends + (index - 1) * 4)
        let rest = bytes[(Self.paths + start)..<(Self.paths + number(Self.ends + index * 4))]
        guard prefix > 0 else { return body(UnsafeRawBufferPointer(rebasing: rest)) }
        return withUnsafeTemporaryAllocation(byteCount: prefix + rest.count, alignment: 1) { path in
          path.copyMemory(from: UnsafeRawBufferPointer(rebasing: bytes[Self.paths..<(Self.paths + prefix)]))
          UnsafeMutableRawBufferPointer(rebasing: path[prefix...]).copyMemory(
            from: UnsafeRawBufferPointer(rebasing: rest)
          )
          return body(UnsafeRawBufferPointer(path))
        }
      }
    }
  }
}

extension ImageFiles: Hashable {
  /// Whether the lists have the same images, wherever they are kept.
  public static func == (left: ImageFiles, right: ImageFiles) -> Bool { left.elementsEqual(right) }

  /// Takes the images in.
  public func hash(into hasher: inout Hasher) { forEach { hasher.combine($0) } }
}

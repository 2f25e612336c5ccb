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
  public init(
    folder: String,
    path: String,
    byteCount: Int,
    modificationTime: Int,
    statusChangeTime: Int = 0,
    isRecent: Bool = false,
    id: ImageID? = nil
  ) {
    self.init(
      folder: Folder(absolute: PathText.bytes(folder), resolved: PathText.bytes(folder)),
      path: PathText.bytes(path),
      FileState(
        byteCount: byteCount,
        modificationTime: modificationTime,
        statusChangeTime: statusChangeTime,
        isRecent: isRecent
      ),
      id: id
    )
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
    let descriptor = open(
      FileSystem.terminated(Self.absolute(pathBytes, in: folder.absolute)),
      O_RDONLY | O_CLOEXEC
    )
    guard descriptor >= 0 else { return nil }
    defer { close(descriptor) }
    var hash = SHA256()
    var buffer = [UInt8](repeating: 0, count: min(max(byteCount + 1, 1 << 12), 1 << 18))
    while true {
      let count = buffer.withUnsafeMutableBytes { read(descriptor, $0.baseAddress, $0.count) }
      if count < 0, errno == EINTR { continue }
      guard count >= 0 else { return nil }
      if count == 0 { break }
      buffer.withUnsafeBytes { hash.update(UnsafeRawBufferPointer(rebasing: $0[..<count])) }
    }
    var info = stat()
    guard fstat(descriptor, &info) == 0, info.st_size == byteCount,
      FileFingerprint.modificationTime(info) == modificationTime
    else { return nil }
    return hash.hexadecimal()
  }
}

/// What a listing tells of a file.
struct FileState: Sendable, Hashable {
  let byteCount: Int
  let modificationTime: Int
  let statusChangeTime: Int
  let isRecent: Bool

  init(byteCount: Int, modificationTime: Int, statusChangeTime: Int, isRecent: Bool) {
    (self.byteCount, self.modificationTime) = (byteCount, modificationTime)
    (self.statusChangeTime, self.isRecent) = (statusChangeTime, isRecent)
  }

  /// - Parameter listedAt: when the listing began, in nanoseconds since 1970.
  init(_ info: stat, listedAt: Int) {
    byteCount = Int(info.st_size)
    modificationTime = FileFingerprint.modificationTime(info)
    isRecent = Self.isClose(modificationTime, to: listedAt)
    let change = FileFingerprint.statusChangeTime(info)
    statusChangeTime = Self.isClose(change, to: listedAt) ? 0 : change
  }

  private static func isClose(_ time: Int, to listing: Int) -> Bool {
    let age = listing.subtractingReportingOverflow(time)
    return !age.overflow && age.partialValue.magnitude < coarsestClock
  }

  /// FAT keeps times of modification in steps of two seconds, in nanoseconds.
  private static let coarsestClock: UInt = 2_000_000_000
}

/// The images of a folder, packed: each takes some 30 bytes, and of its path what its neighbours do not begin with too.
public struct ImageFiles: RandomAccessCollection, Sendable, Hashable {
  private let folder: ImageFile.Folder
  /// The images in their order, `Block.size` in each block.
  private var blocks: [Block] = []
  /// Those behind the last block.
  private var rest = Block()
  /// The ids that a manifest gives; empty when it gives none.
  private var ids: [ImageID?] = []

  init(folder: ImageFile.Folder) { self.folder = folder }

  /// Images of one folder.
  public init(_ files: some Sequence<ImageFile>) {
    var files = files.makeIterator()
    let first = files.next()
    self.init(folder: first?.folder ?? ImageFile.Folder(absolute: [], resolved: []))
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
    rest.append(path, state)
    guard rest.count == Block.size else { return }
    blocks.append(rest.packed())
    rest = Block()
  }

  /// The first position.
  public var startIndex: Int { 0 }
  /// The position behind the last image.
  public var endIndex: Int { blocks.count * Block.size + rest.count }

  /// An image.
  public subscript(position: Int) -> ImageFile {
    ImageFile(
      folder: folder,
      path: withPath(at: position) { Array($0) },
      withBlock(position) { $0.state($1) },
      id: ids.isEmpty ? nil : ids[position]
    )
  }

  /// The size of an image's file in bytes.
  package func byteCount(at position: Int) -> Int { withBlock(position) { $0.state($1).byteCount } }
  /// The time of modification of an image's file, in nanoseconds since 1970.
  package func modificationTime(at position: Int) -> Int {
    withBlock(position) { $0.state($1).modificationTime }
  }
  /// The time of the last change of an image's file and its name, in nanoseconds since 1970; 0 where it says nothing.
  package func statusChangeTime(at position: Int) -> Int {
    withBlock(position) { $0.state($1).statusChangeTime }
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
    withBlock(position) { $0.withPath($1, body) }
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

  private func withBlock<Result>(_ position: Int, _ body: (Block, Int) -> Result) -> Result {
    let (block, index) = position.quotientAndRemainder(dividingBy: Block.size)
    return body(block < blocks.count ? blocks[block] : rest, index)
  }

  /// Some images that follow each other.
  private struct Block: Sendable, Hashable {
    static let size = 64

    /// What all paths begin with, then the rest of each.
    private var paths: [UInt8] = []
    private var prefix = 0
    /// Where in `paths` the rest of each ends.
    private var ends: [UInt32] = []
    /// Of each the size, the time of modification and the time of the last change.
    private var numbers: [Int] = []
    /// A bit for each that is recent.
    private var recent: UInt64 = 0

    var count: Int { ends.count }

    mutating func append(_ path: [UInt8], _ state: FileState) {
      if state.isRecent { recent |= 1 << UInt64(count) }
      paths += path
      ends.append(UInt32(paths.count))
      numbers += [state.byteCount, state.modificationTime, state.statusChangeTime]
    }

    func state(_ index: Int) -> FileState {
      FileState(
        byteCount: numbers[index * 3],
        modificationTime: numbers[index * 3 + 1],
        statusChangeTime: numbers[index * 3 + 2],
        isRecent: recent >> UInt64(index) & 1 == 1
      )
    }

    func withPath<Result>(_ index: Int, _ body: (UnsafeRawBufferPointer) -> Result) -> Result {
      let bounds = bounds(index)
      return paths.withUnsafeBytes { bytes in
        guard prefix > 0 else { return body(UnsafeRawBufferPointer(rebasing: bytes[bounds])) }
        return withUnsafeTemporaryAllocation(byteCount: prefix + bounds.count, alignment: 1) { path in
          path.copyBytes(from: bytes[..<prefix])
          UnsafeMutableRawBufferPointer(rebasing: path[prefix...]).copyBytes(from: bytes[bounds])
          return body(UnsafeRawBufferPointer(path))
        }
      }
    }

    private func bounds(_ index: Int) -> Range<Int> {
      (index == 0 ? prefix : Int(ends[index - 1]))..<Int(ends[index])
    }

    /// The same images, with what their paths begin with kept once, and no room for more.
    func packed() -> Block {
      var common = paths[bounds(0)]
      for index in 1..<count {
        let path = paths[bounds(index)]
        common = common.prefix(zip(common, path).lazy.prefix { $0 == $1 }.reduce(0) { count, _ in count + 1 })
      }
      var block = Block()
      block.prefix = common.count
      block.recent = recent
      block.paths.reserveCapacity(paths.count - common.count * (count - 1))
      block.paths += common
      block.ends.reserveCapacity(count)
      for index in 0..<count {
        block.paths += paths[bounds(index)].dropFirst(common.count)
        block.ends.append(UInt32(block.paths.count))
      }
      block.numbers.reserveCapacity(numbers.count)
      block.numbers += numbers
      return block
    }
  }
}

/// Classes of images by relative path, from a CSV file with the columns `path,label`.
///
/// A first line of exactly `path,label` or `file,label` is a header.
public struct LabelFile: Sendable {
  private let labels: [String: String]
  /// What tells this file's content from another's.
  let fingerprint: SourceFingerprint

  /// Reads the file.
  /// - Throws: `CollectionError` with code `unreadable`, or `labels` for a line without two fields or a path named twice.
  public init(path: String) throws {
    guard try FileSystem.regularSize(path) != nil else {
      throw CollectionError(.labels, file: path, "it is not a regular file")
    }
    let bytes = try WholeFile.read(PathText.bytes(path), limit: 1 << 30)
    var hash = ContentHash()
    hash.combine(bytes)
    fingerprint = SourceFingerprint(hash)
    var known: [String: String] = [:]
    var scanner = DelimitedScanner(delimiter: UInt8(ascii: ","))
    var line = 1
    try bytes.withUnsafeBytes { raw in
      let mark = raw.starts(with: ByteOrderMark.bytes) ? ByteOrderMark.bytes.count : 0
      var rest = UnsafeRawBufferPointer(rebasing: raw[mark...])
      while !rest.isEmpty {
        let record = try scanner.record(in: rest, final: true, file: path, line: line)
        guard let record else { break }
        let fields = try record.fields.map { field in
          guard let text = field.validText(in: rest) else {
            throw CollectionError(.labels, file: path, line: line, "it is not UTF-8")
          }
          return text
        }
        rest = UnsafeRawBufferPointer(rebasing: rest[record.end...])
        defer { line += record.lines }
        if fields.count == 1, fields[0].isEmpty { continue }
        guard fields.count == 2 else {
          throw CollectionError(
            .labels,
            file: path,
            line: line,
            "expected path,label and found \(fields.count) fields"
          )
        }
        if line == 1, fields[1].lowercased() == "label" { continue }
        guard known.updateValue(fields[1], forKey: fields[0]) == nil else {
          throw CollectionError(.labels, file: path, line: line, "the path \(fields[0]) is named twice")
        }
      }
    }
    labels = known
  }

  /// The paths that the file names.
  var paths: Set<String> { Set(labels.keys) }

  /// The class of an image, nil when the file does not name it.
  public subscript(path: String) -> String? { labels[path] }
}

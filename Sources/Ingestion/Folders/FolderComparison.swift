internal import Basics
internal import ImageCodecs
internal import ImageSources

/// A path as a dictionary's key: by its bytes, for as Strings "é" in one and in two characters are equal, and two files
/// would be one.
struct PathKey: Sendable, Hashable, ExpressibleByStringLiteral {
  private let bytes: [UInt8]

  /// - Parameter path: as `PathText` has it.
  init(_ path: String) { bytes = PathText.bytes(path) }

  init(bytes: [UInt8]) { self.bytes = bytes }

  init(stringLiteral path: String) { self.init(path) }
}

/// What the journal has of an image that an earlier run dealt with.
struct RecordedImage: Sendable, Hashable {
  /// The path in the folder, as `PathText` has it.
  var path: String
  /// The row's id; nil for an image that could not be read, or is left out as a duplicate.
  var id: ImageID?
  /// The file's size in bytes when it was embedded.
  var byteCount: Int
  /// The file's time of modification when it was embedded, in nanoseconds since 1970; 0 where a later modification could
  /// have had the same time, so that the content has to be compared.
  var modificationTime: Int
  /// Whether the row is in the table.
  var isPresent = true
  /// Whether the content's hash is recorded.
  var hasHash = false
  /// Whether the image was flagged as missing from its folder.
  var isMissing = false
  /// Whether its row lacks a source or a hash that is known.
  var lacksIdentity = false
  /// What the image shows, where it was looked at.
  var phash: PerceptualHash?
  /// The path of the image that it is a duplicate of.
  var duplicateOf: String?
}

/// A folder beside what the journal has of it, one recorded image after another in any order, so that the journal can be
/// streamed: of images that did not change, nothing but a few bytes is kept.
struct FolderComparison: Sendable {
  /// What sizes and times tell of an image in the folder.
  enum State: UInt8, Sendable {
    /// It has no row.
    case new
    /// Size and time are the recorded ones.
    case unchanged
    /// As `unchanged`, and the content's hash is not recorded.
    case unhashed
    /// As `unchanged`, and it was flagged as missing.
    case returned
    /// The time is another, or says nothing; the size is the same and the hash recorded: the content decides.
    case doubtful
    /// As `doubtful`, and only because it was modified just before it was loaded.
    case recent
    /// The size is another, or there is no hash to compare.
    case changed
    /// It could not be read, and did not change since.
    case unreadable
    /// It was left out as a duplicate, and did not change since.
    case duplicate
  }

  /// The images in the folder's order.
  let files: ImageFiles
  /// What is known of each.
  private(set) var states: [State]
  /// The ids of the rows that are in the table.
  private(set) var ids: [ImageID?]
  /// Whether the journal has a row of an image.
  private(set) var recorded: [Bool]
  /// Images with a row that are not in the folder, and of which that is sure.
  private(set) var vanished: [RecordedImage] = []
  /// Images with a row below folders that could not be read.
  private(set) var unseen: [RecordedImage] = []
  /// How many images are recorded.
  private(set) var recordedCount = 0
  /// Images whose rows lack a source or a hash that is known.
  private(set) var unidentified: [Int] = []
  /// How many of them have a row in the table.
  private(set) var rowCount = 0
  /// What images with a row show, by position; kept where images are compared by it.
  private(set) var phashes: [Int: PerceptualHash] = [:]
  /// The paths of the images that others are duplicates of, by the others' positions.
  private(set) var originals: [Int: String] = [:]

  private let positions: PathIndex
  private let unseenPaths: Set<PathKey>
  private let isLimited: Bool
  private let comparesLooks: Bool
  /// Sizes of recorded images that have a hash: only a file of one of these can be equal to one of them.
  private var sizes: Set<Int> = []

  /// A folder before anything that is recorded is known.
  ///
  /// - Parameters:
  ///   - unseen: paths that could not be read: what was there, or below, is not known to be gone.
  ///   - isLimited: whether the files are only a part of the folder's, so that none is known to be gone.
  ///   - comparesLooks: keeps what images show.
  init(files: ImageFiles, unseen: [[UInt8]] = [], isLimited: Bool = false, comparesLooks: Bool = false) {
    self.files = files
    self.isLimited = isLimited
    self.comparesLooks = comparesLooks
    states = Array(repeating: .new, count: files.count)
    ids = Array(repeating: nil, count: files.count)
    recorded = Array(repeating: false, count: files.count)
    unseenPaths = Set(unseen.map { PathKey(bytes: $0) })
    positions = PathIndex(files)
  }

  /// The position of a path; nil for one that is not in the folder.
  func position(of path: String) -> Int? { positions.position(of: PathText.bytes(path), in: files) }

  /// Takes a recorded image in.
  mutating func add(_ image: RecordedImage) {
    recordedCount += 1
    let hasRow = image.id != nil && image.isPresent
    if hasRow {
      rowCount += 1
      if image.hasHash { sizes.insert(image.byteCount) }
    }
    guard let position = position(of: image.path) else {
      guard hasRow else { return }
      if isUnseen(image.path) {
        unseen.append(image)
      } else {
        vanished.append(image)
      }
      return
    }
    recorded[position] = true
    let hasSameSize = image.byteCount == files.byteCount(at: position)
    let isSame = hasSameSize && image.modificationTime == files.modificationTime(at: position)
    if let original = image.duplicateOf { originals[position] = original }
    if comparesLooks, hasRow { phashes[position] = image.phash }
    guard hasRow else {
      states[position] =
        if image.id != nil {
          .new
        } else if isSame {
          image.duplicateOf == nil ? .unreadable : .duplicate
        } else {
          hasSameSize && image.hasHash && image.modificationTime == 0 ? .recent : .new
        }
      return
    }
    ids[position] = image.id
    if image.lacksIdentity { unidentified.append(position) }
    states[position] =
      if isSame {
        image.isMissing ? .returned : image.hasHash ? .unchanged : .unhashed
      } else if hasSameSize, image.hasHash {
        image.modificationTime == 0 ? .recent : .doubtful
      } else {
        .changed
      }
  }

  /// Whether a path that is not in the folder may still be there: it, or a folder above it, could not be read.
  func isUnseen(_ path: String) -> Bool {
    if isLimited { return true }
    guard !unseenPaths.isEmpty else { return false }
    let bytes = PathText.bytes(path)
    return unseenPaths.contains(PathKey(bytes: bytes))
      || bytes.indices.contains {
        bytes[$0] == UInt8(ascii: "/") && unseenPaths.contains(PathKey(bytes: Array(bytes[..<$0])))
      }
  }

  /// The images whose content has to be read for its hash: those that may be equal to a recorded image, or to each
  /// other, by their sizes.
  ///
  /// - Parameter all: every image that can be compared.
  func positionsToHash(all: Bool) -> [Int] {
    var counts: [Int: Int] = [:]
    for position in files.indices where [.new, .changed].contains(states[position]) {
      counts[files.byteCount(at: position), default: 0] += 1
    }
    return files.indices.filter { position in
      switch states[position] {
      case .new, .changed:
        let size = files.byteCount(at: position)
        return sizes.contains(size) || counts[size, default: 0] > 1
      case .doubtful, .recent: return true
      case .unchanged, .unhashed, .returned: return all
      // Where its original is gone, it may take the row over.
      case .duplicate: return all || originals[position].map { self.position(of: $0) == nil } ?? true
      case .unreadable: return false
      }
    }
  }

  /// Where the content of a file is recorded.
  struct Match: Sendable, Hashable {
    /// The SHA-256 of the content.
    var hash: String
    /// The path under which it is recorded.
    var path: String
  }
}

/// Where in a list each path is: a hash table of positions, at most eight bytes a path.
private struct PathIndex: Sendable {
  private var slots: [Int32]

  init(_ files: ImageFiles) {
    var size = 16
    while size < files.count + files.count / 2 { size *= 2 }
    slots = Array(repeating: -1, count: size)
    for position in files.indices {
      files.withPath(at: position) { path in
        var slot = Self.slot(path, size)
        while slots[slot] >= 0 { slot = (slot + 1) & (size - 1) }
        slots[slot] = Int32(truncatingIfNeeded: position)
      }
    }
  }

  func position(of path: [UInt8], in files: ImageFiles) -> Int? {
    path.withUnsafeBytes { path in
      var slot = Self.slot(path, slots.count)
      while slots[slot] >= 0 {
        let position = Int(slots[slot])
        if files.withPath(at: position, { $0.elementsEqual(path) }) { return position }
        slot = (slot + 1) & (slots.count - 1)
      }
      return nil
    }
  }

  private static func slot(_ path: UnsafeRawBufferPointer, _ size: Int) -> Int {
    var hasher = Hasher()
    hasher.combine(bytes: path)
    return hasher.finalize() & (size - 1)
  }
}

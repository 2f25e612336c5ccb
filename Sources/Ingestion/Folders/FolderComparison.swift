internal import Basics
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
  /// The row's id; nil for an image that could not be read.
  var id: Int64?
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
  }

  /// The images in the folder's order.
  let files: [ImageFile]
  /// What is known of each.
  private(set) var states: [State]
  /// The ids of the rows that are in the table.
  private(set) var ids: [Int64?]
  /// Whether the journal has a row of an image.
  private(set) var recorded: [Bool]
  /// Images with a row that are not in the folder, and of which that is sure.
  private(set) var vanished: [RecordedImage] = []
  /// Images with a row below folders that could not be read.
  private(set) var unseen: [RecordedImage] = []
  /// How many images are recorded.
  private(set) var recordedCount = 0
  /// How many of them have a row in the table.
  private(set) var rowCount = 0

  private let positions: [PathKey: Int32]
  private let unseenPaths: Set<PathKey>
  private let isLimited: Bool
  /// Sizes of recorded images that have a hash: only a file of one of these can be equal to one of them.
  private var sizes: Set<Int> = []

  /// A folder before anything that is recorded is known.
  ///
  /// - Parameters:
  ///   - unseen: paths that could not be read: what was there, or below, is not known to be gone.
  ///   - isLimited: whether the files are only a part of the folder's, so that none is known to be gone.
  init(files: [ImageFile], unseen: [[UInt8]] = [], isLimited: Bool = false) {
    self.files = files
    self.isLimited = isLimited
    states = Array(repeating: .new, count: files.count)
    ids = Array(repeating: nil, count: files.count)
    recorded = Array(repeating: false, count: files.count)
    unseenPaths = Set(unseen.map { PathKey(bytes: $0) })
    var positions: [PathKey: Int32] = [:]
    positions.reserveCapacity(files.count)
    for (position, file) in files.enumerated() {
      positions[PathKey(bytes: file.pathBytes)] = Int32(truncatingIfNeeded: position)
    }
    self.positions = positions
  }

  /// The position of a path; nil for one that is not in the folder.
  func position(of path: String) -> Int? { positions[PathKey(path)].map(Int.init) }

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
      if isLimited || isUnseen(image.path) {
        unseen.append(image)
      } else {
        vanished.append(image)
      }
      return
    }
    recorded[position] = true
    let file = files[position]
    let hasSameSize = image.byteCount == file.byteCount
    let isSame = hasSameSize && image.modificationTime == file.modificationTime
    guard hasRow else {
      states[position] = image.id == nil && isSame ? .unreadable : .new
      return
    }
    ids[position] = image.id
    states[position] =
      if isSame {
        image.isMissing ? .returned : image.hasHash ? .unchanged : .unhashed
      } else if hasSameSize, image.hasHash {
        image.modificationTime == 0 ? .recent : .doubtful
      } else {
        .changed
      }
  }

  private func isUnseen(_ path: String) -> Bool {
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
    for (position, file) in files.enumerated() where [.new, .changed].contains(states[position]) {
      counts[file.byteCount, default: 0] += 1
    }
    return files.indices.filter { position in
      switch states[position] {
      case .new, .changed:
        let size = files[position].byteCount
        return sizes.contains(size) || counts[size, default: 0] > 1
      case .doubtful, .recent: return true
      case .unchanged, .unhashed, .returned: return all
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

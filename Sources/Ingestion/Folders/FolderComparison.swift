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

/// A folder beside what the journal has of it, one recorded image after another in any order, so that the journal can be
/// streamed: of images that did not change, no more than two bytes are kept.
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
    /// As `doubtful`, and only because it was modified just before it was loaded, or may be another image of its size and time.
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
  /// Which images have rows in the table, and the ids of those rows; of images that did not change only where they are wanted.
  private(set) var ids: RowIDs
  /// Images of which the journal has a row.
  private(set) var recorded = PositionSet()
  /// Images with a row that are not in the folder, and of which that is sure.
  private(set) var vanished: RecordedImages
  /// Images with a row below folders that could not be read.
  private(set) var unseen: RecordedImages
  /// How many images are recorded.
  private(set) var recordedCount = 0
  /// How many of them have a row in the table.
  private(set) var rowCount = 0
  /// Images whose rows lack a source or a hash that is known.
  private(set) var unidentified = PositionSet()
  /// What images with a row show, by position; kept where images are compared by it.
  private(set) var phashes: [Int: PerceptualHash] = [:]
  /// The paths of the images that others are duplicates of, by the others' positions.
  private(set) var originals: [Int: String] = [:]

  private let positions: PathIndex
  private let unseenPaths: Set<PathKey>
  private let isLimited: Bool
  private let comparesLooks: Bool
  private let keepsIDs: Bool
  private let room: Int
  /// Images that have the size with which they are recorded with a row and a hash, and such sizes of other recorded images: only a
  /// file of one of these sizes can be equal to one of them.
  private var hashed = PositionSet()
  private var sizes: [Int] = []
  /// Images of recorded size and time whose status changed since: they may have been moved here.
  private var restamped = PositionSet()
  /// Sizes and times, hashed, of recorded images that are not where they were.
  private var displaced: [Int] = []
  /// Sizes of those whose time was not recorded: they may have any.
  private var untimed: Set<Int> = []

  /// A folder before anything that is recorded is known.
  ///
  /// - Parameters:
  ///   - unseen: paths that could not be read: what was there, or below, is not known to be gone.
  ///   - isLimited: whether the files are only a part of the folder's, so that none is known to be gone.
  ///   - comparesLooks: keeps what images show.
  ///   - keepsIDs: keeps the ids of images that did not change too: where they may be embedded again, or compared with others.
  ///   - inMemory: of how many images without a file the paths are kept in memory, and how many numbers are counted at once.
  init(
    files: ImageFiles,
    unseen: [[UInt8]] = [],
    isLimited: Bool = false,
    comparesLooks: Bool = false,
    keepsIDs: Bool = true,
    inMemory: Int = 1 << 16
  ) {
    self.files = files
    self.isLimited = isLimited
    self.comparesLooks = comparesLooks
    self.keepsIDs = keepsIDs
    room = inMemory
    vanished = RecordedImages(inMemory: inMemory)
    self.unseen = RecordedImages(inMemory: inMemory)
    states = Array(repeating: .new, count: files.count)
    ids = RowIDs()
    unseenPaths = Set(unseen.map { PathKey(bytes: $0) })
    positions = PathIndex(files)
  }

  /// The position of a path; nil for one that is not in the folder.
  func position(of path: String) -> Int? { positions.position(of: PathText.bytes(path), in: files) }

  /// The position of the image that a row's source names; nil for one that is not in the folder.
  func position(ofSource source: String) -> Int? {
    files.paths(ofSource: PathText.bytes(source)).lazy
      .compactMap { positions.position(of: Array($0), in: files) }.first
  }

  /// Where a path is that is in the folder, or has a row.
  func place(of path: String) -> RecordedPaths.Place? {
    let path = PathText.bytes(path)
    return positions.position(of: path, in: files).map { .image($0) }
      ?? unseen.position(of: path).map { .unseen($0) } ?? vanished.position(of: path).map { .vanished($0) }
  }

  /// The paths in the folder and those that are recorded besides.
  var paths: RecordedPaths { RecordedPaths(files: files, vanished: vanished, unseen: unseen) }

  /// Takes a recorded image in.
  mutating func add(_ image: RecordedImage) {
    recordedCount += 1
    let hasRow = image.id != nil && image.isPresent
    if hasRow { rowCount += 1 }
    let isInPlace = compare(image, hasRow: hasRow)
    guard !isInPlace else { return }
    if image.modificationTime == 0 { untimed.insert(image.byteCount) }
    displaced.append(Self.stamp(image.byteCount, image.modificationTime))
  }

  /// - Returns: whether the image of its path has the recorded size and time.
  private mutating func compare(_ image: RecordedImage, hasRow: Bool) -> Bool {
    let position = position(of: image.path)
    let hasSameSize = position.map { image.byteCount == files.byteCount(at: $0) } ?? false
    if hasRow, image.hasHash {
      if let position, hasSameSize { hashed.insert(position) } else { sizes.append(image.byteCount) }
    }
    guard let position else {
      guard hasRow else { return false }
      if isUnseen(image.path) {
        unseen.append(image)
      } else {
        vanished.append(image)
      }
      return false
    }
    recorded.insert(position)
    let isSame = hasSameSize && image.modificationTime == files.modificationTime(at: position)
    let isRestamped =
      isSame
      && (image.statusChangeTime == 0 || image.statusChangeTime != files.statusChangeTime(at: position))
    if isRestamped { restamped.insert(position) }
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
      return isSame
    }
    if image.lacksIdentity { unidentified.insert(position) }
    let state: State =
      if isSame {
        image.isMissing ? .returned : image.hasHash ? .unchanged : .unhashed
      } else if hasSameSize, image.hasHash {
        image.modificationTime == 0 ? .recent : .doubtful
      } else {
        .changed
      }
    states[position] = state
    if keepsIDs || isRestamped || image.lacksIdentity || state != .unchanged {
      ids[position] = image.id
    } else {
      ids.insert(position)
    }
    return isSame
  }

  /// Called once every recorded image was taken in: of images that have their size and time in common with another one, here or
  /// where it was, the content decides, unless the file's status says that it stayed where it is. Two files that changed their
  /// names look untouched otherwise.
  ///
  /// - Parameter isComplete: whether the last run recorded every image that it found: one that it did not may have come in the place
  ///   of one that it did.
  mutating func settle(isComplete: Bool) {
    vanished.prepareForPaths()
    unseen.prepareForPaths()
    guard isComplete else {
      for position in restamped where states[position] == .unchanged { states[position] = .recent }
      return
    }
    for position in restampedLookalikes() { states[position] = .recent }
  }

  private func restampedLookalikes() -> PositionSet {
    let stamped = PositionSet(restamped.lazy.filter { states[$0] == .unchanged })
    guard !stamped.isEmpty else { return [] }
    let repeated = RepeatedNumbers(
      stamped.count,
      stamped.lazy.map { stamp(at: $0) },
      of: displaced.count + files.count,
      atOnce: room
    ) { add in
      for stamp in displaced { add(stamp, 1) }
      for position in files.indices { add(stamp(at: position), 1) }
    }
    var untimed = untimed
    for position in files.indices where files.modificationTime(at: position) == 0 {
      untimed.insert(files.byteCount(at: position))
    }
    return PositionSet(
      stamped.lazy.filter { position in
        repeated.contains(stamp(at: position)) || untimed.contains(files.byteCount(at: position))
      }
    )
  }

  private func stamp(at position: Int) -> Int {
    Self.stamp(files.byteCount(at: position), files.modificationTime(at: position))
  }

  private static func stamp(_ byteCount: Int, _ time: Int) -> Int {
    (time ^ byteCount &* 0x5851_F42D_4C95_7F2D) &* 0x2545_F491_4F6C_DD1D
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
  func positionsToHash(all: Bool) -> PositionSet {
    var positions = PositionSet(
      files.indices.lazy.filter { position in
        switch states[position] {
        case .doubtful, .recent: true
        case .unchanged, .unhashed, .returned: all
        // Where its original is gone, it may take the row over.
        case .duplicate: all || originals[position].map { self.position(of: $0) == nil } ?? true
        case .new, .changed, .unreadable: false
        }
      }
    )
    let new = PositionSet(files.indices.lazy.filter { states[$0] == .new || states[$0] == .changed })
    guard !new.isEmpty else { return positions }
    let repeated = RepeatedNumbers(
      new.count,
      new.lazy.map { files.byteCount(at: $0) },
      of: new.count + sizes.count + hashed.count,
      atOnce: room
    ) { add in
      for position in new { add(files.byteCount(at: position), 1) }
      for size in sizes { add(size, 2) }
      for position in hashed { add(files.byteCount(at: position), 2) }
    }
    for position in new where repeated.contains(files.byteCount(at: position)) { positions.insert(position) }
    return positions
  }

  /// Where the content of a file is recorded.
  struct Match: Sendable, Hashable {
    /// The SHA-256 of the content.
    var hash: String
    /// The path under which it is recorded.
    var path: String
  }
}

/// Which of many numbers come at least twice among more of them.
struct RepeatedNumbers {
  private var counts: [Int: UInt8] = [:]

  /// - Parameters:
  ///   - count: how many numbers are asked for.
  ///   - wanted: these numbers.
  ///   - total: how many numbers there are.
  ///   - limit: up to this many wanted numbers are counted at once; of a longer list, those that come twice or share a bit with
  ///     another one.
  ///   - forEach: gives each number, the wanted ones among them, and how often it counts; always the same ones.
  init(
    _ count: Int,
    _ wanted: some Sequence<Int>,
    of total: Int,
    atOnce limit: Int,
    _ forEach: ((Int, UInt8) -> Void) -> Void
  ) {
    if count <= limit {
      for number in wanted { counts[number] = 0 }
    } else {
      var (once, twice) = (NumberFilter(total), NumberFilter(total))
      forEach { number, times in
        if times > 1 || once.contains(number) { twice.insert(number) }
        once.insert(number)
      }
      for number in wanted where twice.contains(number) { counts[number] = 0 }
    }
    guard !counts.isEmpty else { return }
    forEach { number, times in
      if let count = counts[number], count < 2 { counts[number] = count + times }
    }
  }

  /// Whether a wanted number comes twice.
  func contains(_ number: Int) -> Bool { counts[number] ?? 0 > 1 }
}

/// Some of the numbers that were not put in, and all that were: a bit for each of eight.
private struct NumberFilter {
  private var words: [UInt64]

  init(_ count: Int) {
    var size = 1
    while size * 8 < count { size *= 2 }
    words = Array(repeating: 0, count: size)
  }

  private func place(_ number: Int) -> (word: Int, bit: UInt64) {
    let mixed = (UInt(bitPattern: number) &* 0x9E37_79B9_7F4A_7C15) >> 16
    return (Int(mixed >> 6) & (words.count - 1), 1 << UInt64(mixed & 63))
  }

  mutating func insert(_ number: Int) {
    let (word, bit) = place(number)
    words[word] |= bit
  }

  func contains(_ number: Int) -> Bool {
    let (word, bit) = place(number)
    return words[word] & bit != 0
  }
}

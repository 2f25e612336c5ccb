internal import Basics
public import ImageCodecs
internal import ImageSources

/// What happens to an image that is equal to another one of its source, or looks like it.
public enum DuplicateTreatment: String, Sendable, Hashable, CaseIterable {
  /// It gets a row, and is named.
  case report
  /// It gets no row, and the journal says for which image.
  case skip
  /// It gets a row with the other's vector.
  case link
}

/// Which images count as duplicates of others, and what happens to them.
public struct DuplicateSearch: Sendable, Hashable {
  /// What happens to them.
  public var treatment: DuplicateTreatment
  /// In how many of 64 bits the perceptual hashes of two images may differ, 0…20.
  public var distance: Int

  /// imagededup's.
  public static let defaultDistance = 10

  /// A search.
  public init(_ treatment: DuplicateTreatment, distance: Int = DuplicateSearch.defaultDistance) {
    (self.treatment, self.distance) = (treatment, distance)
  }
}

/// An image and the one that it is equal to, or looks like.
public struct DuplicatePair: Sendable, Hashable, Encodable {
  /// The image's path in the folder.
  public var path: String
  /// The path of the image that is in the table, or comes first.
  public var duplicateOf: String
  /// In how many of 64 bits the perceptual hashes differ; nil for images of equal content.
  public var distance: Int?
}

/// An image that looks like another one of its folder.
public struct NearDuplicate: Sendable, Hashable {
  /// The image's position.
  public let position: Int
  /// The other one's, which has a vector of its own.
  public let original: Int
  /// In how many of 64 bits the perceptual hashes differ.
  public let distance: Int
  /// What the image shows.
  public let hash: PerceptualHash
  /// Whether the image was embedded before that was known, and the vector is not used.
  public internal(set) var wasEmbedded = false
}

/// The images with which others are compared: those with a vector of their own, in the table or in this run.
///
/// Workers ask before they embed an image, in any order. What becomes of an image is decided once, in the folder's order, so that
/// the result does not depend on how many workers there are.
final class NearDuplicates: Sendable {
  let search: DuplicateSearch
  private let state: StateLock<State>

  private struct State {
    /// Hashes of images with a vector of their own, and their positions: two arrays, so that a look through a million takes a
    /// millisecond.
    var hashes: [UInt64] = []
    var positions: [Int32] = []
    /// Of images that are decoded and not decided on.
    var pending: [Int: PerceptualHash] = [:]

    mutating func add(_ hash: PerceptualHash, at position: Int) {
      hashes.append(hash.bits)
      positions.append(Int32(truncatingIfNeeded: position))
    }

    /// The nearest image within a distance; of several the first in the folder.
    func nearest(_ hash: PerceptualHash, within distance: Int) -> (position: Int, distance: Int)? {
      var (best, found) = (distance, -1)
      for (index, other) in hashes.enumerated() {
        let bits = (hash.bits ^ other).nonzeroBitCount
        guard bits <= best, bits < best || found < 0 || positions[index] < positions[found] else { continue }
        (best, found) = (bits, index)
      }
      return found < 0 ? nil : (Int(positions[found]), best)
    }
  }

  /// - Parameter known: hashes of images that are in the table, by position.
  init(_ search: DuplicateSearch, known: [Int: PerceptualHash]) {
    self.search = search
    var state = State()
    for (position, hash) in known where hash != .blank { state.add(hash, at: position) }
    self.state = StateLock(state)
  }

  /// Takes the hash of an image that was decoded.
  /// - Returns: whether it looks like an image before it or in the table, as far as they are known by now.
  func note(_ hash: PerceptualHash, at position: Int) -> Bool {
    guard hash != .blank else { return false }
    return state.withLock { state in
      state.pending[position] = hash
      return state.nearest(hash, within: search.distance) != nil
        || state.pending.contains { $0.key < position && $0.value.distance(to: hash) <= search.distance }
    }
  }

  /// Decides on an image, after those before it.
  /// - Returns: the image that it looks like; nil when it is one with which others are compared from now on.
  func decide(_ hash: PerceptualHash, at position: Int) -> NearDuplicate? {
    guard hash != .blank else { return nil }
    return state.withLock { state in
      state.pending[position] = nil
      guard let (original, distance) = state.nearest(hash, within: search.distance) else {
        state.add(hash, at: position)
        return nil
      }
      return NearDuplicate(position: position, original: original, distance: distance, hash: hash)
    }
  }
}

// What a plan decides of duplicates.
extension LoadPlan {
  /// Images that stay left out, because their originals are as they were; none where this run treats duplicates in another way.
  func stillLeftOut(
    _ duplicates: PositionSet,
    _ folder: FolderComparison,
    _ treatment: Treatment
  ) -> PositionSet {
    guard treatment == .follow, search.map({ $0.treatment == .skip }) ?? true else { return [] }
    return PositionSet(duplicates.lazy.filter { hasOriginal($0, folder, orUnseen: true) })
  }

  /// Whether the image that another was found to be a duplicate of has its row and its content still.
  private func hasOriginal(_ position: Int, _ folder: FolderComparison, orUnseen: Bool) -> Bool {
    guard let path = folder.originals[position] else { return false }
    guard let original = folder.position(of: path) else { return orUnseen && folder.isUnseen(path) }
    return ids.hasID(at: original) && !changed.contains(original)
  }

  /// What images show that have a vector of their own and did not change, and the images of which that is not recorded.
  func looks(_ folder: FolderComparison) -> (known: [Int: PerceptualHash], unknown: PositionSet) {
    var known: [Int: PerceptualHash] = [:]
    var unknown = PositionSet()
    for position in files.indices
    where ids.hasID(at: position) && !changed.contains(position) && !duplicates.members.contains(position) {
      if let phash = phashes[position] ?? folder.phashes[position] {
        if !hasOriginal(position, folder, orUnseen: false) { known[position] = phash }
      } else if recorded.contains(position), folder.states[position] != .unreadable {
        unknown.insert(position)
      }
    }
    return (known, unknown)
  }

  /// Whether an image may do without a vector of its own when it looks like another one: a row that is there keeps one.
  func mayShare(at position: Int) -> Bool {
    search.map { $0.treatment != .report } ?? false && !changed.contains(position)
      && !examined.contains(position)
  }

  /// Images that look like others and share their vectors.
  func linked(_ near: [NearDuplicate]) -> [Duplicate] {
    guard search?.treatment == .link else { return [] }
    return near.filter { mayShare(at: $0.position) }.map {
      Duplicate(
        position: $0.position,
        original: files[$0.original].path,
        hasRow: false,
        phash: $0.hash
      )
    }
  }

  /// Images with those that they are equal to, or look like, in the folder's order; where that is asked for.
  func pairs(_ near: [NearDuplicate]) -> [DuplicatePair] {
    guard search != nil else { return [] }
    let equal = (Array(duplicates) + Array(skipped)).map {
      ($0.position, DuplicatePair(path: files[$0.position].path, duplicateOf: $0.original))
    }
    let alike = near.map {
      let (path, original) = (files[$0.position].path, files[$0.original].path)
      return ($0.position, DuplicatePair(path: path, duplicateOf: original, distance: $0.distance))
    }
    return (equal + alike).sorted { $0.0 < $1.0 }.map(\.1)
  }
}

extension LoadPlan {
  /// Images of equal content in the folder's order, packed: eight bytes each.
  struct Duplicates: RandomAccessCollection, Sendable {
    private let paths: RecordedPaths
    private var positions: [Int32] = []
    /// The images with the vectors.
    private var originals: [RecordedPaths.Place] = []
    private(set) var members = PositionSet()
    /// Those that have no row.
    private(set) var positionsWithoutRow = PositionSet()

    init(_ paths: RecordedPaths) { self.paths = paths }

    var startIndex: Int { 0 }
    var endIndex: Int { positions.count }

    subscript(index: Int) -> Duplicate {
      let position = Int(positions[index])
      return Duplicate(
        position: position,
        original: paths[originals[index]],
        hasRow: !positionsWithoutRow.contains(position)
      )
    }

    /// How many have a row.
    var countWithRow: Int { count - positionsWithoutRow.count }

    mutating func append(_ position: Int, _ original: RecordedPaths.Place, hasRow: Bool) {
      positions.append(Int32(truncatingIfNeeded: position))
      members.insert(position)
      if !hasRow { positionsWithoutRow.insert(position) }
      originals.append(original)
    }
  }
}

internal import Basics
internal import ImageSources

/// Which contents the images of a folder have, as far as they were read, and where the journal has these contents: of a long list,
/// some 12 bytes of memory for each content, and eight for each image of it that is recorded elsewhere.
struct ImageContents: Sendable {
  /// A SHA-256.
  typealias Digest = SIMD4<UInt64>

  /// The different contents.
  private var digests: Digests
  /// A hash table of numbers in `digests`.
  private var slots: [Int32] = []
  /// The number of each image's content; negative where it was not read. Empty before the first.
  private var numbers: [Int32] = []
  /// Images whose record has the content that they have now.
  private var recorded = PositionSet()
  /// An image that has the recorded content still, and a row, for each content; negative for none.
  private var keepers: [Int32] = []
  /// The contents that are recorded at paths that are gone, or have another content now; and these paths.
  private(set) var displaced: [Int32] = []
  private(set) var places: [RecordedPaths.Place] = []

  /// No content.
  ///
  /// - Parameters:
  ///   - room: with how many digests in memory they are written to a file.
  ///   - pages: the file's pages, of which there is none yet.
  init(inMemory room: Int = 1 << 16, pages: StoredPages = StoredPages()) {
    digests = Digests(room: room, pages: pages)
  }

  /// How many different contents there are.
  var count: Int { digests.count }

  /// The number of an image's content; nil where it was not read.
  subscript(position: Int) -> Int? {
    position < numbers.count && numbers[position] >= 0 ? Int(numbers[position]) : nil
  }

  /// The hash of an image's content, in hexadecimal digits; nil where it was not read.
  func hash(at position: Int) -> String? { self[position].map { hash($0) } }

  /// The hash of a content.
  func hash(_ number: Int) -> String {
    let digits = (0..<4).map { word -> String in
      let text = String(digests[number][word], radix: 16)
      return String(repeating: "0", count: 16 - text.count) + text
    }
    return digits.joined()
  }

  /// Whether the record of an image has the content that the image has now.
  func isRecorded(at position: Int) -> Bool { recorded.contains(position) }

  /// Makes room for as many images.
  mutating func reserve(_ count: Int) {
    if count > numbers.count { numbers += repeatElement(-1, count: count - numbers.count) }
  }

  /// Takes in what the file of an image has; a hash that is not one is none.
  mutating func insert(_ hash: String, at position: Int) {
    guard let digest = Self.digest(hash) else { return }
    if position >= numbers.count { reserve(max(position + 1, numbers.count * 2)) }
    if digests.count * 2 >= slots.count { grow() }
    let slot = slot(of: digest)
    if slots[slot] < 0 {
      slots[slot] = Int32(truncatingIfNeeded: digests.count)
      digests.append(digest)
    }
    numbers[position] = slots[slot]
  }

  /// An image whose row has a content, and keeps it.
  func keeper(of number: Int) -> Int? {
    number < keepers.count && keepers[number] >= 0 ? Int(keepers[number]) : nil
  }

  /// Takes in where a content is recorded, once all files were read.
  mutating func add(_ match: FolderComparison.Match, _ folder: FolderComparison) {
    guard let digest = Self.digest(match.hash), !slots.isEmpty else { return }
    let number = Int(slots[slot(of: digest)])
    guard number >= 0 else { return }
    guard let place = folder.place(of: match.path) else { return }
    if let position = place.position, self[position] == number { recorded.insert(position) }
    guard let position = place.position, keeps(number, at: position, folder) else {
      displaced.append(Int32(truncatingIfNeeded: number))
      places.append(place)
      return
    }
    if keepers.isEmpty { keepers = Array(repeating: -1, count: digests.count) }
    if keepers[number] < 0 || Int(keepers[number]) > position {
      keepers[number] = Int32(truncatingIfNeeded: position)
    }
  }

  /// Whether an image with a row has its recorded content still.
  private func keeps(_ number: Int, at position: Int, _ folder: FolderComparison) -> Bool {
    guard folder.ids.hasID(at: position) else { return false }
    let content = self[position]
    return switch folder.states[position] {
    case .unchanged, .unhashed, .returned: content == nil || content == number
    case .doubtful, .recent: content == number
    case .new, .changed, .unreadable, .duplicate: false
    }
  }

  private mutating func grow() {
    slots = Array(repeating: -1, count: max(64, slots.count * 2))
    for number in 0..<digests.count {
      slots[slot(of: digests[number])] = Int32(truncatingIfNeeded: number)
    }
  }

  /// Where a content's number is, or is to be.
  private func slot(of digest: Digest) -> Int {
    var slot = Int(truncatingIfNeeded: digest[0]) & (slots.count - 1)
    while slots[slot] >= 0, digests[Int(slots[slot])] != digest { slot = (slot + 1) & (slots.count - 1) }
    return slot
  }

  private static func digest(_ hash: String) -> Digest? {
    guard hash.utf8.count == 64 else { return nil }
    var digest = Digest()
    for (index, digit) in hash.utf8.enumerated() {
      let value: UInt8
      switch digit {
      case UInt8(ascii: "0")...UInt8(ascii: "9"): value = digit - UInt8(ascii: "0")
      case UInt8(ascii: "a")...UInt8(ascii: "f"): value = digit - UInt8(ascii: "a") + 10
      default: return nil
      }
      digest[index / 16] = digest[index / 16] << 4 | UInt64(value)
    }
    return digest
  }
}

extension ImageContents {
  /// A list of digests. Most of a long one is kept in a file without a name, where one can be made.
  private struct Digests: Sendable {
    private var pages: StoredPages
    /// Those behind the last page.
    private var rest: [Digest] = []
    /// With how many in memory they are written to the file.
    private var room: Int
    /// How many are in a page.
    private let pageCount: Int

    init(room: Int, pages: StoredPages) {
      (self.room, self.pages) = (room, pages)
      pageCount = max(1, min(room, 128))
    }

    var count: Int { pages.count * pageCount + rest.count }

    subscript(number: Int) -> Digest {
      let (page, index) = number.quotientAndRemainder(dividingBy: pageCount)
      guard page < pages.count else { return rest[number - pages.count * pageCount] }
      return pages[page].withUnsafeBytes {
        $0.loadUnaligned(fromByteOffset: index * MemoryLayout<Digest>.stride, as: Digest.self)
      }
    }

    mutating func append(_ digest: Digest) {
      rest.append(digest)
      guard rest.count >= room else { return }
      let whole = rest.count / pageCount * pageCount
      let written = stride(from: 0, to: whole, by: pageCount).map { start in
        rest[start..<(start + pageCount)].withUnsafeBytes { Array($0) }
      }
      guard pages.append(written) else {
        room = .max
        return
      }
      rest.removeFirst(whole)
      room = min(room, 32 * pageCount)
    }
  }
}

/// Which rows of a plan have a content, while it is made.
struct ContentOwners {
  /// Images whose rows took their path in this plan, by their contents; negative for none, and empty before the first.
  private var stable: [Int32] = []
  /// Images whose rows lack a source or a hash, wherever the rows are from.
  var unidentified: PositionSet

  private let folder: FolderComparison
  private let contents: ImageContents
  private let paths: RecordedPaths
  /// The rows whose images are gone that were taken.
  private var taken = PositionSet()
  /// Where contents are recorded that are not there any more, those of each in the order of the paths; and where those of a content
  /// begin. Empty where there is none.
  private var places: [RecordedPaths.Place] = []
  private var starts: [Int32] = []
  /// For each content, the first of them that may have a row for another image: one that is gone, one that has another content.
  private var nextVanished: [Int32] = []
  private var nextDisplaced: [Int32] = []

  init(_ folder: FolderComparison, _ contents: ImageContents) {
    (self.folder, self.contents) = (folder, contents)
    paths = folder.paths
    unidentified = folder.unidentified
    guard let first = contents.places.first else { return }
    starts = Array(repeating: 0, count: contents.count + 1)
    for number in contents.displaced { starts[Int(number) + 1] += 1 }
    for number in 0..<contents.count { starts[number + 1] += starts[number] }
    var next = starts
    places = Array(repeating: first, count: contents.places.count)
    for (number, place) in zip(contents.displaced, contents.places) {
      places[Int(next[Int(number)])] = place
      next[Int(number)] += 1
    }
    for number in 0..<contents.count where starts[number + 1] - starts[number] > 1 {
      let bounds = Int(starts[number])..<Int(starts[number + 1])
      places[bounds].sort { [paths] in paths.precedes($0, $1) }
    }
    (nextVanished, nextDisplaced) = (starts, starts)
  }

  /// The rows whose images are gone and that nobody took, in the order of their paths.
  var deleted: RecordedImages { folder.vanished.sorted(besides: taken) }

  /// Whether a content is recorded where it is not any more.
  func hasPlace(_ content: Int) -> Bool { !places(of: content).isEmpty }

  /// Whether a content is that of a row whose image is gone.
  func has(_ content: Int, vanished index: Int) -> Bool {
    places(of: content).contains { places[$0].vanished == index }
  }

  private func places(of content: Int) -> Range<Int> {
    starts.isEmpty ? 0..<0 : Int(starts[content])..<Int(starts[content + 1])
  }

  /// Takes in that an image of a content has its row from another path.
  mutating func keep(_ content: Int, at position: Int) {
    if stable.isEmpty { stable = Array(repeating: -1, count: contents.count) }
    stable[content] = Int32(truncatingIfNeeded: position)
  }

  /// Takes the row with an id whose image is gone.
  mutating func take(at index: Int) -> RecordedImage {
    taken.insert(index)
    return folder.vanished[index]
  }

  /// Takes the row of an image that is gone and had a content, the first by its path.
  mutating func takeVanished(_ content: Int) -> Int? {
    next(content, \.nextVanished) { [taken] place in place.vanished.flatMap { taken.contains($0) ? nil : $0 }
    }
  }

  /// Takes an image whose row has a content that is not its own any more.
  mutating func takeDisplaced(_ content: Int, from changed: PositionSet) -> Int? {
    next(content, \.nextDisplaced) { place in place.position.flatMap { changed.contains($0) ? $0 : nil } }
  }

  private mutating func next(
    _ content: Int,
    _ cursor: WritableKeyPath<ContentOwners, [Int32]>,
    _ find: (RecordedPaths.Place) -> Int?
  ) -> Int? {
    let end = places(of: content).upperBound
    guard end > 0 else { return nil }
    while Int(self[keyPath: cursor][content]) < end {
      let place = places[Int(self[keyPath: cursor][content])]
      self[keyPath: cursor][content] += 1
      if let found = find(place) { return found }
    }
    return nil
  }

  /// An image whose row has a content, and keeps it.
  func original(of content: Int, besides embedded: PositionSet) -> RecordedPaths.Place? {
    if !stable.isEmpty, stable[content] >= 0 { return .image(Int(stable[content])) }
    if let keeper = contents.keeper(of: content) { return .image(keeper) }
    return places(of: content).lazy.map { places[$0] }.first { place in
      if let index = place.vanished { return !taken.contains(index) }
      guard let position = place.position else { return true }
      return folder.ids.hasID(at: position) && folder.states[position] != .unreadable
        && !embedded.contains(position)
    }
  }
}

/// The paths of a folder's images and of recorded images that are not there.
struct RecordedPaths: Sendable {
  /// One of them, in four bytes.
  struct Place: Sendable, Hashable {
    private let value: UInt32

    private init(_ index: Int, _ kind: UInt32) { value = UInt32(truncatingIfNeeded: index) << 2 | kind }

    /// An image of the folder.
    static func image(_ position: Int) -> Place { Place(position, 0) }
    /// An image with a row that is gone.
    static func vanished(_ index: Int) -> Place { Place(index, 1) }
    /// An image with a row of which it is not known whether it is there.
    static func unseen(_ index: Int) -> Place { Place(index, 2) }

    private var index: Int { Int(value >> 2) }
    /// The image's position in the folder.
    var position: Int? { value & 3 == 0 ? index : nil }
    /// The number of the image among those that are gone.
    var vanished: Int? { value & 3 == 1 ? index : nil }
    /// The number of the image among those that could not be seen.
    var unseen: Int? { value & 3 == 2 ? index : nil }
  }

  let files: ImageFiles
  let vanished: RecordedImages
  let unseen: RecordedImages

  /// The path at a place.
  subscript(place: Place) -> String { PathText.text(bytes(place)) }

  /// Whether a path comes before another one in the order of their bytes.
  func precedes(_ left: Place, _ right: Place) -> Bool {
    bytes(left).lexicographicallyPrecedes(bytes(right))
  }

  private func bytes(_ place: Place) -> [UInt8] {
    if let position = place.position { return files.withPath(at: position) { Array($0) } }
    if let index = place.vanished { return vanished.withPath(at: index) { Array($0) } }
    return place.unseen.map { unseen.withPath(at: $0) { Array($0) } } ?? []
  }
}

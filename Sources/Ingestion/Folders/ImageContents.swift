internal import Basics
internal import ImageSources

/// Which contents the images of a folder have, as far as they were read, and where the journal has these contents: each content is
/// kept once, in some 50 bytes, and four bytes for each image.
struct ImageContents: Sendable {
  /// A SHA-256.
  typealias Digest = SIMD4<UInt64>

  /// The different contents.
  private var digests: [Digest] = []
  /// A hash table of numbers in `digests`.
  private var slots: [Int32] = []
  /// The number of each image's content; negative where it was not read. Empty before the first.
  private var numbers: [Int32] = []
  /// Images whose record has the content that they have now.
  private var recorded = PositionSet()
  /// An image that has the recorded content still, and a row, for each content; negative for none.
  private var keepers: [Int32] = []
  /// Paths at which contents are recorded that are gone, or have another content now.
  private(set) var paths: [Int: [String]] = [:]

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

  /// Whether a content is recorded under a path.
  func isRecorded(_ number: Int, at path: String) -> Bool {
    paths[number]?.contains { PathKey($0) == PathKey(path) } ?? false
  }

  /// Takes in what the file of an image has; a hash that is not one is none.
  mutating func insert(_ hash: String, at position: Int) {
    guard let digest = Self.digest(hash) else { return }
    if position >= numbers.count {
      let size = max(position + 1, numbers.count * 2)
      numbers += [Int32](repeating: -1, count: size - numbers.count)
    }
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
    let position = folder.position(of: match.path)
    if let position, self[position] == number { recorded.insert(position) }
    guard let position, keeps(number, at: position, folder) else {
      return paths[number, default: []].append(match.path)
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
    for (number, digest) in digests.enumerated() {
      slots[slot(of: digest)] = Int32(truncatingIfNeeded: number)
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

/// Which rows of a plan have a content, while it is made.
struct ContentOwners {
  /// Paths of rows that took another path in this plan, by their contents.
  var stable: [Int: String] = [:]
  /// Images whose rows lack a source or a hash, wherever the rows are from.
  var unidentified: PositionSet

  private let folder: FolderComparison
  private let contents: ImageContents
  /// Where the rows are whose images are gone, and those of them that were taken.
  private let vanished: PathIndex
  private var taken = PositionSet()
  private let unseen: PathIndex
  /// What is left of the rows whose images are gone, and of the images whose row has another content, by contents that were asked for;
  /// the next one last.
  private var rows: [Int: [Int]] = [:]
  private var displaced: [Int: [Int]] = [:]

  init(_ folder: FolderComparison, _ contents: ImageContents) {
    (self.folder, self.contents) = (folder, contents)
    unidentified = folder.unidentified
    vanished = folder.vanished.paths()
    unseen = folder.unseen.paths()
  }

  /// The rows whose images are gone and that nobody took, in the order of their paths.
  var deleted: RecordedImages { folder.vanished.sorted(besides: taken) }

  /// Takes the row with an id whose image is gone.
  mutating func take(at index: Int) -> RecordedImage {
    taken.insert(index)
    return folder.vanished[index]
  }

  /// Takes the row of an image that is gone and had a content.
  mutating func takeVanished(_ content: Int) -> RecordedImage? {
    if rows[content] == nil {
      rows[content] = queue(content) { folder.vanished.position(of: PathText.bytes($0), vanished) }
    }
    while let index = rows[content]?.popLast() { if !taken.contains(index) { return take(at: index) } }
    return nil
  }

  /// Takes an image whose row has a content that is not its own any more.
  mutating func takeDisplaced(_ content: Int, from changed: PositionSet) -> Int? {
    if displaced[content] == nil { displaced[content] = queue(content) { folder.position(of: $0) } }
    while let position = displaced[content]?.popLast() { if changed.contains(position) { return position } }
    return nil
  }

  /// Where a content is recorded, the first path last.
  private func queue(_ content: Int, _ find: (String) -> Int?) -> [Int] {
    (contents.paths[content] ?? []).sorted { $1.utf8.lexicographicallyPrecedes($0.utf8) }.compactMap(find)
  }

  /// A path whose row has a content, and keeps it.
  func original(of content: Int, besides embedded: PositionSet) -> String? {
    stable[content] ?? contents.keeper(of: content).map { folder.files[$0].path }
      ?? contents.paths[content]?.filter { path in
        guard let position = folder.position(of: path) else {
          let path = PathText.bytes(path)
          return folder.unseen.position(of: path, unseen) != nil
            || folder.vanished.position(of: path, vanished).map { !taken.contains($0) } ?? false
        }
        return folder.ids.hasID(at: position) && folder.states[position] != .unreadable
          && !embedded.contains(position)
      }.min()
  }
}

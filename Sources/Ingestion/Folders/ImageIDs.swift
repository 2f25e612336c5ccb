internal import Basics
internal import ImageSources

/// What an image's id is made of; open, so that a new way breaks nobody's switch.
public struct ImageIDs: Sendable, Hashable, CustomStringConvertible {
  /// The way's name, as options spell it.
  public let description: String

  /// The 0-based position in the collection: small and dense, but another one once a file before it comes or goes.
  public static let position = ImageIDs(description: "position")
  /// A hash of the path inside the folder, `ImageIDs.id(ofPath:)`: independent of what else the folder holds.
  public static let path = ImageIDs(description: "path")

  /// Every way.
  public static let all: [ImageIDs] = [.position, .path]

  /// The first eight bytes of the MD5 of the path's bytes, as a big-endian number without its sign bit: 0…2^63-1.
  ///
  /// SQL makes the same of a path in UTF-8: `('x' || substr(md5('cats/1.jpg'), 1, 16))::bit(64)::bigint &
  /// 9223372036854775807`. Among a million paths two share an id with a probability of 5·10^-8; the id column's unique
  /// index would then refuse them.
  static func id(ofPath path: some Sequence<UInt8>) -> Int64 {
    let first = MD5.digest(of: Array(path)).prefix(8)
    return Int64(first.reduce(UInt64(0)) { $0 << 8 | UInt64($1) } & UInt64(Int64.max))
  }

  /// The MD5 of the path's bytes as a UUID: `md5('cats/1.jpg')::uuid`.
  static func uuid(ofPath path: some Sequence<UInt8>) -> ImageID {
    let digits = MD5.digest(of: Array(path)).flatMap { [$0 >> 4, $0 & 15] }.map { String($0, radix: 16) }
    let groups = [0..<8, 8..<12, 12..<16, 16..<20, 20..<32].map { digits[$0].joined() }
    return ImageID(groups.joined(separator: "-"))
  }

  /// As `id(ofPath:)` of the path's UTF-8.
  public static func id(ofPath path: String) -> Int64 { id(ofPath: path.utf8) }

  /// - Throws: `LoadError` with code `option` for an image that has no path.
  func id(of entry: ImageEntry) throws -> Int64 {
    guard self == .path else { return Int64(entry.id) }
    guard case .file = entry.place else {
      throw LoadError(
        .option,
        "\(entry.name): ids by path need a folder of images; records of a file have positions only"
      )
    }
    return Self.id(ofPath: entry.name)
  }
}

/// Which images have rows, and those rows' ids where they are wanted, by position: a bit for each, and some 2 bytes for an id that is
/// not far from its neighbours', 9 for another number, and the text of one that is not a number.
struct RowIDs: Sendable {
  private var present = PositionSet()
  private var blocks: [Block] = []
  /// The texts, each behind its length in four bytes.
  private var texts: [UInt8] = []

  /// None is known yet.
  init() {}

  /// Whether an image has a row.
  func hasID(at position: Int) -> Bool { present.contains(position) }

  /// Takes in that an image has a row whose id is not wanted.
  mutating func insert(_ position: Int) { present.insert(position) }

  /// The id of an image's row; nil for none, and for one that is not wanted.
  subscript(position: Int) -> ImageID? {
    get {
      let (number, index) = position.quotientAndRemainder(dividingBy: Block.size)
      guard number < blocks.count, let value = blocks[number][index] else { return nil }
      guard blocks[number].holdsText(index) else { return ImageID(value) }
      let start = Int(value)
      let length = texts.withUnsafeBytes { $0.loadUnaligned(fromByteOffset: start, as: UInt32.self) }
      return ImageID(String(decoding: texts[(start + 4)..<(start + 4 + Int(length))], as: UTF8.self))
    }
    set {
      let (number, index) = position.quotientAndRemainder(dividingBy: Block.size)
      guard let newValue else {
        present.remove(position)
        if number < blocks.count { blocks[number].remove(index) }
        return
      }
      present.insert(position)
      if number >= blocks.count {
        blocks += repeatElement(Block(), count: number + 1 - blocks.count)
      }
      if let value = newValue.number {
        blocks[number].set(index, value, isText: false)
      } else {
        let text = newValue.description.utf8
        blocks[number].set(index, Int64(texts.count), isText: true)
        withUnsafeBytes(of: UInt32(text.count)) { texts += $0 }
        texts += text
      }
    }
  }

  /// The numbers of some positions, each as its distance from what it would be if they counted on from the first, in as many bytes as
  /// the largest distance takes.
  private struct Block: Sendable {
    static let size = 64

    /// A bit for each that is there, and for each that is where a text begins.
    private var known: UInt64 = 0
    private var texts: UInt64 = 0
    private var base: Int64 = 0
    private var distances: [UInt8] = []

    func holdsText(_ index: Int) -> Bool { texts >> UInt64(index) & 1 == 1 }

    subscript(index: Int) -> Int64? {
      guard known >> UInt64(index) & 1 == 1 else { return nil }
      return base &+ Int64(index) &+ distance(index)
    }

    mutating func remove(_ index: Int) { known &= ~(1 << UInt64(index)) }

    mutating func set(_ index: Int, _ value: Int64, isText: Bool) {
      if known == 0 { (base, distances, texts) = (value &- Int64(index), [], 0) }
      let distance = value &- base &- Int64(index)
      let width = Self.width(distance)
      if width > self.width { widen(width) }
      write(distance, at: index)
      known |= 1 << UInt64(index)
      texts = texts & ~(1 << UInt64(index)) | (isText ? 1 : 0) << UInt64(index)
    }

    private var width: Int { distances.count / Self.size }

    private static func width(_ distance: Int64) -> Int {
      if distance == 0 { return 0 }
      return Int8(exactly: distance) != nil
        ? 1 : Int16(exactly: distance) != nil ? 2 : Int32(exactly: distance) != nil ? 4 : 8
    }

    private mutating func widen(_ width: Int) {
      let all = (0..<Self.size).map { distance($0) }
      distances = Array(repeating: 0, count: width * Self.size)
      for (index, distance) in all.enumerated() { write(distance, at: index) }
    }

    private func distance(_ index: Int) -> Int64 {
      let bytes = distances[(index * width)..<((index + 1) * width)]
      guard let last = bytes.last else { return 0 }
      return bytes.dropLast().reversed().reduce(Int64(Int8(bitPattern: last))) { $0 << 8 | Int64($1) }
    }

    private mutating func write(_ distance: Int64, at index: Int) {
      for byte in 0..<width {
        distances[index * width + byte] = UInt8(truncatingIfNeeded: distance >> (8 * Int64(byte)))
      }
    }
  }
}

extension LoadPlan {
  /// The ids that are taken, as far as new images need to know.
  struct TakenIDs: Sendable, Hashable {
    /// Whether a position of the folder is the id of a row in the table.
    var includesPositions = false
    /// The largest id in the table; nil for an empty one.
    var largest: Int64?
    /// Ids that new images may get and that other rows have: those made of paths, and those that a manifest gives.
    var ids: Set<ImageID> = []
    /// Whether the ids are UUIDs.
    var areUUIDs = false
  }

  /// Gives every new image an id that no row has.
  ///
  /// That of a manifest where it gives one. By position where the positions are free and nothing was loaded before, else
  /// numbers above all ids; by path where that is asked for, with the whole path, and then the time of modification, for
  /// a path whose id is taken.
  /// - Throws: `LoadError` with code `row` for a manifest's id that is another row's, or when no number is left above the
  ///   largest.
  mutating func assignIDs(_ way: ImageIDs, taken: TakenIDs) throws {
    let positions = positionsWithoutID
    let isFirst = positions.count == files.count && !taken.includesPositions && !files.hasGivenIDs
    let given = positions.lazy.compactMap { [files] in files.givenID(at: $0)?.number }.max() ?? -1
    var next = max(taken.largest ?? -1, given, -1)
    for position in positions {
      if let given = files.givenID(at: position) {
        guard !taken.ids.contains(given) else {
          throw LoadError(
            .row,
            "\(files[position].path): its id \(given) is another row's. Fix: give it an id that is free"
          )
        }
        ids[position] = given
      } else if way == .path {
        ids[position] = Self.idsByPath(of: files[position], areUUIDs: taken.areUUIDs)
          .first { !taken.ids.contains($0) }
      } else if isFirst {
        ids[position] = ImageID(Int64(position))
      } else {
        let (number, overflows) = next.addingReportingOverflow(1)
        guard !overflows else {
          throw LoadError(
            .row,
            "the largest id is \(next), so that no number above it is free. Fix: --ids path"
          )
        }
        ids[position] = ImageID(number)
        next = number
      }
    }
  }

  /// Ids that an image may get by its path: rows that moved away from it, or are of another folder, may have the first.
  private static func idsByPath(of file: ImageFile, areUUIDs: Bool) -> [ImageID] {
    let texts = [
      file.pathBytes, Array(file.source.utf8), Array("\(file.source)\0\(file.modificationTime)".utf8),
    ]
    return texts.map { areUUIDs ? ImageIDs.uuid(ofPath: $0) : ImageID(ImageIDs.id(ofPath: $0)) }
  }

  /// Ids that new images at some positions may get and that other rows may have.
  func candidateIDs(_ positions: some Sequence<Int>, _ way: ImageIDs, areUUIDs: Bool) -> [ImageID] {
    positions.flatMap { position in
      if let given = files.givenID(at: position) { return [given] }
      return way == .path ? Self.idsByPath(of: files[position], areUUIDs: areUUIDs) : []
    }
  }
}

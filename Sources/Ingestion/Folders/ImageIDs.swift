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

/// Ids of images' rows by position, packed: nine bytes each, and the text of one that is not a number.
struct RowIDs: Sendable {
  private enum Kind: UInt8 {
    case absent
    case number
    case text
  }

  private var kinds: [Kind]
  /// The numbers; of a text, where it begins.
  private var numbers: [Int64]
  /// The texts, each behind its length in four bytes.
  private var texts: [UInt8] = []

  /// None is known yet.
  init(count: Int) {
    kinds = Array(repeating: .absent, count: count)
    numbers = Array(repeating: 0, count: count)
  }

  var count: Int { kinds.count }

  /// Whether an image has a row.
  func hasID(at position: Int) -> Bool { kinds[position] != .absent }

  subscript(position: Int) -> ImageID? {
    get {
      switch kinds[position] {
      case .absent: return nil
      case .number: return ImageID(numbers[position])
      case .text:
        let start = Int(numbers[position])
        let length = texts.withUnsafeBytes { $0.loadUnaligned(fromByteOffset: start, as: UInt32.self) }
        return ImageID(String(decoding: texts[(start + 4)..<(start + 4 + Int(length))], as: UTF8.self))
      }
    }
    set {
      if let number = newValue?.number {
        (kinds[position], numbers[position]) = (.number, number)
      } else if let text = newValue?.description.utf8 {
        (kinds[position], numbers[position]) = (.text, Int64(texts.count))
        withUnsafeBytes(of: UInt32(text.count)) { texts += $0 }
        texts += text
      } else {
        kinds[position] = .absent
      }
    }
  }

  mutating func append(_ id: ImageID?) {
    kinds.append(.absent)
    numbers.append(0)
    self[count - 1] = id
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

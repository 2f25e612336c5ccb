internal import Crypto
internal import ImageSources

/// What an image's id is made of; open, so that a new way breaks nobody's switch.
public struct ImageIDs: Sendable, Hashable, CustomStringConvertible {
  /// The way's name, as options spell it.
  public let description: String

  /// The 0-based position in the collection: small and dense, but another one once a file before it comes or goes.
  public static let position = ImageIDs(description: "position")
  /// A hash of the path inside the folder, `ImageIDs.id(ofPath:)`: the same whatever else the folder holds.
  public static let path = ImageIDs(description: "path")

  /// Every way.
  public static let all: [ImageIDs] = [.position, .path]

  /// The first eight bytes of the MD5 of the path's UTF-8, as a big-endian number without its sign bit: 0…2^63-1.
  ///
  /// SQL makes the same: `('x' || substr(md5('cats/1.jpg'), 1, 16))::bit(64)::bigint & 9223372036854775807`. Among a
  /// million paths two share an id with a probability of 5·10^-8; the id column's unique index would then refuse them.
  public static func id(ofPath path: String) -> Int64 {
    let first = Insecure.MD5.hash(data: Array(path.utf8)).prefix(8)
    return Int64(first.reduce(UInt64(0)) { $0 << 8 | UInt64($1) } & UInt64(Int64.max))
  }

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

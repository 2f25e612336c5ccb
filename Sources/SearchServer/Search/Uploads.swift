internal import Basics
internal import FoundationEssentials

/// Remembers uploads by their content, so that a search by an uploaded image has a link that lasts, and a changed filter
/// needs neither a second upload nor a second run of the model.
struct UploadCache: Sendable {
  /// What is remembered of an upload: never the file itself.
  struct Upload: Sendable, Hashable {
    var name: String
    /// What stands for the model and its settings; embeddings of another one are not comparable.
    var identity: String
    var embedding: [Float]
    var thumbnail: [UInt8]
    /// What making the embedding took, in milliseconds.
    var milliseconds: Double
  }

  private let uploads: BoundedCache<String, Upload>
  private let folder: UploadFolder?

  /// - Parameter folder: Where uploads are kept over a restart; nil keeps them in memory only.
  init(maximumBytes: Int, folder: UploadFolder? = nil) {
    uploads = BoundedCache(maximumCost: maximumBytes)
    self.folder = folder
  }

  /// The key of a file: the SHA-256 of its content, as `sha256sum` prints it.
  static func key(of file: [UInt8]) -> String { SHA256.hexadecimal(of: file) }

  /// Whether a text could be a key, also one of an earlier version.
  static func isKey(_ text: String) -> Bool {
    let length = text.utf8.count
    return (length == 64 || length == 22)
      && text.utf8.allSatisfy { byte in
        (48...57).contains(byte) || (97...122).contains(byte)
          || length == 22 && ((65...90).contains(byte) || byte == 45 || byte == 95)
      }
  }

  /// Keeps an upload. May block.
  func remember(_ upload: Upload, _ key: String) {
    insert(upload, key)
    folder?.write(upload, key)
  }

  /// A remembered upload; nil for one that is forgotten, or whose embedding another model made. May block.
  func upload(_ key: String, madeBy identity: String) -> Upload? {
    if let upload = uploads.value(for: key), upload.identity == identity { return upload }
    guard Self.isKey(key), let upload = folder?.read(key, madeBy: identity) else { return nil }
    insert(upload, key)
    return upload
  }

  private func insert(_ upload: Upload, _ key: String) {
    let cost = upload.embedding.count * 4 + upload.thumbnail.count + upload.name.utf8.count + 256
    uploads.insert(upload, for: key, cost: cost)
  }
}

/// Remembered uploads on disk: for each a line of JSON, the embedding and the thumbnail. May block.
struct UploadFolder: Sendable {
  private let cache: DiskCache

  init(_ path: String, maximumBytes: Int) {
    cache = DiskCache(folder: path, maximumBytes: maximumBytes)
  }

  private struct Head: Codable {
    var name: String
    var milliseconds: Double
    var numbers: Int
  }

  /// The embeddings of two models of one image are two values.
  private static func key(_ key: String, _ identity: String) -> String {
    "\(key)-\(SHA256.hexadecimal(of: identity).prefix(16))"
  }

  func write(_ upload: UploadCache.Upload, _ key: String) {
    let head = Head(name: upload.name, milliseconds: upload.milliseconds, numbers: upload.embedding.count)
    guard let line = try? JSONEncoder().encode(head) else { return }
    let numbers = upload.embedding.flatMap { number in
      withUnsafeBytes(of: number.bitPattern.littleEndian) { Array($0) }
    }
    let bytes = [UInt8](line) + [UInt8(ascii: "\n")] + numbers + upload.thumbnail
    cache.insert(bytes, for: Self.key(key, upload.identity))
  }

  func read(_ key: String, madeBy identity: String) -> UploadCache.Upload? {
    guard let bytes = cache.value(for: Self.key(key, identity)),
      let end = bytes.firstIndex(of: UInt8(ascii: "\n")),
      let head = try? JSONDecoder().decode(Head.self, from: Data(bytes[..<end])), head.numbers >= 0,
      head.numbers <= (bytes.count - end - 1) / 4
    else { return nil }
    let vectorStart = end + 1
    let embedding = (0..<head.numbers).map { index in
      let word = bytes[(vectorStart + 4 * index)..<(vectorStart + 4 * index + 4)]
      return Float(bitPattern: word.reversed().reduce(UInt32(0)) { $0 << 8 | UInt32($1) })
    }
    return UploadCache.Upload(
      name: head.name,
      identity: identity,
      embedding: embedding,
      thumbnail: Array(bytes[(vectorStart + 4 * head.numbers)...]),
      milliseconds: head.milliseconds
    )
  }
}

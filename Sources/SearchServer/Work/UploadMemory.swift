/// Remembers the last uploads for a while, so that a search by an uploaded image has a link, and a changed filter
/// needs neither a second upload nor a second run of the network.
struct UploadMemory: Sendable {
  /// What is remembered of an upload: never the file itself.
  struct Upload: Sendable {
    var name: String
    var features: [Float]
    var thumbnail: [UInt8]
    /// What the features took, in milliseconds.
    var milliseconds: Double
  }

  private let uploads: BoundedCache<String, Upload>

  init(maximumBytes: Int) {
    uploads = BoundedCache(maximumCost: maximumBytes)
  }

  /// Remembers an upload under a key that nobody can guess.
  func remember(_ upload: Upload) -> String {
    let key = RandomKey.make()
    let cost = upload.features.count * 4 + upload.thumbnail.count + upload.name.utf8.count + 128
    uploads.insert(upload, for: key, cost: cost)
    return key
  }

  subscript(key: String) -> Upload? { uploads.value(for: key) }
}

/// Keys from the system's random number generator.
enum RandomKey {
  private static let alphabet = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_")

  /// 22 characters that are safe in a link: 132 random bits.
  static func make() -> String {
    var generator = SystemRandomNumberGenerator()
    return String((0..<22).map { _ in alphabet[Int(generator.next() & 63)] })
  }

  /// Whether a text could be a key.
  static func isKey(_ text: String) -> Bool {
    text.count == 22 && text.allSatisfy { alphabet.contains($0) }
  }
}

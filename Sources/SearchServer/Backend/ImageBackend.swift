/// What is done with an image's bytes: the feature vector and the thumbnail.
///
/// Both are called on threads of their own, never on an event loop or the cooperative pool, so they may block and
/// compute. They throw ``BackendError`` with `.unreadableImage` or `.imageTooLarge`.
public protocol ImageBackend: Sendable {
  /// The network's name, as people know it.
  var model: String { get }
  /// How many numbers a feature vector has.
  var dimension: Int { get }
  /// The feature vector of an image file with at most `maximumPixels` pixels.
  func features(of file: [UInt8], maximumPixels: Int) async throws -> [Float]
  /// The image, upright, at most `side` pixels wide and high, as a JPEG or PNG file.
  func thumbnail(of file: [UInt8], side: Int, maximumPixels: Int) async throws -> [UInt8]
}

internal import ImageCodecs
package import Inference
internal import Synchronization

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

/// The network, loaded once, with as many extractors as run at a time.
package final class ExtractorPool: ImageBackend {
  /// An extractor on its way in or out of the pool.
  /// Unchecked: the pool lends each one to one caller at a time, under its lock.
  private struct Lent: @unchecked Sendable {
    let extractor: FeatureExtractor
  }

  private let network: FeatureModel
  private let idle = Mutex<[Lent]>([])
  package let model: String

  package var dimension: Int { network.dimension }

  package init(_ network: FeatureModel, name: String) {
    self.network = network
    model = name
  }

  /// Decodes as `embed-load` does, so that an image of the collection finds itself at distance 0.
  package func features(of file: [UInt8], maximumPixels: Int) throws -> [Float] {
    let image = try Self.decoded(file, .init(maximumPixels: maximumPixels))
    let lent = try idle.withLock { $0.popLast() } ?? Lent(extractor: network.makeExtractor())
    defer { idle.withLock { $0.append(lent) } }
    return try lent.extractor.features(of: image)
  }

  package func thumbnail(of file: [UInt8], side: Int, maximumPixels: Int) throws -> [UInt8] {
    let options = Image.DecodingOptions(
      maximumPixels: maximumPixels,
      background: .white,
      appliesOrientation: true
    )
    return try Self.decoded(file, options).thumbnail(side: side).jpegData()
  }

  private static func decoded(_ file: [UInt8], _ options: Image.DecodingOptions) throws -> Image {
    do {
      return try Image(decoding: file, options: options)
    } catch let error as ImageError {
      throw BackendError(error.code == .tooLarge ? .imageTooLarge : .unreadableImage, error.reason)
    }
  }
}

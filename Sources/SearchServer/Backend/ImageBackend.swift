internal import Basics
package import ImageCodecs
package import Inference

/// What is done with an image's bytes: the embedding and the thumbnail.
///
/// All of it is called on threads of their own, never on an event loop or the cooperative pool, so it may block and
/// compute. It throws ``BackendError`` with `.unreadableImage` or `.imageTooLarge`.
public protocol ImageBackend: Sendable {
  /// The model's name, as people know it.
  var model: String { get }
  /// The length of the collection's embeddings.
  var dimension: Int { get }
  /// Why no upload is searched with now; nil takes them.
  var uploadRefusal: String? { get }
  /// Tells the model and its settings from others: embeddings of two identities are not comparable.
  var identity: String { get }
  /// About how many bytes of memory the decoding of an image file takes at its peak, from its header alone.
  func decodingCost(of file: [UInt8], maximumPixels: Int) throws -> Int
  /// The embedding of an image file and its thumbnail, from one decoding.
  func examine(_ file: [UInt8], thumbnailSide: Int, maximumPixels: Int) async throws -> ExaminedImage
  /// The image, upright, at most `side` pixels wide and high, as a JPEG or PNG file.
  func thumbnail(of file: [UInt8], side: Int, maximumPixels: Int) async throws -> [UInt8]
}

extension ImageBackend {
  /// Uploads are taken.
  public var uploadRefusal: String? { nil }

  /// The model's name and the length of its embeddings, where nothing else tells one from another.
  public var identity: String { "\(model) \(dimension)" }
}

/// What an upload was turned into.
public struct ExaminedImage: Sendable, Hashable {
  /// The embedding.
  public var embedding: [Float]
  /// A JPEG or PNG file.
  public var thumbnail: [UInt8]

  /// An examined image from its parts.
  public init(embedding: [Float], thumbnail: [UInt8]) {
    self.embedding = embedding
    self.thumbnail = thumbnail
  }
}

/// The model, loaded once, with as many extractors as run at a time.
package final class ExtractorPool: ImageBackend {
  /// An extractor on its way in or out of the pool.
  /// Unchecked: the pool lends each one to one caller at a time, under its lock.
  private struct Lent: @unchecked Sendable {
    let extractor: FeatureExtractor
  }

  private let features: FeatureModel
  private let decoding: Image.DecodingOptions
  private let idle = StateLock<[Lent]>([])
  package let model: String
  package let identity: String

  package var dimension: Int { features.dimension }

  /// - Parameters:
  ///   - identity: What made the embeddings, as a text.
  ///   - decoding: As the table's images were decoded, so that an image of the collection finds itself at distance 0. Its
  ///     limits are not used.
  package init(_ features: FeatureModel, name: String, identity: String, decoding: Image.DecodingOptions) {
    self.features = features
    self.decoding = decoding
    model = name
    self.identity = identity
  }

  package func decodingCost(of file: [UInt8], maximumPixels: Int) throws -> Int {
    // An upload is decoded for the model, images of the collection for their thumbnails.
    var options = decoding
    let side = decoding.coverage?.side
    options.coverage = side.map { .init(side: max($0, Thumbnail.uploadSide)) }
    return try Pixels.cost(of: file, maximumPixels: maximumPixels, options)
  }

  package func examine(_ file: [UInt8], thumbnailSide: Int, maximumPixels: Int) throws -> ExaminedImage {
    var options = decoding
    options.maximumPixels = maximumPixels
    // All of it is shown.
    options.coverage?.crop = nil
    let image = try Pixels.decoded(file, options)
    let lent = try idle.withLock { $0.popLast() } ?? Lent(extractor: features.makeExtractor())
    defer { idle.withLock { $0.append(lent) } }
    return ExaminedImage(
      embedding: try lent.extractor.features(of: image),
      thumbnail: try image.thumbnail(side: thumbnailSide).jpegData()
    )
  }

  package func thumbnail(of file: [UInt8], side: Int, maximumPixels: Int) throws -> [UInt8] {
    try Pixels.thumbnail(of: file, side: side, maximumPixels: maximumPixels)
  }
}

/// Stands for a model that cannot be loaded: images are shown, and none can be searched with.
package struct UnavailableImages: ImageBackend {
  package let dimension: Int
  package var model: String { "none" }

  /// - Parameter dimension: the length of the table's vectors.
  package init(dimension: Int) { self.dimension = dimension }

  package func decodingCost(of file: [UInt8], maximumPixels: Int) throws -> Int {
    try Pixels.cost(
      of: file,
      maximumPixels: maximumPixels,
      Pixels.options(Thumbnail.uploadSide, maximumPixels)
    )
  }

  package func examine(_ file: [UInt8], thumbnailSide: Int, maximumPixels: Int) throws -> ExaminedImage {
    throw BackendError(
      .uploadsRefused,
      "this server does not have the weights of the model that made the collection's vectors; search near one of its images"
    )
  }

  package func thumbnail(of file: [UInt8], side: Int, maximumPixels: Int) throws -> [UInt8] {
    try Pixels.thumbnail(of: file, side: side, maximumPixels: maximumPixels)
  }
}

/// What is done with an image's pixels, whichever model there is.
private enum Pixels {
  static func cost(of file: [UInt8], maximumPixels: Int, _ options: Image.DecodingOptions) throws -> Int {
    do {
      let header = try ImageHeader(decoding: file)
      // A size beyond the limit is refused by the decoder, before it takes any memory.
      guard header.pixels <= maximumPixels else { return 0 }
      // Beside the decoder's memory: the file, and what is made of the image.
      return header.decodedBytes(with: options) + file.count + (16 << 20)
    } catch let error as ImageError {
      throw BackendError(.unreadableImage, error.reason)
    }
  }

  /// For people to look at.
  static func options(_ side: Int, _ maximumPixels: Int) -> Image.DecodingOptions {
    Image.DecodingOptions(
      maximumPixels: maximumPixels,
      background: .white,
      appliesOrientation: true,
      convertsColours: Image.canConvertColours,
      fidelity: .fast,
      coverage: Image.DecodingOptions.Coverage(side: side)
    )
  }

  static func thumbnail(of file: [UInt8], side: Int, maximumPixels: Int) throws -> [UInt8] {
    try decoded(file, options(side, maximumPixels)).thumbnail(side: side).jpegData()
  }

  static func decoded(_ file: [UInt8], _ options: Image.DecodingOptions) throws -> Image {
    do {
      return try Image(decoding: file, options: options)
    } catch let error as ImageError where error.code == .tooLarge {
      throw BackendError(
        .imageTooLarge,
        "the image has more than the \(options.maximumPixels) pixels that this server reads; scale it down"
      )
    } catch let error as ImageError {
      throw BackendError(.unreadableImage, error.reason)
    }
  }
}

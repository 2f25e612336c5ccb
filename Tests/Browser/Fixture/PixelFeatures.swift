import ImageCodecs
import SearchServer

/// A stand-in for a network: the colours of a 4x4 reduction of the image.
struct PixelFeatures: ImageBackend {
  let model = "4x4 colours"
  let dimension = 48

  func decodingCost(of file: [UInt8], maximumPixels: Int) -> Int { maximumPixels * 3 }

  func examine(_ file: [UInt8], thumbnailSide: Int, maximumPixels: Int) throws -> ExaminedImage {
    let image = try Self.decode(file, maximumPixels)
    return ExaminedImage(
      embedding: try Self.features(of: image),
      thumbnail: try image.thumbnail(side: thumbnailSide).jpegData()
    )
  }

  func thumbnail(of file: [UInt8], side: Int, maximumPixels: Int) throws -> [UInt8] {
    try Self.decode(file, maximumPixels).thumbnail(side: side).jpegData()
  }

  static func features(of image: Image) throws -> [Float] {
    var resampler = Resampler()
    return try resampler.resize(image, width: 4, height: 4, interpolation: .bilinear).rgb.map {
      Float($0) / 255
    }
  }

  private static func decode(_ file: [UInt8], _ maximumPixels: Int) throws -> Image {
    do {
      return try Image(decoding: file, options: .init(maximumPixels: maximumPixels, background: .white))
    } catch let error as ImageError {
      throw BackendError(error.code == .tooLarge ? .imageTooLarge : .unreadableImage, error.description)
    }
  }
}

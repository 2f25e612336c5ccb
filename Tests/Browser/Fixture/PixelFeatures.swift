import ImageFeatures
import SearchPage

/// A stand-in for a network: the colours of a 4x4 reduction of the picture.
struct PixelFeatures: PictureBackend {
  let model = "4x4 colours"
  let dimension = 48

  func features(of file: [UInt8], maximumPixels: Int) throws -> [Float] {
    try Self.features(of: Self.decode(file, maximumPixels))
  }

  func thumbnail(of file: [UInt8], side: Int, maximumPixels: Int) throws -> [UInt8] {
    try Self.decode(file, maximumPixels).thumbnail(side: side).jpegData()
  }

  static func features(of picture: Picture) throws -> [Float] {
    var resampler = Resampler()
    return try resampler.resize(picture, width: 4, height: 4, interpolation: .bilinear).rgb.map {
      Float($0) / 255
    }
  }

  private static func decode(_ file: [UInt8], _ maximumPixels: Int) throws -> Picture {
    do {
      return try Picture(decoding: file, options: .init(maximumPixels: maximumPixels, background: .white))
    } catch let error as PictureError {
      throw BackendError(error.code == .tooLarge ? .pictureTooLarge : .unreadablePicture, error.description)
    }
  }
}

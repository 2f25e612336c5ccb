/// A decoded image: 8-bit RGB, row by row from the top left.
public struct Image: Sendable, Hashable {
  /// Columns of pixels.
  public let width: Int
  /// Rows of pixels.
  public let height: Int
  /// `width * height * 3` bytes, red, green, blue of each pixel, rows from top to bottom.
  public let rgb: [UInt8]

  /// An image from its pixels.
  ///
  /// - Throws: ``ImageError`` (`.invalidSize`) when a side is not positive or `rgb` has another length than
  ///   `width * height * 3`.
  public init(width: Int, height: Int, rgb: [UInt8]) throws {
    let (pixels, overflow) = width.multipliedReportingOverflow(by: height)
    guard width > 0, height > 0, !overflow, rgb.count % 3 == 0, rgb.count / 3 == pixels else {
      throw ImageError(
        .invalidSize,
        "a \(width)x\(height) image needs \(width)x\(height)x3 bytes of RGB, got \(rgb.count)"
      )
    }
    self.init(trustedWidth: width, height: height, rgb: rgb)
  }

  init(trustedWidth width: Int, height: Int, rgb: [UInt8]) {
    self.width = width
    self.height = height
    self.rgb = rgb
  }

  /// The red, green and blue of one pixel; nil outside the image.
  public func pixel(x: Int, y: Int) -> RGBColor? {
    guard x >= 0, y >= 0, x < width, y < height else { return nil }
    let start = (y * width + x) * 3
    return RGBColor(red: rgb[start], green: rgb[start + 1], blue: rgb[start + 2])
  }
}

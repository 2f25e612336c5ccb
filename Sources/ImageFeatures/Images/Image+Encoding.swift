extension Image {
  /// The image as a PNG file, without loss.
  ///
  /// - Throws: ``ImageError`` (`.encoding`) when there is no memory left.
  public func pngData() throws -> [UInt8] {
    try PNGEncoder.encode(self)
  }

  /// The image as a JPEG file.
  ///
  /// - Parameter quality: 1...100; above 90 colour keeps its full resolution.
  /// - Throws: ``ImageError`` (`.encoding`) for another quality or a side above 65,500 pixels.
  public func jpegData(quality: Int = 85) throws -> [UInt8] {
    try JPEGEncoder.encode(self, quality: quality)
  }

  /// The image reduced to fit a square of `side` pixels, its shape kept; itself when it fits already.
  ///
  /// - Throws: ``ImageError`` (`.invalidSize`) when `side` is not positive.
  public func thumbnail(side: Int, interpolation: Interpolation = .bicubic) throws -> Image {
    guard side > 0 else { throw ImageError(.invalidSize, "a thumbnail needs a positive side, not \(side)") }
    let longer = max(width, height)
    guard longer > side else { return self }
    var resampler = Resampler()
    return try resampler.resize(
      self,
      width: max(1, (width * side + longer / 2) / longer),
      height: max(1, (height * side + longer / 2) / longer),
      interpolation: interpolation
    )
  }

  /// The image with every pixel repeated `factor` times in both directions: enlargement with sharp edges.
  ///
  /// - Throws: ``ImageError`` (`.invalidSize`) when `factor` is not positive or the result exceeds 2^28 pixels.
  public func enlarged(_ factor: Int) throws -> Image {
    guard (1...65_536).contains(factor), width * height <= (1 << 28) / (factor * factor) else {
      throw ImageError(.invalidSize, "a \(width)x\(height) image cannot be enlarged \(factor) times")
    }
    guard factor > 1 else { return self }
    let newWidth = width * factor
    let size = newWidth * height * factor * 3
    let pixels = [UInt8](unsafeUninitializedCapacity: size) { target, count in
      for y in 0..<height * factor {
        for x in 0..<newWidth {
          let source = (y / factor * width + x / factor) * 3
          for channel in 0..<3 { target[(y * newWidth + x) * 3 + channel] = rgb[source + channel] }
        }
      }
      count = size
    }
    return Image(trustedWidth: newWidth, height: height * factor, rgb: pixels)
  }
}

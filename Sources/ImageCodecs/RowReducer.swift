/// Reduces an image by a whole factor while its rows come in: each pixel of the result is the rounded mean of a square of
/// pixels, of a part of one at the right and lower edge.
struct RowReducer {
  let width: Int
  let height: Int
  private let factor: Int
  private let source: Image.Source
  private var rgb: [UInt8]
  /// Sums of a column's samples, of the rows since the last row of the result.
  private var sums: [UInt16]
  private var rows = 0
  private var written = 0

  /// The sums of as many samples of 255 fit 16 bits.
  static let largestFactor = 256

  private var reducedWidth: Int { (width + factor - 1) / factor }
  private var reducedHeight: Int { (height + factor - 1) / factor }

  /// - Parameters:
  ///   - factor: 1...``largestFactor``; 1 keeps the image as it is.
  ///   - source: What the rows were reduced from already.
  init(width: Int, height: Int, factor: Int, source: Image.Source? = nil) {
    self.source = (source ?? Image.Source(width: width, height: height)).reduced(by: factor)
    self.width = width
    self.height = height
    self.factor = factor
    rgb = []
    rgb.reserveCapacity((width + factor - 1) / factor * ((height + factor - 1) / factor) * 3)
    sums = factor == 1 ? [] : [UInt16](repeating: 0, count: width * 3)
  }

  /// Takes the next rows, `width * 3` bytes each.
  mutating func add(_ strip: [UInt8]) {
    guard factor > 1 else {
      rgb += strip
      return
    }
    let rowBytes = width * 3
    strip.withUnsafeBufferPointer { strip in
      for start in stride(from: 0, to: strip.count, by: rowBytes) {
        sums.withUnsafeMutableBufferPointer { sums in
          for index in 0..<rowBytes { sums[index] &+= UInt16(strip[start + index]) }
        }
        rows += 1
        if rows == factor || written * factor + rows == height { writeRow() }
      }
    }
  }

  private mutating func writeRow() {
    for column in 0..<reducedWidth {
      let pixels = column * factor..<min((column + 1) * factor, width)
      let count = UInt32(pixels.count * rows)
      for channel in 0..<3 {
        var sum = count / 2
        for pixel in pixels { sum &+= UInt32(sums[pixel * 3 + channel]) }
        rgb.append(UInt8(truncatingIfNeeded: sum / count))
      }
    }
    for index in sums.indices { sums[index] = 0 }
    rows = 0
    written += 1
  }

  /// The result, once all rows have been added.
  func image() -> Image { Image(trustedWidth: reducedWidth, height: reducedHeight, rgb: rgb, source: source) }
}

extension Image {
  /// The image with squares of `factor` pixels averaged; itself for 1.
  func reduced(by factor: Int) -> Image {
    guard factor > 1 else { return self }
    var reducer = RowReducer(width: width, height: height, factor: factor, source: source)
    reducer.add(rgb)
    return reducer.image()
  }

  /// The image reduced as far as the options allow.
  func reduced(_ options: DecodingOptions) -> Image {
    reduced(by: options.reduction(width: width, height: height))
  }
}

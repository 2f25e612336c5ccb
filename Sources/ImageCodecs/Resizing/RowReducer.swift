/// Reduces an image by a whole factor while its rows come in: each pixel of the result is the rounded mean of a square of
/// pixels, of a part of one at the right and lower edge.
struct RowReducer {
  let width: Int
  /// Rows that must be added, from the image's first on; those behind them are not wanted.
  let neededRows: Int
  private let height: Int
  private let factor: Int
  private let source: Image.Source
  /// The rows of the result that are kept.
  private let window: Range<Int>
  private var rgb: [UInt8]
  /// Sums of a column's samples, of the rows since the last row of the result.
  private var sums: [UInt16]
  private var row = 0

  /// The sums of as many samples of 255 fit 16 bits.
  static let largestFactor = 256

  private var reducedWidth: Int { (width + factor - 1) / factor }

  /// - Parameters:
  ///   - factor: 1...``largestFactor``; 1 keeps the image as it is.
  ///   - source: What the rows were reduced from already.
  ///   - window: The rows of the result that are wanted; nil for all.
  init(width: Int, height: Int, factor: Int, source: Image.Source? = nil, window: Range<Int>? = nil) {
    let rows = (height + factor - 1) / factor
    self.window = window?.clamped(to: 0..<rows) ?? 0..<rows
    self.source = (source ?? Image.Source(width: width, height: height)).reduced(by: factor)
    self.width = width
    self.height = height
    self.factor = factor
    neededRows = min(height, self.window.upperBound * factor)
    rgb = []
    rgb.reserveCapacity((width + factor - 1) / factor * self.window.count * 3)
    sums = factor == 1 ? [] : [UInt16](repeating: 0, count: width * 3)
  }

  /// Rows before it are of no use, and may be skipped in place of being added.
  var firstNeededRow: Int { window.lowerBound * factor }

  /// Goes past rows that are not needed.
  mutating func skip(_ rows: Int) { row += rows }

  /// Takes the next rows, `width * 3` bytes each.
  mutating func add(_ strip: UnsafeBufferPointer<UInt8>) {
    let rowBytes = width * 3
    for start in stride(from: 0, to: strip.count, by: rowBytes) {
      defer { row += 1 }
      guard window.contains(row / factor) else { continue }
      let line = UnsafeBufferPointer(rebasing: strip[start..<start + rowBytes])
      guard factor > 1 else {
        rgb.append(contentsOf: line)
        continue
      }
      sums.withUnsafeMutableBufferPointer { sums in
        for index in 0..<rowBytes { sums[index] &+= UInt16(line[index]) }
      }
      if (row + 1) % factor == 0 || row + 1 == height { writeRow(of: row % factor + 1) }
    }
  }

  /// Takes the next rows from an array.
  mutating func add(_ strip: [UInt8]) { strip.withUnsafeBufferPointer { add($0) } }

  private mutating func writeRow(of rows: Int) {
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
  }

  /// The result, once all needed rows have been added.
  func image() -> Image {
    Image(
      trustedWidth: reducedWidth,
      height: window.count,
      rgb: rgb,
      source: source.beginning(atRow: window.lowerBound)
    )
  }
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

/// Undoes PNG's row filters (PNG specification, section 9), one row after another.
struct PNGFilter {
  /// The unfiltered bytes of the latest row.
  private(set) var row: [UInt8]
  private var above: [UInt8]
  private var filtered: [UInt8]
  private let pixelStride: Int

  init(bytesPerRow: Int, bitsPerPixel: Int) {
    row = [UInt8](repeating: 0, count: bytesPerRow)
    above = row
    filtered = [UInt8](repeating: 0, count: bytesPerRow + 1)
    pixelStride = max(1, bitsPerPixel / 8)
  }

  /// Lets `read` fill in the filter byte and the filtered bytes of the next row, and unfilters them.
  mutating func withNextRow(_ read: (UnsafeMutableRawBufferPointer) throws -> Void) throws {
    try filtered.withUnsafeMutableBytes { try read($0) }
    swap(&row, &above)
    let stride = pixelStride
    try filtered.withUnsafeBufferPointer { source in
      try above.withUnsafeBufferPointer { above in
        try row.withUnsafeMutableBufferPointer { row in
          try Self.unfilter(source, above, row, stride)
        }
      }
    }
  }

  private static func unfilter(
    _ source: UnsafeBufferPointer<UInt8>,
    _ above: UnsafeBufferPointer<UInt8>,
    _ row: UnsafeMutableBufferPointer<UInt8>,
    _ stride: Int
  ) throws {
    let count = row.count
    let head = min(stride, count)
    switch source[0] {
    case 0:
      for i in 0..<count { row[i] = source[i + 1] }
    case 1:
      for i in 0..<head { row[i] = source[i + 1] }
      for i in head..<count { row[i] = source[i + 1] &+ row[i - stride] }
    case 2:
      for i in 0..<count { row[i] = source[i + 1] &+ above[i] }
    case 3:
      for i in 0..<head { row[i] = source[i + 1] &+ above[i] / 2 }
      for i in head..<count {
        row[i] = source[i + 1] &+ UInt8((UInt16(row[i - stride]) + UInt16(above[i])) / 2)
      }
    case 4:
      for i in 0..<head { row[i] = source[i + 1] &+ above[i] }
      for i in head..<count {
        row[i] = source[i + 1] &+ paeth(row[i - stride], above[i], above[i - stride])
      }
    default:
      throw ImageError(.damaged, "the PNG file has a row filter \(source[0]), which PNG does not define")
    }
  }

  static func paeth(_ left: UInt8, _ above: UInt8, _ corner: UInt8) -> UInt8 {
    let a = Int32(left)
    let b = Int32(above)
    let c = Int32(corner)
    let toLeft = abs(b - c)
    let toAbove = abs(a - c)
    let toCorner = abs(a + b - 2 * c)
    if toLeft <= toAbove, toLeft <= toCorner { return left }
    return toAbove <= toCorner ? above : corner
  }
}

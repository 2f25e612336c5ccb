import CGD
internal import Glibc

/// A character as an image: an emoji of a font that holds them in colour.
struct ColourGlyph: Equatable {
  private let width: Int
  private let height: Int
  /// From the pen to the image's left edge, and from the baseline up to its top.
  private let left: Int
  private let top: Int
  private let advance: Int
  /// The font size at which all of these are pixels.
  private let size: Int
  /// Blue, green, red and opacity, the colours multiplied by it.
  private let pixels: [UInt8]

  /// The glyph of a character in a font file; nil when the font has none in colour.
  init?(_ scalar: Unicode.Scalar, in file: String) {
    var glyph = adbvec_glyph()
    guard adbvec_font_glyph(file, scalar.value, &glyph) != 0, let bytes = glyph.pixels else { return nil }
    defer { free(bytes) }
    guard glyph.size > 0, glyph.advance > 0 else { return nil }
    (width, height) = (Int(glyph.width), Int(glyph.height))
    (left, top, advance) = (Int(glyph.left), Int(glyph.top), Int(glyph.advance))
    size = Int(glyph.size)
    pixels = [UInt8](UnsafeBufferPointer(start: bytes, count: width * height * 4))
  }

  /// How far the pen goes on at a font size.
  func width(at size: Double) -> Int { Int((Double(advance) * scale(size)).rounded(.up)) }

  /// Draws with the pen at (x, baseline).
  func draw(on image: gdImagePtr, x: Int, baseline: Int, size: Double) {
    let scale = scale(size)
    let start = (x: x + Int(Double(left) * scale), y: baseline - Int((Double(top) * scale).rounded()))
    for row in 0..<max(1, Int((Double(height) * scale).rounded(.up))) {
      let y = start.y + row
      guard (0..<Int(image.pointee.sy)).contains(y), let line = image.pointee.tpixels?[y] else { continue }
      for column in 0..<max(1, Int((Double(width) * scale).rounded(.up))) {
        let x = start.x + column
        guard (0..<Int(image.pointee.sx)).contains(x) else { continue }
        let over = average(source(column, width, scale), source(row, height, scale))
        line[x] = Self.blend(over, line[x])
      }
    }
  }

  private func scale(_ size: Double) -> Double { size / Double(self.size) }

  /// The pixels of the glyph that a drawn pixel covers.
  private func source(_ pixel: Int, _ count: Int, _ scale: Double) -> Range<Int> {
    let first = min(count - 1, Int(Double(pixel) / scale))
    return first..<max(first + 1, min(count, Int((Double(pixel + 1) / scale).rounded())))
  }

  private func average(_ columns: Range<Int>, _ rows: Range<Int>) -> SIMD4<Float> {
    var sum = SIMD4<Float>()
    for row in rows {
      for column in columns {
        let index = (row * width + column) * 4
        sum += SIMD4(pixels[index..<index + 4].map(Float.init))
      }
    }
    return sum / Float(columns.count * rows.count)
  }

  private static func blend(_ over: SIMD4<Float>, _ under: Int32) -> Int32 {
    let rest = 1 - over.w / 255
    func channel(_ value: Float, _ shift: Int32) -> Int32 {
      Int32(min(255, (value + rest * Float(under >> shift & 0xFF)).rounded())) << shift
    }
    return channel(over.z, 16) | channel(over.y, 8) | channel(over.x, 0)
  }
}

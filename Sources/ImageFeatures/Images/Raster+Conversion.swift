extension Raster {
  /// Splits red, green, blue and alpha of each pixel.
  init(rgba: UnsafeBufferPointer<UInt8>, width: Int, height: Int, keepsAlpha: Bool) {
    let pixels = width * height
    let rgb = [UInt8](unsafeUninitializedCapacity: pixels * 3) { target, count in
      for pixel in 0..<pixels {
        target[pixel * 3] = rgba[pixel * 4]
        target[pixel * 3 + 1] = rgba[pixel * 4 + 1]
        target[pixel * 3 + 2] = rgba[pixel * 4 + 2]
      }
      count = pixels * 3
    }
    let alpha = keepsAlpha ? (0..<pixels).map { rgba[$0 * 4 + 3] } : nil
    self.init(width: width, height: height, rgb: rgb, alpha: alpha)
  }

  /// Looks up each pixel's palette entry (red, green, blue); an entry beyond the palette is black.
  init(indices: [UInt8], palette: [UInt8], transparent: UInt8?, width: Int, height: Int) {
    var table = palette
    if table.count < 768 { table += [UInt8](repeating: 0, count: 768 - table.count) }
    let rgb = [UInt8](unsafeUninitializedCapacity: indices.count * 3) { target, count in
      for (pixel, index) in indices.enumerated() {
        for channel in 0..<3 { target[pixel * 3 + channel] = table[Int(index) * 3 + channel] }
      }
      count = indices.count * 3
    }
    let alpha = transparent.map { hole in indices.map { $0 == hole ? UInt8(0) : 255 } }
    self.init(width: width, height: height, rgb: rgb, alpha: alpha)
  }
}

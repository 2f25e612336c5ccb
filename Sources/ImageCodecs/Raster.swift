/// What a decoder hands back: RGB, and alpha only when somebody will composite with it.
struct Raster {
  var width: Int
  var height: Int
  var rgb: [UInt8]
  var alpha: [UInt8]?

  /// Puts a colour behind the transparent pixels, rounding as Pillow's `MULDIV255`.
  func composited(on background: RGBColor?) -> Image {
    guard let background, let alpha else {
      return Image(trustedWidth: width, height: height, rgb: rgb)
    }
    let behind = [Int(background.red), Int(background.green), Int(background.blue)]
    var blended = rgb
    for pixel in 0..<min(alpha.count, rgb.count / 3) {
      let opacity = Int(alpha[pixel])
      for channel in 0..<3 {
        let index = pixel * 3 + channel
        let sum = Int(rgb[index]) * opacity + behind[channel] * (255 - opacity) + 128
        blended[index] = UInt8(((sum >> 8) + sum) >> 8)
      }
    }
    return Image(trustedWidth: width, height: height, rgb: blended)
  }
}

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

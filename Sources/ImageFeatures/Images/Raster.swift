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

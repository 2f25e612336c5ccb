import CGD

/// The formats left to libgd.
enum GDDecoder {
  static func decode(
    _ bytes: UnsafeRawBufferPointer,
    _ format: PictureFormat,
    _ options: Picture.DecodingOptions
  ) throws -> Raster {
    let size = Int32(clamping: bytes.count)
    let pointer = UnsafeMutableRawPointer(mutating: bytes.baseAddress)
    let image: gdImagePtr? =
      switch format {
      case .webp: gdImageCreateFromWebpPtr(size, pointer)
      case .gif: gdImageCreateFromGifPtr(size, pointer)
      case .bmp: gdImageCreateFromBmpPtr(size, pointer)
      default: gdImageCreateFromTiffPtr(size, pointer)
      }
    guard let image else {
      throw PictureError(.damaged, "the \(format.rawValue) file is damaged")
    }
    defer { gdImageDestroy(image) }
    let width = Int(image.pointee.sx)
    let height = Int(image.pointee.sy)
    try options.checkSize(width: width, height: height)
    var raster = Raster(width: width, height: height, rgb: [UInt8](repeating: 0, count: width * height * 3))
    for y in 0..<height {
      for x in 0..<width {
        let colour = gdImageGetTrueColorPixel(image, Int32(x), Int32(y))
        let index = (y * width + x) * 3
        raster.rgb[index] = UInt8(truncatingIfNeeded: colour >> 16)
        raster.rgb[index + 1] = UInt8(truncatingIfNeeded: colour >> 8)
        raster.rgb[index + 2] = UInt8(truncatingIfNeeded: colour)
      }
    }
    return raster
  }
}

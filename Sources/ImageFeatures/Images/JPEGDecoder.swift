import CTurboJPEG

/// JPEG to RGB through libjpeg-turbo's TurboJPEG interface, which reports errors by return values (libjpeg's own
/// uses `longjmp`): accurate integer DCT and smooth upsampling, as Pillow.
enum JPEGDecoder {
  static func decode(_ bytes: UnsafeRawBufferPointer, _ options: Image.DecodingOptions) throws -> Image {
    let header = try JPEGHeader(bytes)
    try options.checkSize(width: header.width, height: header.height)
    guard let handle = tjInitDecompress() else {
      throw ImageError(.unreadable, "libjpeg-turbo cannot start; there may be no memory left")
    }
    defer { tjDestroy(handle) }
    let image = try decompress(bytes, header, handle)
    return options.appliesOrientation ? image.oriented(header.orientation) : image
  }

  private static func decompress(
    _ bytes: UnsafeRawBufferPointer,
    _ header: JPEGHeader,
    _ handle: tjhandle
  ) throws -> Image {
    let isCMYK = header.components == 4
    let channels = isCMYK ? 4 : 3
    let format = isCMYK ? TJPF_CMYK : TJPF_RGB
    let size = header.width * header.height * channels
    var status: Int32 = 0
    var samples = [UInt8](unsafeUninitializedCapacity: size) { buffer, count in
      buffer.initialize(repeating: 0)
      status = tjDecompress2(
        handle,
        bytes.bindMemory(to: UInt8.self).baseAddress,
        UInt(bytes.count),
        buffer.baseAddress,
        Int32(header.width),
        0,
        Int32(header.height),
        Int32(format.rawValue),
        TJFLAG_LIMITSCANS
      )
      count = size
    }
    try check(status, handle, header.hasEnd(bytes))
    if isCMYK { samples = convertInvertedCMYK(samples) }
    return Image(trustedWidth: header.width, height: header.height, rgb: samples)
  }

  /// A warning (a spoiled block, stray bytes) leaves an image, as it does in Pillow; a missing end does not.
  private static func check(_ status: Int32, _ handle: tjhandle, _ hasEnd: @autoclosure () -> Bool) throws {
    guard status != 0 else { return }
    guard hasEnd() else {
      throw ImageError(.truncated, "the JPEG file ends before the image does; copy or download it again")
    }
    guard tjGetErrorCode(handle) != Int32(TJERR_WARNING.rawValue) else { return }
    let message = tjGetErrorStr2(handle).map { String(cString: $0) } ?? "unknown error"
    throw ImageError(.damaged, "the JPEG file is damaged (libjpeg-turbo: \(message))")
  }

  /// Adobe's polarity (0 is full ink), and Pillow's `cmyk2rgb`: `(255 - k) - c * (255 - k) / 255`, rounded.
  private static func convertInvertedCMYK(_ samples: [UInt8]) -> [UInt8] {
    let pixels = samples.count / 4
    return [UInt8](unsafeUninitializedCapacity: pixels * 3) { rgb, count in
      for pixel in 0..<pixels {
        let light = Int(samples[pixel * 4 + 3])
        for channel in 0..<3 {
          let ink = 255 - Int(samples[pixel * 4 + channel])
          let product = ink * light + 128
          rgb[pixel * 3 + channel] = UInt8(max(0, light - ((product >> 8) + product) >> 8))
        }
      }
      count = pixels * 3
    }
  }
}

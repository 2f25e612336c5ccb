import CTurboJPEG

/// Writes RGB as baseline JPEG.
enum JPEGEncoder {
  static func encode(_ image: Image, quality: Int) throws -> [UInt8] {
    guard (1...100).contains(quality) else {
      throw ImageError(.encoding, "JPEG quality must lie in 1...100, not \(quality)")
    }
    guard max(image.width, image.height) <= 65_500 else {
      throw ImageError(
        .encoding,
        "JPEG holds at most 65500 pixels a side, not \(image.width)x\(image.height)"
      )
    }
    guard let handle = tjInitCompress() else { throw ImageError(.encoding, "libjpeg-turbo cannot start") }
    defer { tjDestroy(handle) }
    let sampling = quality > 90 ? TJSAMP_444 : TJSAMP_420
    var memory: UnsafeMutablePointer<UInt8>?
    var size: UInt = 0
    defer { tjFree(memory) }
    let status = tjCompress2(
      handle,
      image.rgb,
      Int32(image.width),
      0,
      Int32(image.height),
      Int32(TJPF_RGB.rawValue),
      &memory,
      &size,
      Int32(sampling.rawValue),
      Int32(quality),
      0
    )
    guard status == 0, let memory else {
      let reason = tjGetErrorStr2(handle).map { String(cString: $0) } ?? "unknown error"
      throw ImageError(.encoding, "the image cannot be written as JPEG: \(reason)")
    }
    return Array(UnsafeBufferPointer(start: memory, count: Int(size)))
  }
}

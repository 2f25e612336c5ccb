import CHEIF

/// HEIC and AVIF to RGB, the primary image of the file, through libheif. The file's own rotation and clipping are part of
/// the format and always applied; libheif leaves EXIF alone, as the standard asks.
enum HEIFDecoder {
  /// The brands at a file's start (ISO/IEC 23008-12) that libheif reads.
  static let brands: Set<String> = [
    "heic", "heix", "heim", "heis", "hevc", "hevx", "mif1", "msf1", "avif", "avis",
  ]

  static func decode(_ bytes: UnsafeRawBufferPointer, _ options: Image.DecodingOptions) throws -> Image {
    try withReader(bytes) { reader in
      let (width, height) = (Int(adbvec_heif_width(reader)), Int(adbvec_heif_height(reader)))
      try options.checkSize(width: width, height: height)
      let keepsAlpha = options.background != nil && adbvec_heif_has_alpha(reader) != 0
      let channels = keepsAlpha ? 4 : 3
      var stride = 0
      guard let pixels = adbvec_heif_decode(reader, Int32(channels), &stride) else { throw damaged(reader) }
      var reducer = RowReducer(
        width: width,
        height: height,
        factor: options.reduction(width: width, height: height)
      )
      for row in 0..<height {
        let line = UnsafeBufferPointer(start: pixels + row * stride, count: width * channels)
        if keepsAlpha {
          let raster = Raster(rgba: line, width: width, height: 1, keepsAlpha: true)
          reducer.add(raster.composited(on: options.background).rgb)
        } else {
          reducer.add(line)
        }
      }
      return try reducer.image().converted(options) { profile(reader) }
    }
  }

  private static func profile(_ reader: OpaquePointer) -> ColourProfile? {
    if adbvec_heif_is_display_p3(reader) != 0 { return .displayP3 }
    let size = adbvec_heif_profile_size(reader)
    guard (1...ColourProfile.mostBytes).contains(size) else { return nil }
    var isRead = false
    let profile = [UInt8](unsafeUninitializedCapacity: size) { buffer, count in
      isRead = adbvec_heif_read_profile(reader, buffer.baseAddress) == 0
      count = isRead ? size : 0
    }
    return isRead ? .icc(profile) : nil
  }

  /// The size as it will be shown.
  static func size(_ bytes: UnsafeRawBufferPointer) throws -> (width: Int, height: Int) {
    try withReader(bytes) { (Int(adbvec_heif_width($0)), Int(adbvec_heif_height($0))) }
  }

  private static func withReader<Value>(
    _ bytes: UnsafeRawBufferPointer,
    _ body: (OpaquePointer) throws -> Value
  ) throws -> Value {
    if let problem = adbvec_heif_problem() { throw ImageError(.unsupported, String(cString: problem)) }
    guard let reader = adbvec_heif_open(bytes.baseAddress, bytes.count) else {
      throw ImageError(.unreadable, "libheif cannot start; there may be no memory left")
    }
    defer { adbvec_heif_close(reader) }
    guard adbvec_heif_message(reader) == nil else { throw damaged(reader) }
    return try body(reader)
  }

  private static func damaged(_ reader: OpaquePointer) -> ImageError {
    let reason =
      adbvec_heif_message(reader).map { String(cString: $0) } ?? "another size than its header says"
    return ImageError(.damaged, "the HEIC or AVIF file is damaged or of an unusual kind (libheif: \(reason))")
  }
}

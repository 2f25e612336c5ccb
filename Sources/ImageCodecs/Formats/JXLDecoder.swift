import CJXL

/// JPEG XL to RGB, the first frame of the file, through libjxl. The file's own rotation is part of the format and always applied.
enum JXLDecoder {
  /// How a codestream begins, and a container of one (ISO/IEC 18181-2).
  static let signatures: [[UInt8]] = [
    [0xFF, 0x0A], [0, 0, 0, 0x0C, 0x4A, 0x58, 0x4C, 0x20, 0x0D, 0x0A, 0x87, 0x0A],
  ]

  static func decode(_ bytes: UnsafeRawBufferPointer, _ options: Image.DecodingOptions) throws -> Image {
    try withReader(bytes) { reader in
      let (width, height) = (Int(adbvec_jxl_width(reader)), Int(adbvec_jxl_height(reader)))
      try options.checkSize(width: width, height: height)
      let keepsAlpha = options.background != nil && adbvec_jxl_has_alpha(reader) != 0
      let channels = keepsAlpha ? 4 : 3
      var status = ADBVEC_JXL_OK
      let pixels = [UInt8](unsafeUninitializedCapacity: width * height * channels) { buffer, count in
        // Of a damaged file libjxl leaves some pixels as they were.
        buffer.initialize(repeating: 0)
        count = buffer.count
        status = adbvec_jxl_decode(reader, Int32(channels), buffer.baseAddress)
      }
      try check(status)
      var reducer = RowReducer(
        width: width,
        height: height,
        factor: options.reduction(width: width, height: height)
      )
      if keepsAlpha {
        let raster = pixels.withUnsafeBufferPointer {
          Raster(rgba: $0, width: width, height: height, keepsAlpha: true)
        }
        reducer.add(raster.composited(on: options.background).rgb)
      } else {
        reducer.add(pixels)
      }
      return try reducer.image().converted(options) {
        var count = 0
        return adbvec_jxl_profile(reader, &count).map {
          .icc(Array(UnsafeBufferPointer(start: $0, count: count)))
        }
      }
    }
  }

  /// The size as it will be shown.
  static func size(_ bytes: UnsafeRawBufferPointer) throws -> (width: Int, height: Int) {
    try withReader(bytes) { (Int(adbvec_jxl_width($0)), Int(adbvec_jxl_height($0))) }
  }

  private static func withReader<Value>(
    _ bytes: UnsafeRawBufferPointer,
    _ body: (OpaquePointer) throws -> Value
  ) throws -> Value {
    if let problem = adbvec_jxl_problem() { throw ImageError(.unsupported, String(cString: problem)) }
    guard let reader = adbvec_jxl_open(bytes.baseAddress, bytes.count) else {
      throw ImageError(.unreadable, "libjxl cannot start; there may be no memory left")
    }
    defer { adbvec_jxl_close(reader) }
    try check(adbvec_jxl_status(reader))
    return try body(reader)
  }

  private static func check(_ status: adbvec_jxl_status) throws {
    switch status {
    case ADBVEC_JXL_OK: return
    case ADBVEC_JXL_TRUNCATED:
      throw ImageError(.truncated, "the JPEG XL file ends before the image does; copy or download it again")
    default: throw ImageError(.damaged, "the JPEG XL file is damaged; copy or download it again")
    }
  }
}

internal import Basics

/// The file formats that are recognised, by their first bytes (a file's name says nothing).
public enum ImageFormat: String, Sendable, Hashable, CaseIterable {
  /// Joint Photographic Experts Group.
  case jpeg = "JPEG"
  /// Portable Network Graphics; of an animation the image that it shows without animating.
  case png = "PNG"
  /// WebP, lossy or lossless; the first frame is read.
  case webp = "WebP"
  /// Graphics Interchange Format; the first frame is read.
  case gif = "GIF"
  /// Windows bitmap.
  case bmp = "BMP"
  /// Tagged Image File Format; the first page is read.
  case tiff = "TIFF"
  /// High Efficiency Image File Format: HEIC and AVIF; the primary image is read.
  case heif = "HEIC or AVIF"
  /// JPEG XL; the first frame is read.
  case jxl = "JPEG XL"

  /// The format that the first bytes of a file announce; nil when it is none of these.
  public init?(signatureOf bytes: some Sequence<UInt8>) {
    let head = Array(bytes.prefix(12))
    func starts(_ magic: [UInt8], at offset: Int = 0) -> Bool {
      head.dropFirst(offset).starts(with: magic)
    }
    if starts([0xFF, 0xD8, 0xFF]) {
      self = .jpeg
    } else if starts([0x89, 0x50, 0x4E, 0x47, 0x0D, 0x0A, 0x1A, 0x0A]) {
      self = .png
    } else if starts(Array("RIFF".utf8)), starts(Array("WEBP".utf8), at: 8) {
      self = .webp
    } else if starts(Array("GIF87a".utf8)) || starts(Array("GIF89a".utf8)) {
      self = .gif
    } else if starts(Array("BM".utf8)) {
      self = .bmp
    } else if [
      [0x49, 0x49, 0x2A, 0], [0x4D, 0x4D, 0, 0x2A], [0x49, 0x49, 0x2B, 0], [0x4D, 0x4D, 0, 0x2B],
    ]
    .contains(where: { starts($0) }) {
      self = .tiff
    } else if starts(Array("ftyp".utf8), at: 4),
      HEIFDecoder.brands.contains(String(decoding: head.dropFirst(8).prefix(4), as: UTF8.self))
    {
      self = .heif
    } else if JXLDecoder.signatures.contains(where: { starts($0) }) {
      self = .jxl
    } else {
      return nil
    }
  }

  /// - Throws: ``ImageError`` (`.notAImage`) that says what the file is, where that is known.
  init(recognizing bytes: UnsafeRawBufferPointer) throws {
    guard let format = ImageFormat(signatureOf: bytes) else {
      let reason = bytes.isEmpty ? "the file is empty" : ImageFormat.foreignKind(bytes) ?? "not an image"
      throw ImageError(.notAImage, "\(reason); \(ImageFormat.readable) can be read")
    }
    self = format
  }

  /// Whether a file of this format holds an animation. (Of JPEG XL that is not known.)
  func isAnimation(_ bytes: UnsafeRawBufferPointer) -> Bool {
    switch self {
    case .png:
      guard let control = PNGDecoder.chunk("acTL", of: bytes) else { return false }
      var cursor = ByteCursor(control)
      return (try? cursor.bigEndian(UInt32.self)).map { $0 > 1 } ?? false
    case .webp:
      // The flags of the extended header (RFC 9649, section 2.7.1).
      return bytes.count > 20 && bytes.dropFirst(12).starts(with: "VP8X".utf8) && bytes[20] & 2 != 0
    case .gif: return GIFDecoder.hasSeveralFrames(bytes)
    case .heif:
      return ["avis", "hevs", "msf1"].contains { bytes.dropFirst(8).starts(with: $0.utf8) }
    case .jpeg, .bmp, .tiff, .jxl: return false
    }
  }

  /// The formats in words.
  public static let readable = "JPEG, PNG, WebP, HEIC, AVIF, JPEG XL, GIF, BMP and TIFF"

  /// The usual file extensions of all formats, lower case, without the dot.
  public static let fileExtensions: Set<String> = [
    "jpg", "jpeg", "jpe", "jfif", "png", "webp", "gif", "bmp", "dib", "tif", "tiff", "heic", "heif", "hif",
    "avif", "jxl",
  ]

  /// What a file of another well-known kind is, for the error about it.
  static func foreignKind(_ bytes: UnsafeRawBufferPointer) -> String? {
    func has(_ text: String, at offset: Int = 0) -> Bool { bytes.dropFirst(offset).starts(with: text.utf8) }
    if has("ftyp", at: 4) { return has("crx ", at: 8) ? "a raw photograph" : "a video" }
    if has("%PDF-") { return "PDF" }
    if has("8BPS") { return "Photoshop" }
    if has("<svg") || has("<?xml") { return "SVG or another XML file" }
    if bytes.starts(with: [0, 0, 0, 12, 0x6A, 0x50, 0x20, 0x20]) { return "JPEG 2000" }
    return nil
  }
}

/// What a file's header says of its image; no pixel is decoded and no memory taken for one.
///
/// A few kilobytes can hold an image of hundreds of megabytes. Whoever decodes what strangers send, or several images at
/// once, asks first.
public struct ImageHeader: Sendable, Hashable {
  /// The file's format, by its first bytes.
  public let format: ImageFormat
  /// Columns of pixels, before any EXIF orientation.
  public let width: Int
  /// Rows of pixels, before any EXIF orientation.
  public let height: Int
  /// Whether the file gives one row after the other; progressive and interlaced ones give all at the end.
  let isSequential: Bool

  /// Reads the header of an image file held in memory; its beginning suffices for all formats but TIFF, HEIC and AVIF.
  ///
  /// - Parameter name: The file's name, for errors.
  /// - Throws: ``ImageError``: `notAImage`, `truncated`, `damaged` or `unsupported`. A size beyond any limit is not an error.
  public init(decoding bytes: UnsafeRawBufferPointer, name: String? = nil) throws {
    do {
      format = try ImageFormat(recognizing: bytes)
      (width, height) = try Self.size(bytes, format)
      isSequential = try Self.isSequential(bytes, format)
      guard width > 0, height > 0 else {
        throw ImageError(.damaged, "the header says \(width)x\(height) pixels; the file is damaged")
      }
    } catch let error as ImageError {
      throw error.naming(name)
    } catch is ByteCursor.OutOfBounds {
      throw ImageError(.truncated, "the file ends too early; copy or download it again", file: name)
    }
  }

  /// Reads the header of an image file held in an array; see ``init(decoding:name:)-(UnsafeRawBufferPointer,_)``.
  public init(decoding bytes: [UInt8], name: String? = nil) throws {
    self = try bytes.withUnsafeBytes { try ImageHeader(decoding: $0, name: name) }
  }

  /// Width times height; `Int.max` where that overflows.
  public var pixels: Int {
    let (product, overflow) = width.multipliedReportingOverflow(by: height)
    return overflow ? .max : product
  }

  /// The bytes of memory that decoding takes at its peak, beside the file itself: an upper estimate.
  ///
  /// Counted are the decoder's own buffers, the RGB result, and a turned or composited copy of it.
  public var decodedBytes: Int {
    let perPixel =
      switch format {
      // A progressive file keeps all coefficients, two bytes each.
      case .jpeg: 13
      case .png: 11
      // libwebp's canvas, the one before it, and the result.
      case .webp: 18
      case .gif: 9
      case .bmp: 8
      case .tiff: 11
      // The decoder's planes and those before them, and RGB.
      case .heif: 16
      // libjxl's planes of floats, and RGB.
      case .jxl: 44
      }
    let (bytes, overflow) = pixels.multipliedReportingOverflow(by: perPixel)
    return overflow ? .max : bytes
  }

  /// As ``decodedBytes`` with these options: an image that is reduced row by row takes little.
  public func decodedBytes(with options: Image.DecodingOptions) -> Int {
    let reduction = options.reduction(width: width, height: height)
    guard reduction > 1 else { return decodedBytes }
    // Strips of rows, and the result with a copy.
    let rows = width * 1024 + pixels / (reduction * reduction) * 9
    switch format {
    case .jpeg: return isSequential ? rows : rows + pixels * 6
    case .png: return isSequential ? rows : decodedBytes
    case .webp where options.background == nil: return rows + pixels * 5
    default: return decodedBytes
    }
  }

  private static func isSequential(_ bytes: UnsafeRawBufferPointer, _ format: ImageFormat) throws -> Bool {
    switch format {
    case .jpeg: return try JPEGHeader(bytes).isSequential
    case .png:
      // The last byte of the first chunk says whether the file is interlaced.
      var cursor = ByteCursor(bytes, at: 28)
      return try cursor.byte() == 0
    default: return false
    }
  }

  private static func size(
    _ bytes: UnsafeRawBufferPointer,
    _ format: ImageFormat
  ) throws -> (width: Int, height: Int) {
    switch format {
    case .png: return try PNGDecoder.size(bytes)
    case .jpeg:
      let header = try JPEGHeader(bytes)
      return (header.width, header.height)
    case .webp: return try WebPDecoder.canvasSize(bytes)
    case .gif: return try GIFDecoder.size(bytes)
    case .bmp:
      let header = try BMPHeader(bytes)
      return (header.width, header.height)
    case .tiff: return try TIFFDecoder.size(bytes)
    case .heif: return try HEIFDecoder.size(bytes)
    case .jxl: return try JXLDecoder.size(bytes)
    }
  }
}

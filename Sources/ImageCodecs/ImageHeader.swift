internal import Basics

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

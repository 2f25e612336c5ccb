import Basics
public import FoundationEssentials
internal import Glibc

extension Image {
  /// Decodes an image file held in memory: JPEG, PNG, WebP, HEIC, AVIF, JPEG XL, GIF, BMP or TIFF, recognised by its first bytes.
  ///
  /// - Parameters:
  ///   - bytes: The whole file.
  ///   - name: The file's name, for errors.
  ///   - options: Limits, alpha, orientation.
  /// - Throws: ``ImageError`` that names the file and says what to do.
  public init(
    decoding bytes: UnsafeRawBufferPointer,
    name: String? = nil,
    options: DecodingOptions = DecodingOptions()
  ) throws {
    do {
      guard bytes.count <= options.maximumBytes else {
        throw ImageError(
          .tooLarge,
          "\(bytes.count) bytes are more than the limit of \(options.maximumBytes)"
        )
      }
      self = try Self.decode(bytes, options)
    } catch let error as ImageError {
      throw error.naming(name)
    } catch is ByteCursor.OutOfBounds {
      throw ImageError(.truncated, "the file ends too early; copy or download it again", file: name)
    }
  }

  /// Decodes an image file held in an array; see ``init(decoding:name:options:)-(UnsafeRawBufferPointer,_,_)``.
  public init(
    decoding bytes: [UInt8],
    name: String? = nil,
    options: DecodingOptions = DecodingOptions()
  ) throws {
    self = try bytes.withUnsafeBytes { try Image(decoding: $0, name: name, options: options) }
  }

  /// Decodes an image file held in `Data`; see ``init(decoding:name:options:)-(UnsafeRawBufferPointer,_,_)``.
  public init(
    decoding data: Data,
    name: String? = nil,
    options: DecodingOptions = DecodingOptions()
  ) throws {
    self = try data.withUnsafeBytes { try Image(decoding: $0, name: name, options: options) }
  }

  /// Reads and decodes an image file.
  ///
  /// - Throws: ``ImageError`` that names the file and says what to do.
  public init(contentsOfFile path: String, options: DecodingOptions = DecodingOptions()) throws {
    let bytes: [UInt8]
    do {
      bytes = try Files.read(path, limit: options.maximumBytes, .regular)
    } catch {
      throw ImageError(error, file: path, limit: options.maximumBytes)
    }
    try self.init(decoding: bytes, name: path, options: options)
  }

  private static func decode(_ bytes: UnsafeRawBufferPointer, _ options: DecodingOptions) throws -> Image {
    let format = try ImageFormat(recognizing: bytes)
    var image = try decode(bytes, format, options)
    image.isFirstFrame = format.isAnimation(bytes)
    return image
  }

  private static func decode(
    _ bytes: UnsafeRawBufferPointer,
    _ format: ImageFormat,
    _ options: DecodingOptions
  ) throws -> Image {
    switch format {
    case .png:
      return try PNGDecoder.decode(bytes, options)
    case .jpeg:
      return try JPEGDecoder.decode(bytes, options)
    case .webp:
      return try WebPDecoder.decode(bytes, options)
    case .gif:
      return try GIFDecoder.decode(bytes, options).composited(on: options.background).reduced(options)
    case .bmp:
      return try BMPDecoder.decode(bytes, options).composited(on: options.background).reduced(options)
    case .tiff:
      return try TIFFDecoder.decode(bytes, options).reduced(options)
    case .heif:
      return try HEIFDecoder.decode(bytes, options)
    case .jxl:
      return try JXLDecoder.decode(bytes, options)
    }
  }
}

extension Image {
  /// How a file becomes an image. The defaults give the pixels of Pillow's `Image.open(file).convert("RGB")`:
  /// alpha is dropped, EXIF orientation ignored.
  public struct DecodingOptions: Sendable, Hashable {
    /// The most pixels (width x height) that are decoded; read from the header, before any pixel.
    public var maximumPixels: Int
    /// The most bytes that a file may have.
    public var maximumBytes: Int
    /// The colour put behind transparent pixels; nil drops alpha and keeps the stored colour.
    public var background: RGBColor?
    /// Whether the EXIF orientation of a JPEG, PNG or WebP turns and flips the image upright. (TIFF, HEIC, AVIF and JPEG XL always are turned.)
    public var appliesOrientation: Bool
    /// Whether colours of an RGB profile in the file become sRGB's; else numbers stay as they are, as in Pillow. Where there is
    /// a ``background``, it is taken to be in the file's colours.
    public var convertsColours: Bool
    /// How 16-bit grey becomes 8-bit grey.
    public var grey16: Grey16
    /// Whether every pixel of the file is decoded, or only as many as a later resize needs.
    public var fidelity: Fidelity
    /// What will be made of the image; nil where it is shown as it is. Used by `.fast`.
    public var coverage: Coverage?

    /// How true to the file an image is that will be resized.
    public enum Fidelity: String, Sendable, Hashable, CaseIterable {
      /// Pillow's pixels to the bit.
      case exact
      /// A large image is decoded to fewer pixels, of which the shorter side is ``reductionMargin`` or more times
      /// that of ``coverage``. Embeddings differ little (Benchmarks/images: a cosine of 0.9999 in the median of 248
      /// photographs, 0.9995 at least), and decoding takes a fraction of the time.
      case fast
    }

    /// What a resize and a crop will take of an image.
    public struct Coverage: Sendable, Hashable {
      /// The shorter side, in pixels, that the image will be resized to.
      public var side: Int
      /// The side, in pixels, of the square that is then cut from the middle: rows beyond it need not be decoded. nil where the
      /// whole image is wanted.
      public var crop: Int?

      /// A resize, and a crop where nothing else of the image is wanted.
      public init(side: Int, crop: Int? = nil) {
        self.side = side
        self.crop = crop
      }
    }

    /// How many times longer than the side it will be resized to a reduced image's shorter side is at least.
    public static let reductionMargin = 1.45

    /// As ``reductionMargin`` for images that would be reduced by 2: decoding them whole takes little time, and those that were
    /// furthest from their exact embeddings were among them.
    static let smallReductionMargin = 1.75

    /// How many of the file's pixels one pixel of the decoded image stands for, in each direction.
    func reduction(width: Int, height: Int) -> Int {
      guard fidelity == .fast, let side = coverage?.side, side > 0 else { return 1 }
      let sides = Double(min(width, height)) / Double(side)
      if sides < 2 * Self.smallReductionMargin { return 1 }
      return min(max(Int(sides / Self.reductionMargin), 1), RowReducer.largestFactor)
    }

    /// The rows of the decoded image that the crop can need in any orientation; nil for all.
    func window(width: Int, height: Int, reduction: Int) -> Range<Int>? {
      guard fidelity == .fast, let coverage, let crop = coverage.crop, coverage.side > 0 else { return nil }
      // Beside the crop: what the filters read beyond it, and roundings.
      let half = (Double(crop) / 2 + 5) * Double(min(width, height)) / Double(coverage.side)
      let (first, end) = ((Double(height) / 2 - half), (Double(height) / 2 + half))
      let rows = (height + reduction - 1) / reduction
      return (Int(first) / reduction - 3..<Int(end) / reduction + 4).clamped(to: 0..<rows)
    }

    /// From 16 bits to 8 for grey images. (Colour always keeps the high byte.)
    public enum Grey16: Sendable, Hashable {
      /// `min(value, 255)`, as Pillow 13 does: right for 8-bit values stored in 16 bits, white for most else.
      case clipped
      /// The high byte, as libpng, OpenCV and most viewers do.
      case scaled

      func level(_ sample: Int) -> UInt8 {
        self == .clipped ? UInt8(clamping: sample) : UInt8(truncatingIfNeeded: sample >> 8)
      }
    }

    /// Pillow's limit before it warns of a decompression bomb: 89,478,485 pixels.
    public static let defaultMaximumPixels = 89_478_485

    /// Options; every one has Pillow's behaviour as its default.
    public init(
      maximumPixels: Int = DecodingOptions.defaultMaximumPixels,
      maximumBytes: Int = 512 << 20,
      background: RGBColor? = nil,
      appliesOrientation: Bool = false,
      convertsColours: Bool = false,
      grey16: Grey16 = .clipped,
      fidelity: Fidelity = .exact,
      coverage: Coverage? = nil
    ) {
      self.maximumPixels = maximumPixels
      self.maximumBytes = maximumBytes
      self.background = background
      self.appliesOrientation = appliesOrientation
      self.convertsColours = convertsColours
      self.grey16 = grey16
      self.fidelity = fidelity
      self.coverage = coverage
    }

    func checkSize(width: Int, height: Int) throws {
      guard width > 0, height > 0 else {
        throw ImageError(.damaged, "the header says \(width)x\(height) pixels; the file is damaged")
      }
      let (pixels, overflow) = width.multipliedReportingOverflow(by: height)
      guard !overflow, pixels <= maximumPixels, pixels <= Int(Int32.max) / 8 else {
        throw ImageError(
          .tooLarge,
          "\(width)x\(height) pixels are more than the limit of \(maximumPixels); scale it down or raise the limit (--max-megapixels)"
        )
      }
    }
  }
}

extension ImageError {
  fileprivate init(_ error: FileError, file: String, limit: Int) {
    switch error.reason {
    case .system(let code):
      self.init(.unreadable, "cannot be read: \(String(cString: strerror(code)))", file: file)
    case .notRegular: self.init(.unreadable, "not a regular file", file: file)
    case .tooLarge(let size):
      self.init(.tooLarge, "\(size) bytes are more than the limit of \(limit)", file: file)
    }
  }
}

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

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
    /// Whether the EXIF orientation of a JPEG, PNG or WebP turns and flips the image upright. (TIFF always is turned.)
    public var appliesOrientation: Bool
    /// How 16-bit grey becomes 8-bit grey.
    public var grey16: Grey16

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
      grey16: Grey16 = .clipped
    ) {
      self.maximumPixels = maximumPixels
      self.maximumBytes = maximumBytes
      self.background = background
      self.appliesOrientation = appliesOrientation
      self.grey16 = grey16
    }

    func checkSize(width: Int, height: Int) throws {
      guard width > 0, height > 0 else {
        throw ImageError(.damaged, "the header says \(width)x\(height) pixels; the file is damaged")
      }
      let (pixels, overflow) = width.multipliedReportingOverflow(by: height)
      guard !overflow, pixels <= maximumPixels, pixels <= Int(Int32.max) / 8 else {
        throw ImageError(
          .tooLarge,
          "\(width)x\(height) pixels are more than the limit of \(maximumPixels); scale it down or raise the limit (--max-pixels)"
        )
      }
    }
  }
}

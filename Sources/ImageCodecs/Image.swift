internal import Basics

/// A decoded image: 8-bit RGB, row by row from the top left.
public struct Image: Sendable, Hashable {
  /// Columns of pixels.
  public let width: Int
  /// Rows of pixels.
  public let height: Int
  /// `width * height * 3` bytes, red, green, blue of each pixel, rows from top to bottom.
  public let rgb: [UInt8]
  /// Whether the file is an animation, of which this is the first frame.
  public internal(set) var isFirstFrame = false
  /// What the image was reduced from while it was decoded; itself otherwise.
  let source: Source

  /// The pixels of a file that an image's pixels are means of: a resize weighs each of them as those.
  struct Source: Sendable, Hashable {
    var columns: Axis
    var rows: Axis

    /// One direction of an image and its file.
    struct Axis: Sendable, Hashable {
      /// The file's pixels.
      let count: Int
      /// How many of them a pixel of the image is the mean of.
      let averaging: Int
      /// Where the file begins, in pixels of the image: not at 0 where the first ones are left out, or once a last pixel that is
      /// not whole has become the first.
      private(set) var offset = 0.0

      /// The file's pixels in pixels of the image.
      var extent: Double { Double(count) / Double(averaging) }

      /// The axis of an image whose first pixels are left out.
      func beginning(at pixel: Int) -> Axis {
        var beginning = self
        beginning.offset -= Double(pixel)
        return beginning
      }

      /// The axis of an image that is turned round.
      func reversed(length: Int) -> Axis {
        var reversed = self
        reversed.offset = Double(length) - extent - offset
        return reversed
      }
    }

    init(width: Int, height: Int, averaging: Int = 1) {
      columns = Axis(count: width, averaging: averaging)
      rows = Axis(count: height, averaging: averaging)
    }

    /// The source of rows of which only those from `row` on are kept.
    func beginning(atRow row: Int) -> Source {
      var source = self
      source.rows = rows.beginning(at: row)
      return source
    }

    /// The source of rows that are reduced further.
    func reduced(by factor: Int) -> Source {
      Source(width: columns.count, height: rows.count, averaging: columns.averaging * factor)
    }
  }

  /// An image from its pixels.
  ///
  /// - Throws: ``ImageError`` (`.invalidSize`) when a side is not positive or `rgb` has another length than
  ///   `width * height * 3`.
  public init(width: Int, height: Int, rgb: [UInt8]) throws {
    let (pixels, overflow) = width.multipliedReportingOverflow(by: height)
    guard width > 0, height > 0, !overflow, rgb.count % 3 == 0, rgb.count / 3 == pixels else {
      throw ImageError(
        .invalidSize,
        "a \(width)x\(height) image needs \(width)x\(height)x3 bytes of RGB, got \(rgb.count)"
      )
    }
    self.init(trustedWidth: width, height: height, rgb: rgb)
  }

  init(trustedWidth width: Int, height: Int, rgb: [UInt8], source: Source? = nil) {
    self.source = source ?? Source(width: width, height: height)
    self.width = width
    self.height = height
    self.rgb = rgb
  }

  /// The red, green and blue of one pixel; nil outside the image.
  public func pixel(x: Int, y: Int) -> RGBColor? {
    guard x >= 0, y >= 0, x < width, y < height else { return nil }
    let start = (y * width + x) * 3
    return RGBColor(red: rgb[start], green: rgb[start + 1], blue: rgb[start + 2])
  }
}

/// Why an image could not be read, resized or written, in one line: what, where, what to do.
public struct ImageError: Error, Sendable, Hashable, CustomStringConvertible {
  /// What kind of failure it is, for code that decides by it.
  public struct Code: Sendable, Hashable, CustomStringConvertible {
    /// The code's name, e.g. `truncated`.
    public let name: String

    /// A code by its name.
    public init(_ name: String) { self.name = name }

    /// The code's name.
    public var description: String { name }

    /// The file is not an image of a known format.
    public static let notAImage = Code("notAImage")
    /// The file ends before the image does.
    public static let truncated = Code("truncated")
    /// The file breaks its format's rules.
    public static let damaged = Code("damaged")
    /// A valid file in a form that is not read here.
    public static let unsupported = Code("unsupported")
    /// More pixels or bytes than the limit allows.
    public static let tooLarge = Code("tooLarge")
    /// The file cannot be opened or read.
    public static let unreadable = Code("unreadable")
    /// A size that makes no image.
    public static let invalidSize = Code("invalidSize")
    /// The encoder refused.
    public static let encoding = Code("encoding")
  }

  /// The kind of failure.
  public let code: Code
  /// What is wrong and what to do, without the file's name.
  public let reason: String
  /// The file's name, or nil when the image came from memory.
  public let file: String?

  /// An error of a kind, with its reason and the file it is about.
  public init(_ code: Code, _ reason: String, file: String? = nil) {
    self.code = code
    self.reason = reason
    self.file = file
  }

  /// `file: reason`, or the reason alone.
  public var description: String {
    guard let file else { return reason }
    return "\(file): \(reason)"
  }

  func naming(_ file: String?) -> ImageError {
    ImageError(code, reason, file: self.file ?? file)
  }
}

extension ImageError: ReportedError {
  /// As JSON output shows it.
  package var reportedCode: String { snakeCase(code.name) }
}

/// An opaque colour, 8 bits a channel.
public struct RGBColor: Sendable, Hashable {
  /// Red, 0...255.
  public var red: UInt8
  /// Green, 0...255.
  public var green: UInt8
  /// Blue, 0...255.
  public var blue: UInt8

  /// A colour from its three channels.
  public init(red: UInt8, green: UInt8, blue: UInt8) {
    self.red = red
    self.green = green
    self.blue = blue
  }

  /// A colour from `0xRRGGBB`.
  public init(hex: UInt32) {
    self.init(
      red: UInt8(truncatingIfNeeded: hex >> 16),
      green: UInt8(truncatingIfNeeded: hex >> 8),
      blue: UInt8(truncatingIfNeeded: hex)
    )
  }

  /// Pure white.
  public static let white = RGBColor(hex: 0xFFFFFF)
  /// Pure black.
  public static let black = RGBColor(hex: 0x000000)
}

extension Image {
  /// The image turned and flipped upright from an EXIF orientation (1...8; any other number changes nothing).
  public func oriented(_ orientation: Int) -> Image {
    guard (2...8).contains(orientation) else { return self }
    let swapsSides = orientation >= 5
    let newWidth = swapsSides ? height : width
    let newHeight = swapsSides ? width : height
    var turned = source
    if swapsSides { swap(&turned.columns, &turned.rows) }
    if [2, 3, 6, 7].contains(orientation) { turned.columns = turned.columns.reversed(length: newWidth) }
    if [3, 4, 7, 8].contains(orientation) { turned.rows = turned.rows.reversed(length: newHeight) }
    let upright = [UInt8](unsafeUninitializedCapacity: rgb.count) { target, count in
      for y in 0..<newHeight {
        var stored = storedIndex(x: 0, y: y, orientation) * 3
        let step = newWidth > 1 ? storedIndex(x: 1, y: y, orientation) * 3 - stored : 0
        for index in stride(from: y * newWidth * 3, to: (y + 1) * newWidth * 3, by: 3) {
          target[index] = rgb[stored]
          target[index + 1] = rgb[stored + 1]
          target[index + 2] = rgb[stored + 2]
          stored += step
        }
      }
      count = rgb.count
    }
    return Image(trustedWidth: newWidth, height: newHeight, rgb: upright, source: turned)
  }

  /// Where the upright image's pixel (x, y) is stored.
  private func storedIndex(x: Int, y: Int, _ orientation: Int) -> Int {
    let right = width - 1
    let bottom = height - 1
    switch orientation {
    case 2: return y * width + right - x
    case 3: return (bottom - y) * width + right - x
    case 4: return (bottom - y) * width + x
    case 5: return x * width + y
    case 6: return (bottom - x) * width + y
    case 7: return (bottom - x) * width + right - y
    default: return x * width + right - y
    }
  }
}

extension Image {
  /// The image as a PNG file, without loss.
  ///
  /// - Throws: ``ImageError`` (`.encoding`) when there is no memory left.
  public func pngData() throws -> [UInt8] {
    try PNGEncoder.encode(self)
  }

  /// The image as a JPEG file.
  ///
  /// - Parameter quality: 1...100; above 90 colour keeps its full resolution.
  /// - Throws: ``ImageError`` (`.encoding`) for another quality or a side above 65,500 pixels.
  public func jpegData(quality: Int = 85) throws -> [UInt8] {
    try JPEGEncoder.encode(self, quality: quality)
  }

  /// The image reduced to fit a square of `side` pixels, its shape kept; itself when it fits already.
  ///
  /// - Throws: ``ImageError`` (`.invalidSize`) when `side` is not positive.
  public func thumbnail(side: Int, interpolation: Interpolation = .bicubic) throws -> Image {
    guard side > 0 else { throw ImageError(.invalidSize, "a thumbnail needs a positive side, not \(side)") }
    let longer = max(width, height)
    guard longer > side else { return self }
    var resampler = Resampler()
    return try resampler.resize(
      self,
      width: max(1, (width * side + longer / 2) / longer),
      height: max(1, (height * side + longer / 2) / longer),
      interpolation: interpolation
    )
  }

  /// The image with every pixel repeated `factor` times in both directions: enlargement with sharp edges.
  ///
  /// - Throws: ``ImageError`` (`.invalidSize`) when `factor` is not positive or the result exceeds 2^28 pixels.
  public func enlarged(_ factor: Int) throws -> Image {
    guard (1...65_536).contains(factor), width * height <= (1 << 28) / (factor * factor) else {
      throw ImageError(.invalidSize, "a \(width)x\(height) image cannot be enlarged \(factor) times")
    }
    guard factor > 1 else { return self }
    let newWidth = width * factor
    let size = newWidth * height * factor * 3
    let pixels = [UInt8](unsafeUninitializedCapacity: size) { target, count in
      for y in 0..<height * factor {
        for x in 0..<newWidth {
          let source = (y / factor * width + x / factor) * 3
          for channel in 0..<3 { target[(y * newWidth + x) * 3 + channel] = rgb[source + channel] }
        }
      }
      count = size
    }
    return Image(trustedWidth: newWidth, height: height * factor, rgb: pixels)
  }
}

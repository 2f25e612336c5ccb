/// From an image to a network's input, as torchvision's transforms do it: `Resize` (shorter side, antialiased),
/// `CenterCrop`, `ToTensor`, `Normalize`.
public struct Preprocessing: Sendable, Hashable {
  /// The length of the shorter side after resizing, in pixels.
  public var resize: Int
  /// The side of the square cut from the middle, in pixels.
  public var crop: Int
  /// The filter of the resize.
  public var interpolation: Interpolation
  /// How 8-bit samples become floats.
  public var normalization: Normalization

  /// How images are prepared.
  public init(
    resize: Int = 256,
    crop: Int = 224,
    interpolation: Interpolation = .bilinear,
    normalization: Normalization = .imageNet
  ) {
    self.resize = resize
    self.crop = crop
    self.interpolation = interpolation
    self.normalization = normalization
  }

  /// torchvision's classic preprocessing, and the tutorial's: 256, 224, bilinear, ImageNet's mean and deviation.
  public static let torchvision = Preprocessing()

  /// EfficientNet-Lite0's: 256, 224, bilinear, `(x - 127) / 128`.
  public static let efficientNetLite0 = Preprocessing(normalization: .centred)

  /// Floats in one output: `3 * crop * crop`.
  public var outputCount: Int { 3 * crop * crop }

  /// The size after `Resize`: the shorter side is ``resize``, the longer is truncated.
  public func resizedSize(width: Int, height: Int) -> (width: Int, height: Int) {
    let long = Int(Double(resize * max(width, height)) / Double(min(width, height)))
    return width <= height ? (resize, long) : (long, resize)
  }

  /// Where `CenterCrop` begins in a side: half the excess, halves rounded to the even number (Python's `round`).
  /// Negative when the side is shorter than the crop, which is then padded with black.
  func cropOrigin(side: Int) -> Int {
    guard side < crop else { return Int((Double(side - crop) / 2).rounded(.toNearestOrEven)) }
    return -((crop - side) / 2)
  }
}

/// What differs from a network's usual preprocessing.
public struct PreprocessingChanges: Sendable, Hashable {
  /// Subtracted from red, green, blue after division by 255.
  public var mean: [Float]?
  /// What red, green, blue are divided by last.
  public var deviation: [Float]?
  /// The filter of the resize.
  public var interpolation: Interpolation?
  /// The crop's side as a share of the shorter side after resizing, 0.1…1: timm's `crop_pct`.
  public var cropShare: Double?
  /// The length of the shorter side after resizing, in pixels; in place of ``cropShare``.
  public var resize: Int?
  /// The side of the square cut from the middle, in pixels.
  public var crop: Int?

  /// Changes; nil keeps what the network has.
  public init(
    mean: [Float]? = nil,
    deviation: [Float]? = nil,
    interpolation: Interpolation? = nil,
    cropShare: Double? = nil,
    resize: Int? = nil,
    crop: Int? = nil
  ) {
    self.mean = mean
    self.deviation = deviation
    self.interpolation = interpolation
    self.cropShare = cropShare
    self.resize = resize
    self.crop = crop
  }
}

extension Preprocessing: CustomStringConvertible {
  /// The preprocessing with some of it changed.
  ///
  /// - Throws: ``ImageError`` (`.invalidSize`) for numbers that no preprocessing can have.
  public func changed(by changes: PreprocessingChanges) throws -> Preprocessing {
    var (changed, changes) = (self, changes)
    if changes.mean == normalization.mean { changes.mean = nil }
    if changes.deviation == normalization.deviation { changes.deviation = nil }
    if changes.mean != nil || changes.deviation != nil, normalization.divisor != 255 {
      changed.normalization = Normalization(
        mean: normalization.mean.map { $0 / 255 },
        deviation: normalization.deviation.map { $0 / 255 }
      )
    }
    if let mean = changes.mean {
      guard mean.count == 3, mean.allSatisfy(\.isFinite) else {
        throw ImageError(.invalidSize, "the mean needs three numbers such as 0.485,0.456,0.406")
      }
      changed.normalization.mean = mean
    }
    if let deviation = changes.deviation {
      guard deviation.count == 3, deviation.allSatisfy({ $0.isFinite && $0 > 0 }) else {
        throw ImageError(.invalidSize, "the deviation needs three positive numbers such as 0.229,0.224,0.225")
      }
      changed.normalization.deviation = deviation
    }
    changed.interpolation = changes.interpolation ?? interpolation
    if let crop = changes.crop {
      guard (1...4096).contains(crop) else {
        throw ImageError(.invalidSize, "the crop must be 1…4096 pixels")
      }
      changed.resize = Int((Double(resize) * Double(crop) / Double(self.crop)).rounded())
      changed.crop = crop
    }
    if let share = changes.cropShare {
      guard (0.1...1).contains(share) else {
        throw ImageError(.invalidSize, "the crop is a share from 0.1 to 1 such as 0.875")
      }
      changed.resize = Int(Double(changed.crop) / share)
    }
    if let resize = changes.resize {
      guard (changed.crop...4096).contains(resize) else {
        throw ImageError(
          .invalidSize,
          "images cannot be resized to \(resize) pixels for a crop of \(changed.crop)"
        )
      }
      changed.resize = resize
    }
    return changed
  }

  /// `resize 256, crop 224, bilinear, mean 0.485,0.456,0.406, deviation 0.229,0.224,0.225`.
  public var description: String {
    func list(_ values: [Float]) -> String { values.map { "\($0)" }.joined(separator: ",") }
    let divisor = normalization.divisor == 255 ? "" : ", divisor \(normalization.divisor)"
    return "resize \(resize), crop \(crop), \(interpolation)\(divisor), mean \(list(normalization.mean)), "
      + "deviation \(list(normalization.deviation))"
  }
}

/// Pillow's antialiasing filters.
public enum Interpolation: String, Sendable, Hashable, CaseIterable {
  /// A triangle of support 1.
  case bilinear
  /// Keys' cubic of support 2 with a = -0.5.
  case bicubic

  var support: Double {
    switch self {
    case .bilinear: 1
    case .bicubic: 2
    }
  }

  func weight(at distance: Double) -> Double {
    let x = abs(distance)
    switch self {
    case .bilinear:
      return x < 1 ? 1 - x : 0
    case .bicubic:
      let a = -0.5
      if x < 1 { return ((a + 2) * x - (a + 3)) * x * x + 1 }
      if x < 2 { return (((x - 5) * x + 8) * x - 4) * a }
      return 0
    }
  }
}

/// How 8-bit samples become a network's floats: `(x / divisor - mean) / deviation`, channel by channel.
public struct Normalization: Sendable, Hashable {
  /// What samples of 0...255 are divided by first: 255 (torchvision's `ToTensor`) or 1.
  public var divisor: Float
  /// Subtracted from red, green, blue.
  public var mean: [Float]
  /// What red, green, blue are divided by last.
  public var deviation: [Float]

  /// A normalization; `mean` and `deviation` have three values.
  public init(divisor: Float = 255, mean: [Float], deviation: [Float]) {
    self.divisor = divisor
    self.mean = mean
    self.deviation = deviation
  }

  /// ImageNet's statistics, as in torchvision.
  public static let imageNet = Normalization(mean: [0.485, 0.456, 0.406], deviation: [0.229, 0.224, 0.225])

  /// `(x / 255 - 0.5) / 0.5`, as in ViT and many timm models.
  public static let half = Normalization(mean: [0.5, 0.5, 0.5], deviation: [0.5, 0.5, 0.5])

  /// `(x - 127) / 128`, as in TensorFlow's EfficientNet-Lite.
  public static let centred = Normalization(divisor: 1, mean: [127, 127, 127], deviation: [128, 128, 128])

  /// The float of each of 256 levels, for red, then green, then blue.
  func table() -> [Float] {
    (0..<3).flatMap { channel in
      let mean = channel < mean.count ? mean[channel] : 0
      let deviation = channel < deviation.count ? deviation[channel] : 1
      return (0..<256).map { (Float($0) / divisor - mean) / deviation }
    }
  }
}

/// A preprocessing with the tables and memory it needs: one for each worker, used for one image after another.
public struct Preprocessor: Sendable {
  /// What it does to an image.
  public let preprocessing: Preprocessing
  private let table: [Float]
  private var resampler = Resampler()
  private var square: [UInt8]

  /// A preprocessor with its tables.
  ///
  /// - Throws: ``ImageError`` (`.invalidSize`) for a resize or crop outside 1...4096 or a normalization without three channels.
  public init(_ preprocessing: Preprocessing) throws {
    guard (1...4096).contains(preprocessing.resize), (1...4096).contains(preprocessing.crop) else {
      throw ImageError(
        .invalidSize,
        "resize \(preprocessing.resize) and crop \(preprocessing.crop) must lie in 1...4096 pixels"
      )
    }
    guard preprocessing.normalization.mean.count == 3, preprocessing.normalization.deviation.count == 3 else {
      throw ImageError(.invalidSize, "a normalization needs three means and three deviations")
    }
    self.preprocessing = preprocessing
    table = preprocessing.normalization.table()
    square = [UInt8](repeating: 0, count: preprocessing.outputCount)
  }

  /// Writes the network's input: channel, row, column (CHW), ``Preprocessing/outputCount`` floats.
  ///
  /// - Throws: ``ImageError`` (`.invalidSize`) when `output` has another length.
  public mutating func write(_ image: Image, into output: UnsafeMutableBufferPointer<Float>) throws {
    guard output.count == preprocessing.outputCount else {
      throw ImageError(
        .invalidSize,
        "the buffer holds \(output.count) floats; \(preprocessing.crop)x\(preprocessing.crop) RGB needs \(preprocessing.outputCount)"
      )
    }
    fillSquare(from: image)
    let pixels = preprocessing.crop * preprocessing.crop
    square.withUnsafeBufferPointer { square in
      table.withUnsafeBufferPointer { table in
        for pixel in 0..<pixels {
          output[pixel] = table[Int(square[pixel * 3])]
          output[pixels + pixel] = table[256 + Int(square[pixel * 3 + 1])]
          output[2 * pixels + pixel] = table[512 + Int(square[pixel * 3 + 2])]
        }
      }
    }
  }

  /// The network's input as a new array; ``write(_:into:)`` saves the allocation.
  public mutating func values(of image: Image) throws -> [Float] {
    var values = [Float](repeating: 0, count: preprocessing.outputCount)
    try values.withUnsafeMutableBufferPointer { try write(image, into: $0) }
    return values
  }

  /// The resized and cropped image, before it becomes floats.
  public mutating func croppedImage(of image: Image) -> Image {
    fillSquare(from: image)
    return Image(trustedWidth: preprocessing.crop, height: preprocessing.crop, rgb: square)
  }

  private mutating func fillSquare(from image: Image) {
    let size = preprocessing.resizedSize(width: image.source.columns.count, height: image.source.rows.count)
    let left = preprocessing.cropOrigin(side: size.width)
    let top = preprocessing.cropOrigin(side: size.height)
    let columns = max(0, left)..<min(size.width, left + preprocessing.crop)
    let rows = max(0, top)..<min(size.height, top + preprocessing.crop)
    let target = ResampleTarget(width: size.width, height: size.height, columns: columns, rows: rows)
    if columns.count == preprocessing.crop, rows.count == preprocessing.crop {
      square.withUnsafeMutableBufferPointer {
        resampler.resize(image, to: target, interpolation: preprocessing.interpolation, into: $0)
      }
    } else {
      pad(image, target, left: max(0, -left), top: max(0, -top))
    }
  }

  private mutating func pad(_ image: Image, _ target: ResampleTarget, left: Int, top: Int) {
    let width = target.columns.count
    var inner = [UInt8](repeating: 0, count: width * target.rows.count * 3)
    inner.withUnsafeMutableBufferPointer {
      resampler.resize(image, to: target, interpolation: preprocessing.interpolation, into: $0)
    }
    for index in square.indices { square[index] = 0 }
    for row in 0..<target.rows.count {
      let start = ((row + top) * preprocessing.crop + left) * 3
      square.replaceSubrange(start..<start + width * 3, with: inner[row * width * 3..<(row + 1) * width * 3])
    }
  }
}

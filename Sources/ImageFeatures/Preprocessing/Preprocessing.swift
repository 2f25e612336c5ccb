/// From a picture to a network's input, as torchvision's transforms do it: `Resize` (shorter side, antialiased),
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

  /// A recipe.
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

  /// torchvision's classic recipe, and the tutorial's: 256, 224, bilinear, ImageNet's mean and deviation.
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

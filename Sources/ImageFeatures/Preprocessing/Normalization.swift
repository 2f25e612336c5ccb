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

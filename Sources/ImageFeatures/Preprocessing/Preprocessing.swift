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

/// How a network wants its picture: size, crop and the values' scale.
///
/// The picture's shorter side is resized to `resize` pixels, a centred square of `size` pixels is cut out, and a byte b of
/// channel c becomes (b / divisor - mean[c]) / standardDeviation[c].
public struct InputRecipe: Sendable, Hashable {
  /// The filter that resizes the picture.
  public enum Interpolation: String, Sendable, Hashable {
    /// A triangle, widened when the picture shrinks.
    case bilinear
    /// The cubic convolution kernel with a = -0.5, widened when the picture shrinks.
    case bicubic
  }

  /// The side of the square input, in pixels.
  public var size: Int

  /// The shorter side that the picture is resized to before the centre is cut out, in pixels.
  public var resize: Int

  /// The filter that resizes the picture.
  public var interpolation: Interpolation

  /// What a byte is divided by before the mean is subtracted: 255 or 1.
  public var divisor: Float

  /// The value subtracted from red, green and blue.
  public var mean: [Float]

  /// What red, green and blue are divided by at last.
  public var standardDeviation: [Float]

  /// Makes a recipe; without values, torchvision's for ImageNet.
  public init(
    size: Int = 224,
    resize: Int = 256,
    interpolation: Interpolation = .bilinear,
    divisor: Float = 255,
    mean: [Float] = [0.485, 0.456, 0.406],
    standardDeviation: [Float] = [0.229, 0.224, 0.225]
  ) {
    self.size = size
    self.resize = resize
    self.interpolation = interpolation
    self.divisor = divisor
    self.mean = mean
    self.standardDeviation = standardDeviation
  }
}

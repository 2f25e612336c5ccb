internal import CFeatureKernels
internal import Glibc
internal import MetricLearning

/// The output of a network that becomes an embedding, and how it is pooled.
public enum FeatureKind: Sendable, Hashable {
  /// The output of the last layer, one value a class.
  case logits
  /// The softmax of the logits.
  case probabilities
  /// The mean of the last map over its views; for transformers, of the patch tokens.
  case pooled
  /// Generalised-mean pooling of the last map: (mean of max(x, 1e-6)^p)^(1/p).
  case gem(p: Float)
  /// Regional maximum activations of the last map over regions of a number of sizes, normalised, summed,
  /// normalised.
  case rmac(levels: Int)
  /// The class token after the last norm.
  case cls
  /// A layer's output in PyTorch's order: channel, row, column for maps.
  case layer(String)

  /// Reads a feature as it is written on the command line: `logits`, `probabilities`, `pooled`, `gem` or
  /// `gem:P`, `rmac` or `rmac:LEVELS`, `cls`, `layer:NAME`.
  ///
  /// - Throws: `NetworkError` with code `featureSyntax`.
  public init(parsing text: String) throws {
    let parts = text.split(separator: ":", maxSplits: 1, omittingEmptySubsequences: false).map(String.init)
    let argument = parts.count == 2 ? parts[1] : nil
    switch (parts[0], argument) {
    case ("logits", nil): self = .logits
    case ("probabilities", nil): self = .probabilities
    case ("pooled", nil): self = .pooled
    case ("cls", nil): self = .cls
    case ("gem", nil): self = .gem(p: 3)
    case ("rmac", nil): self = .rmac(levels: 3)
    case ("gem", .some(let power)):
      guard let p = Float(power), p.isFinite, p > 0, p <= 100 else {
        throw FeatureKind.syntax(text, "gem's power is a number above 0 and at most 100")
      }
      self = .gem(p: p)
    case ("rmac", .some(let count)):
      guard let levels = Int(count), (1...8).contains(levels) else {
        throw FeatureKind.syntax(text, "rmac's levels are a whole number from 1 to 8")
      }
      self = .rmac(levels: levels)
    case ("layer", .some(let name)) where !name.isEmpty: self = .layer(name)
    default:
      throw FeatureKind.syntax(
        text,
        "use logits, probabilities, pooled, gem:P, rmac:LEVELS, cls or layer:NAME"
      )
    }
  }

  private static func syntax(_ text: String, _ advice: String) -> NetworkError {
    NetworkError(.featureSyntax, "\"\(text)\" is not a feature: \(advice)")
  }
}

extension FeatureKind: CustomStringConvertible {
  /// The feature as `init(parsing:)` reads it.
  public var description: String {
    switch self {
    case .logits: "logits"
    case .probabilities: "probabilities"
    case .pooled: "pooled"
    case .gem(let p): "gem:\(p)"
    case .rmac(let levels): "rmac:\(levels)"
    case .cls: "cls"
    case .layer(let name): "layer:\(name)"
    }
  }
}

/// Turns a map in an arena into one vector.
struct MapPooling {
  let view: TensorView
  let kernels: KernelSet
  let arena: UnsafeMutablePointer<Float>

  private var channels: Int { view.shape.channels }
  private var whole: Region {
    Region(top: 0, left: 0, height: view.shape.height, width: view.shape.width)
  }

  /// The mean of every channel.
  func mean() -> [Float] {
    vector { view.powerMean(of: whole, power: 1, floor: -.infinity, arena: arena, kernels: kernels, to: $0) }
  }

  /// Generalised mean (Radenović et al., "Fine-tuning CNN Image Retrieval with No Human Annotation", 2017),
  /// values below 1e-6 raised to it.
  func generalisedMean(p: Float) -> [Float] {
    if p == 1 || p == 2 || p == 3 {
      let means = vector {
        view.powerMean(of: whole, power: Int32(p), floor: 1e-6, arena: arena, kernels: kernels, to: $0)
      }
      return means.map { p == 1 ? $0 : p == 2 ? $0.squareRoot() : cbrtf($0) }
    }
    return (0..<channels).map { channel in
      let values = (0..<view.shape.pixels).lazy.map { pixel in
        Double(max(arena[view.offset + pixel * view.pixelStride + channel], 1e-6))
      }
      // A high power of small values is below the smallest number: shares of the largest value are raised.
      let largest = values.max() ?? 1
      let sum = values.reduce(0) { $0 + pow($1 / largest, Double(p)) }
      return Float(largest * pow(sum / Double(values.count), 1 / Double(p)))
    }
  }

  /// Regional maximum activations (Tolias et al., "Particular Object Retrieval With Integral Max-Pooling of
  /// CNN Activations", 2016): at level l, l x l square regions of side 2 min(W, H) / (l + 1), evenly spread;
  /// each region's maxima are normalised, then their sum.
  func regionalMaxima(levels: Int) -> [Float] {
    var sum = [Double](repeating: 0, count: channels)
    for region in MapPooling.regions(height: view.shape.height, width: view.shape.width, levels: levels) {
      var maxima = vector { view.maximum(of: region, arena: arena, kernels: kernels, to: $0) }
      VectorMath.normalise(&maxima)
      for channel in 0..<channels { sum[channel] += Double(maxima[channel]) }
    }
    var result = sum.map { Float($0) }
    VectorMath.normalise(&result)
    return result
  }

  static func regions(height: Int, width: Int, levels: Int) -> [Region] {
    (1...max(levels, 1)).flatMap { level -> [Region] in
      let side = max(1, 2 * min(height, width) / (level + 1))
      func starts(_ length: Int) -> [Int] {
        (0..<level).map { level == 1 ? 0 : $0 * (length - side) / (level - 1) }
      }
      return starts(height).flatMap { top in
        starts(width).map { Region(top: top, left: $0, height: side, width: side) }
      }
    }
  }

  /// The values in PyTorch's order: channel, row, column for maps, token by token for sequences.
  func values() -> [Float] {
    let shape = view.shape
    let start = arena + view.offset
    guard shape.layout == .map else {
      return (0..<shape.count).map { start[$0 / channels * view.pixelStride + $0 % channels] }
    }
    return (0..<shape.count).map { start[$0 % shape.pixels * view.pixelStride + $0 / shape.pixels] }
  }

  private func vector(_ fill: (UnsafeMutablePointer<Float>) -> Void) -> [Float] {
    [Float](unsafeUninitializedCapacity: channels) { buffer, count in
      guard let start = buffer.baseAddress else { return }
      fill(start)
      count = channels
    }
  }
}

/// A rectangle of a map's views.
struct Region: Sendable, Hashable {
  var top: Int
  var left: Int
  var height: Int
  var width: Int
}

extension TensorView {
  /// The part of the map inside a region.
  private func map(of region: Region) -> (map: cfk_map, offset: Int) {
    var part = map
    part.height = region.height
    part.width = region.width
    return (part, offset + region.top * rowStride + region.left * pixelStride)
  }

  /// The mean over a region of max(x, floor)^power, channel by channel; power is 1, 2 or 3.
  func powerMean(
    of region: Region,
    power: Int32,
    floor: Float,
    arena: UnsafeMutablePointer<Float>,
    kernels: KernelSet,
    to means: UnsafeMutablePointer<Float>
  ) {
    let (part, offset) = map(of: region)
    means.update(repeating: 0, count: shape.channels)
    kernels.table.power_sum(part, arena + offset, floor, power, means)
    let count = Float(region.height * region.width)
    for channel in 0..<shape.channels { means[channel] /= count }
  }

  /// The largest value of each channel in a region.
  func maximum(
    of region: Region,
    arena: UnsafeMutablePointer<Float>,
    kernels: KernelSet,
    to largest: UnsafeMutablePointer<Float>
  ) {
    let (part, offset) = map(of: region)
    let window = cfk_window(kernel: max(region.height, region.width), stride: 1, pad_top: 0, pad_left: 0)
    kernels.table.max_pool_row(part, arena + offset, window, 0, 1, largest, shape.channels)
  }
}

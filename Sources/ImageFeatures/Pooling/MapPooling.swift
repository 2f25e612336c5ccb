#if canImport(Glibc)
  internal import Glibc
#elseif canImport(Musl)
  internal import Musl
#else
  internal import Darwin
#endif

/// Turns a map in an arena into one vector.
struct MapPooling {
  let place: Place
  let kernels: KernelSet
  let arena: UnsafeMutablePointer<Float>

  private var channels: Int { place.extent.channels }
  private var whole: Region {
    Region(top: 0, left: 0, height: place.extent.height, width: place.extent.width)
  }

  /// The mean of every channel.
  func mean() -> [Float] {
    vector { place.powerMean(of: whole, power: 1, floor: -.infinity, arena: arena, kernels: kernels, to: $0) }
  }

  /// Generalised mean (Radenović et al., "Fine-tuning CNN Image Retrieval with No Human Annotation", 2017),
  /// values below 1e-6 raised to it.
  func generalisedMean(p: Float) -> [Float] {
    if p == 1 || p == 2 || p == 3 {
      let means = vector {
        place.powerMean(of: whole, power: Int32(p), floor: 1e-6, arena: arena, kernels: kernels, to: $0)
      }
      return means.map { p == 1 ? $0 : p == 2 ? $0.squareRoot() : cbrtf($0) }
    }
    return (0..<channels).map { channel in
      let values = (0..<place.extent.pixels).lazy.map { pixel in
        Double(max(arena[place.offset + pixel * place.pixelStride + channel], 1e-6))
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
    for region in MapPooling.regions(height: place.extent.height, width: place.extent.width, levels: levels) {
      var maxima = vector { place.maximum(of: region, arena: arena, kernels: kernels, to: $0) }
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
    let extent = place.extent
    let start = arena + place.offset
    guard extent.layout == .map else {
      return (0..<extent.count).map { start[$0 / channels * place.pixelStride + $0 % channels] }
    }
    return (0..<extent.count).map { start[$0 % extent.pixels * place.pixelStride + $0 / extent.pixels] }
  }

  private func vector(_ fill: (UnsafeMutablePointer<Float>) -> Void) -> [Float] {
    [Float](unsafeUninitializedCapacity: channels) { buffer, count in
      guard let start = buffer.baseAddress else { return }
      fill(start)
      count = channels
    }
  }
}

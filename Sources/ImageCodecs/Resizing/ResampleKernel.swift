internal import Glibc

/// For each wanted output position of one axis: the first input it reads and the weights of that and the next inputs.
///
/// As in `Resample.c` of Pillow the filter's support grows with the reduction; weights are normalised in double
/// precision and rounded half away from zero to 22 fractional bits.
struct ResampleKernel: Sendable, Hashable {
  static let fractionBits = 22

  let input: Int
  let output: Int
  /// The wanted output positions; tables below are indexed from the first of them.
  let positions: Range<Int>
  let interpolation: Interpolation
  /// What the inputs are means of.
  let source: Image.Source.Axis
  /// Weights a position, a multiple of 4; shorter rows are padded with zeros.
  let taps: Int
  let starts: [Int]
  let counts: [Int]
  /// `positions.count * taps` weights times 2^22; empty when they are not stored.
  private(set) var weights: [Int32]
  private let scale: Double
  private let means: MeanWeights?

  /// A reduction of a very long side has more weights than are kept: they are computed for one position at a time.
  static let maximumStored = 4 << 20

  /// Whether outputs are the inputs as they are.
  var isIdentity: Bool { input == output && source == Image.Source.Axis(count: input, averaging: 1) }

  /// Whether ``weights`` holds the weights of all positions.
  var isStored: Bool { isIdentity || !weights.isEmpty || positions.isEmpty }

  /// - Parameter source: What the inputs were reduced from; nil for inputs that are the file's.
  init(
    input: Int,
    output: Int,
    positions: Range<Int>,
    interpolation: Interpolation,
    source: Image.Source.Axis? = nil
  ) {
    let source = source ?? Image.Source.Axis(count: input, averaging: 1)
    let scale = source.extent / Double(output)
    let support = interpolation.support * max(scale, 1)
    let isReduced = source.averaging > 1
    var starts = [Int](repeating: 0, count: positions.count)
    var counts = starts
    for (index, position) in positions.enumerated() {
      let centre = (Double(position) + 0.5) * scale + source.offset
      // A mean beyond the filter's ends tells of the pixels within.
      let (first, end) =
        isReduced
        ? (Int((centre - support).rounded(.down)) - 1, Int((centre + support).rounded(.up)) + 1)
        : (Int(centre - support + 0.5), Int(centre + support + 0.5))
      starts[index] = min(max(0, first), input - 1)
      counts[index] = max(1, min(input, end) - starts[index])
    }
    self.input = input
    self.output = output
    self.positions = positions
    self.interpolation = interpolation
    self.source = source
    self.scale = scale
    self.starts = starts
    self.counts = counts
    let longest = counts.max() ?? 0
    taps = (longest + 3) / 4 * 4
    means =
      isReduced && longest <= MeanWeights.largestCount
      ? MeanWeights(averaging: source.averaging, scale: scale, counts: longest) : nil
    weights = []
    guard !isIdentity, positions.count * taps <= Self.maximumStored else { return }
    var weights = [Int32](repeating: 0, count: positions.count * taps)
    for index in 0..<positions.count {
      for (tap, weight) in exactWeights(of: index).enumerated() {
        weights[index * taps + tap] = fixed(weight)
      }
    }
    self.weights = weights
  }

  /// The weights of the `index`-th wanted position, ``taps`` of them.
  func computedWeights(of index: Int) -> [Int32] {
    let weights = exactWeights(of: index).map(fixed)
    return weights + [Int32](repeating: 0, count: taps - weights.count)
  }

  private func exactWeights(of index: Int) -> [Double] {
    let centre = (Double(positions.lowerBound + index) + 0.5) * scale
    let step = 1 / max(scale, 1)
    let parts = means?.parts ?? source.averaging
    let extent = source.extent
    var filter = [Double](repeating: 0, count: counts[index] * parts)
    for tap in 0..<counts[index] {
      let start = Double(starts[index] + tap) - source.offset
      for part in 0..<parts {
        let place = start + (Double(part) + 0.5) / Double(parts)
        // Where the last mean has fewer pixels, there is nothing to weigh.
        guard source.averaging == 1 || (place > 0 && place < extent) else { continue }
        let distance = start - centre + (Double(part) + 0.5) / Double(parts)
        filter[tap * parts + part] = interpolation.weight(at: distance * step)
      }
    }
    var weights: [Double]
    if let means {
      weights = means.weights(for: filter)
    } else {
      weights = (0..<counts[index]).map { tap in filter[tap * parts..<(tap + 1) * parts].reduce(0, +) }
    }
    let sum = weights.reduce(0, +)
    if sum != 0 { for tap in weights.indices { weights[tap] /= sum } }
    return weights
  }

  private func fixed(_ weight: Double) -> Int32 {
    let scaled = weight * Double(1 << Self.fractionBits)
    return Int32(scaled < 0 ? scaled - 0.5 : scaled + 0.5)
  }

  /// The inputs that the wanted outputs read.
  var inputs: Range<Int> {
    guard let first = starts.first, let last = starts.last, let count = counts.last else { return 0..<0 }
    return first..<last + count
  }
}

/// Weights that make of means of pixels what a filter makes of the pixels themselves, as nearly as means tell.
///
/// The filter's sum over each mean's pixels would do for pixels that have nothing to do with each other. Those of an image are
/// alike where they are near, so a mean tells of its neighbours' pixels too: these are the weights of the best linear estimate
/// (Wiener's), for a correlation that falls by a factor of e over ``correlationLength`` pixels of the result, and the noise of
/// means that are rounded to 8 bits.
struct MeanWeights: Sendable, Hashable {
  /// Filters over more means gain nothing: each is a small part of them.
  static let largestCount = 32
  private static let correlationLength = 16.0
  private static let noise = 3e-4
  /// All images share a level, which the estimate must keep.
  private static let level = 100.0

  /// How many places in a mean stand for its pixels.
  let parts: Int
  /// Of a mean with the place that lies a number of places behind its first.
  private let correlations: [Double]
  /// For each number of means: the inverse of their correlations with each other, plus noise.
  private let inverses: [[Double]]

  /// - Parameters:
  ///   - averaging: how many pixels a mean stands for.
  ///   - scale: how many means a pixel of the result stands for.
  ///   - counts: the most means that a filter reads.
  init(averaging: Int, scale: Double, counts: Int) {
    let parts = min(averaging, 16)
    let length = Self.correlationLength * max(scale, 1) * Double(parts)
    let correlations = (0..<max(counts, 1) * parts).map { (place: Int) -> Double in
      let sum = (0..<parts).reduce(0.0) { (sum: Double, part: Int) in
        sum + exp(-abs(Double(place - part)) / length)
      }
      return sum / Double(parts) + Self.level
    }
    let between = (0..<counts).map { distance in
      correlations[distance * parts..<(distance + 1) * parts].reduce(0, +) / Double(parts)
    }
    inverses = (0...counts).map { count in
      Self.inverse(count) { between[abs($0 - $1)] + ($0 == $1 ? Self.noise : 0) }
    }
    self.parts = parts
    self.correlations = correlations
  }

  /// The weights of means for a filter's values at all their places.
  func weights(for filter: [Double]) -> [Double] {
    let count = filter.count / parts
    let wanted = (0..<count).map { mean in
      var sum = 0.0
      for place in filter.indices where filter[place] != 0 {
        let distance = place - mean * parts
        sum += filter[place] * correlations[distance < 0 ? parts - 1 - distance : distance]
      }
      return sum
    }
    let inverse = inverses[count]
    return (0..<count).map { row in
      (0..<count).reduce(0.0) { (sum: Double, mean: Int) in sum + inverse[row * count + mean] * wanted[mean] }
    }
  }

  /// Of a symmetric positive definite matrix, by Gauss and Jordan.
  private static func inverse(_ count: Int, _ value: (Int, Int) -> Double) -> [Double] {
    var left = (0..<count * count).map { value($0 / count, $0 % count) }
    var right = (0..<count * count).map { $0 / count == $0 % count ? 1.0 : 0 }
    for pivot in 0..<count {
      let scale = 1 / left[pivot * count + pivot]
      for column in 0..<count {
        left[pivot * count + column] *= scale
        right[pivot * count + column] *= scale
      }
      for row in 0..<count where row != pivot {
        let factor = left[row * count + pivot]
        for column in 0..<count {
          left[row * count + column] -= factor * left[pivot * count + column]
          right[row * count + column] -= factor * right[pivot * count + column]
        }
      }
    }
    return right
  }
}

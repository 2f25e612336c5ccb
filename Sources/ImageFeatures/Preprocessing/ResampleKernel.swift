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
  /// Weights a position; shorter rows are padded with zeros.
  let taps: Int
  let starts: [Int]
  let counts: [Int]
  /// `positions.count * taps` weights times 2^22.
  let weights: [Int32]

  init(input: Int, output: Int, positions: Range<Int>, interpolation: Interpolation) {
    let scale = Double(input) / Double(output)
    let filterScale = max(scale, 1)
    let support = interpolation.support * filterScale
    let taps = Int(support.rounded(.up)) * 2 + 1
    var starts = [Int](repeating: 0, count: positions.count)
    var counts = starts
    var weights = [Int32](repeating: 0, count: positions.count * taps)
    var row = [Double](repeating: 0, count: taps)
    for (index, position) in positions.enumerated() {
      let centre = (Double(position) + 0.5) * scale
      let first = max(0, Int(centre - support + 0.5))
      let count = min(input, Int(centre + support + 0.5)) - first
      var sum = 0.0
      for tap in 0..<count {
        row[tap] = interpolation.weight(at: (Double(tap + first) - centre + 0.5) * (1 / filterScale))
        sum += row[tap]
      }
      for tap in 0..<count {
        let weight = sum == 0 ? row[tap] : row[tap] / sum
        weights[index * taps + tap] = Self.fixed(weight)
      }
      starts[index] = first
      counts[index] = count
    }
    self.input = input
    self.output = output
    self.positions = positions
    self.taps = taps
    self.starts = starts
    self.counts = counts
    self.weights = weights
  }

  private static func fixed(_ weight: Double) -> Int32 {
    let scaled = weight * Double(1 << fractionBits)
    return Int32(scaled < 0 ? scaled - 0.5 : scaled + 0.5)
  }

  /// The inputs that the wanted outputs read.
  var inputs: Range<Int> {
    guard let first = starts.first, let last = starts.last, let count = counts.last else { return 0..<0 }
    return first..<last + count
  }
}

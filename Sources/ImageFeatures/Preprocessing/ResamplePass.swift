/// The two inner loops of Pillow's resize, in its integer arithmetic: products of 8-bit samples with 22-bit weights,
/// half a unit added, shifted, clipped to 0...255.
enum ResamplePass {
  private static let half = Int32(1) << Int32(ResampleKernel.fractionBits - 1)

  static func horizontal(
    _ source: UnsafeBufferPointer<UInt8>,
    _ kernel: ResampleKernel,
    into row: UnsafeMutableBufferPointer<UInt8>
  ) {
    guard kernel.input != kernel.output else {
      for index in 0..<row.count { row[index] = source[kernel.positions.lowerBound * 3 + index] }
      return
    }
    kernel.weights.withUnsafeBufferPointer { weights in
      kernel.starts.withUnsafeBufferPointer { starts in
        kernel.counts.withUnsafeBufferPointer { counts in
          var target = 0
          for column in 0..<kernel.positions.count {
            var red = half
            var green = half
            var blue = half
            var sample = starts[column] * 3
            let firstWeight = column * kernel.taps
            for tap in firstWeight..<firstWeight + counts[column] {
              let weight = weights[tap]
              red &+= Int32(source[sample]) &* weight
              green &+= Int32(source[sample + 1]) &* weight
              blue &+= Int32(source[sample + 2]) &* weight
              sample += 3
            }
            row[target] = clip(red)
            row[target + 1] = clip(green)
            row[target + 2] = clip(blue)
            target += 3
          }
        }
      }
    }
  }

  /// The `index`-th wanted output row, from the narrowed rows, of which the first is input row `firstInput`.
  static func vertical(
    _ source: UnsafeBufferPointer<UInt8>,
    _ firstInput: Int,
    _ kernel: ResampleKernel,
    _ index: Int,
    _ sums: UnsafeMutableBufferPointer<Int32>,
    into row: UnsafeMutableBufferPointer<UInt8>
  ) {
    let width = row.count
    let start = (kernel.starts[index] - firstInput) * width
    guard kernel.input != kernel.output else {
      let same = (kernel.positions.lowerBound + index - firstInput) * width
      for byte in 0..<width { row[byte] = source[same + byte] }
      return
    }
    for byte in 0..<width { sums[byte] = half }
    for tap in 0..<kernel.counts[index] {
      let weight = kernel.weights[index * kernel.taps + tap]
      let line = UnsafeBufferPointer(rebasing: source[start + tap * width..<start + (tap + 1) * width])
      for byte in 0..<width { sums[byte] &+= Int32(line[byte]) &* weight }
    }
    for byte in 0..<width { row[byte] = clip(sums[byte]) }
  }

  private static func clip(_ sum: Int32) -> UInt8 {
    UInt8(truncatingIfNeeded: max(0, min(255, sum >> Int32(ResampleKernel.fractionBits))))
  }
}

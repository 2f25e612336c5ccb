/// Resizes images as Pillow's `Image.resize` does, to the bit: horizontal pass, rounding to 8 bits, vertical pass.
///
/// Keeps its weight tables and scratch memory between images, so one resampler serves one worker and is reused.
/// Only the pixels of the wanted rectangle are computed.
public struct Resampler: Sendable {
  private var horizontal: ResampleKernel?
  private var vertical: ResampleKernel?
  private var interpolation: Interpolation?
  private var narrowed: [UInt8] = []
  private var sums: [Int32] = []

  /// A resampler without any tables yet.
  public init() {}

  /// The whole image at another size.
  ///
  /// - Throws: ``ImageError`` (`.invalidSize`) when a side is not positive.
  public mutating func resize(
    _ image: Image,
    width: Int,
    height: Int,
    interpolation: Interpolation = .bilinear
  ) throws -> Image {
    guard width > 0, height > 0, width <= 1 << 16, height <= 1 << 16 else {
      throw ImageError(.invalidSize, "an image cannot be resized to \(width)x\(height)")
    }
    if width == image.width, height == image.height { return image }
    var rgb = [UInt8](repeating: 0, count: width * height * 3)
    rgb.withUnsafeMutableBufferPointer {
      resize(
        image,
        to: ResampleTarget(width: width, height: height, columns: 0..<width, rows: 0..<height),
        interpolation: interpolation,
        into: $0
      )
    }
    return Image(trustedWidth: width, height: height, rgb: rgb)
  }

  /// Writes a rectangle of the resized image, `target.columns.count * target.rows.count * 3` bytes.
  mutating func resize(
    _ image: Image,
    to target: ResampleTarget,
    interpolation: Interpolation,
    into rgb: UnsafeMutableBufferPointer<UInt8>
  ) {
    let (source, columns, rows) = (image.source, target.columns, target.rows)
    let across = kernel(\.horizontal, image.width, source.columns, target.width, columns, interpolation)
    let down = kernel(\.vertical, image.height, source.rows, target.height, rows, interpolation)
    self.interpolation = interpolation
    let needed = down.inputs
    let rowBytes = target.columns.count * 3
    grow(&narrowed, to: needed.count * rowBytes, filling: 0)
    grow(&sums, to: rowBytes, filling: 0)
    image.rgb.withUnsafeBufferPointer { source in
      narrowed.withUnsafeMutableBufferPointer { narrowed in
        if across.isStored {
          for (index, y) in needed.enumerated() {
            let sourceRow = UnsafeBufferPointer(
              rebasing: source[y * image.width * 3..<(y + 1) * image.width * 3]
            )
            let row = UnsafeMutableBufferPointer(
              rebasing: narrowed[index * rowBytes..<(index + 1) * rowBytes]
            )
            ResamplePass.horizontal(sourceRow, across, into: row)
          }
        } else {
          ResamplePass.horizontalByColumn(source, image.width, needed, across, into: narrowed)
        }
        sums.withUnsafeMutableBufferPointer { sums in
          for index in 0..<target.rows.count {
            let row = UnsafeMutableBufferPointer(rebasing: rgb[index * rowBytes..<(index + 1) * rowBytes])
            ResamplePass.vertical(
              UnsafeBufferPointer(narrowed),
              needed.lowerBound,
              down,
              index,
              sums,
              into: row
            )
          }
        }
      }
    }
  }

  private mutating func kernel(
    _ cache: WritableKeyPath<Resampler, ResampleKernel?>,
    _ input: Int,
    _ source: Image.Source.Axis,
    _ output: Int,
    _ positions: Range<Int>,
    _ interpolation: Interpolation
  ) -> ResampleKernel {
    if let kept = self[keyPath: cache], kept.input == input, kept.source == source, kept.output == output,
      kept.positions == positions, self.interpolation == interpolation
    {
      return kept
    }
    let made = ResampleKernel(
      input: input,
      output: output,
      positions: positions,
      interpolation: interpolation,
      source: source
    )
    self[keyPath: cache] = made
    return made
  }

  private func grow<Element>(_ buffer: inout [Element], to count: Int, filling value: Element) {
    if buffer.count < count {
      buffer = [Element](repeating: value, count: count)
    }
  }
}

/// A resized image's size and the rectangle of it that is wanted.
struct ResampleTarget: Sendable, Hashable {
  let width: Int
  let height: Int
  let columns: Range<Int>
  let rows: Range<Int>
}

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
  /// `positions.count * taps` weights times 2^22; empty when they are not stored.
  let weights: [Int32]
  /// What the inputs are means of: the weight of each is the sum of theirs.
  let source: Image.Source.Axis
  private let scale: Double
  private let interpolation: Interpolation

  /// A reduction of a very long side has more weights than are kept: they are computed for one position at a time.
  static let maximumStored = 4 << 20

  /// Whether ``weights`` holds the weights of all positions.
  var isStored: Bool { input == output || !weights.isEmpty || positions.isEmpty }

  /// - Parameter source: What the inputs were reduced from; nil for inputs that are the file's.
  init(
    input: Int,
    output: Int,
    positions: Range<Int>,
    interpolation: Interpolation,
    source: Image.Source.Axis? = nil
  ) {
    let source = source ?? Image.Source.Axis(count: input, averaging: 1)
    self.source = source
    scale = source.extent / Double(output)
    let filterScale = max(scale, 1)
    let support = interpolation.support * filterScale
    // The values at the ends of the filter may lie in one more input.
    let margin = source.averaging > 1 ? 1 : 0
    let taps = Int(support.rounded(.up)) * 2 + 1 + 2 * margin
    var starts = [Int](repeating: 0, count: positions.count)
    var counts = starts
    for (index, position) in positions.enumerated() {
      let centre = (Double(position) + 0.5) * scale + source.offset
      starts[index] = max(0, Int(centre - support + 0.5) - margin)
      counts[index] = min(input, Int(centre + support + 0.5) + margin) - starts[index]
    }
    self.input = input
    self.output = output
    self.positions = positions
    self.taps = taps
    self.starts = starts
    self.counts = counts
    self.interpolation = interpolation
    guard input != output, positions.count * taps <= Self.maximumStored else {
      weights = []
      return
    }
    var weights = [Int32](repeating: 0, count: positions.count * taps)
    var row = [Double](repeating: 0, count: taps)
    for index in 0..<positions.count {
      Self.write(
        to: &weights,
        at: index * taps,
        using: &row,
        interpolation,
        scale,
        source,
        first: starts[index],
        count: counts[index],
        position: positions.lowerBound + index
      )
    }
    self.weights = weights
  }

  /// The weights of the `index`-th wanted position.
  func computedWeights(of index: Int) -> [Int32] {
    var weights = [Int32](repeating: 0, count: taps)
    var row = [Double](repeating: 0, count: taps)
    Self.write(
      to: &weights,
      at: 0,
      using: &row,
      interpolation,
      scale,
      source,
      first: starts[index],
      count: counts[index],
      position: positions.lowerBound + index
    )
    return weights
  }

  private static func write(
    to weights: inout [Int32],
    at place: Int,
    using row: inout [Double],
    _ interpolation: Interpolation,
    _ scale: Double,
    _ source: Image.Source.Axis,
    first: Int,
    count: Int,
    position: Int
  ) {
    let centre = (Double(position) + 0.5) * scale + source.offset
    let step = 1 / max(scale, 1)
    var sum = 0.0
    for tap in 0..<count {
      row[tap] = 0
      for part in 0..<source.averaging {
        let distance = Double(tap + first) - centre + (Double(part) + 0.5) / Double(source.averaging)
        row[tap] += interpolation.weight(at: distance * step)
      }
      sum += row[tap]
    }
    for tap in 0..<count {
      weights[place + tap] = fixed(sum == 0 ? row[tap] : row[tap] / sum)
    }
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

  /// As ``horizontal(_:_:into:)`` for all rows that are needed, with the weights of one column at a time.
  static func horizontalByColumn(
    _ source: UnsafeBufferPointer<UInt8>,
    _ width: Int,
    _ rows: Range<Int>,
    _ kernel: ResampleKernel,
    into narrowed: UnsafeMutableBufferPointer<UInt8>
  ) {
    let rowBytes = kernel.positions.count * 3
    for column in 0..<kernel.positions.count {
      let weights = kernel.computedWeights(of: column)
      for (index, y) in rows.enumerated() {
        var sums = (red: half, green: half, blue: half)
        var sample = (y * width + kernel.starts[column]) * 3
        for tap in 0..<kernel.counts[column] {
          sums.red &+= Int32(source[sample]) &* weights[tap]
          sums.green &+= Int32(source[sample + 1]) &* weights[tap]
          sums.blue &+= Int32(source[sample + 2]) &* weights[tap]
          sample += 3
        }
        let target = index * rowBytes + column * 3
        narrowed[target] = clip(sums.red)
        narrowed[target + 1] = clip(sums.green)
        narrowed[target + 2] = clip(sums.blue)
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
    let computed = kernel.isStored ? [] : kernel.computedWeights(of: index)
    for tap in 0..<kernel.counts[index] {
      let weight = kernel.isStored ? kernel.weights[index * kernel.taps + tap] : computed[tap]
      let line = UnsafeBufferPointer(rebasing: source[start + tap * width..<start + (tap + 1) * width])
      for byte in 0..<width { sums[byte] &+= Int32(line[byte]) &* weight }
    }
    for byte in 0..<width { row[byte] = clip(sums[byte]) }
  }

  private static func clip(_ sum: Int32) -> UInt8 {
    UInt8(truncatingIfNeeded: max(0, min(255, sum >> Int32(ResampleKernel.fractionBits))))
  }
}

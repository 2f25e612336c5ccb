internal import CFeatureKernels

/// Resizes images as Pillow's `Image.resize` does, to the bit: horizontal pass, rounding to 8 bits, vertical pass.
///
/// Keeps its weight tables and scratch memory between images, so one resampler serves one worker and is reused.
/// Only the pixels of the wanted rectangle are computed.
public struct Resampler: Sendable {
  /// The newest last.
  private var kernels: [ResampleKernel] = []
  private var narrowed: [UInt8] = []
  private let passes: ResamplePasses

  /// A resampler without any tables yet.
  public init() { passes = .best }

  init(_ passes: ResamplePasses) { self.passes = passes }

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
    let across = kernel(
      image.width,
      image.source.columns,
      target.width,
      target.columns,
      interpolation
    )
    let down = kernel(image.height, image.source.rows, target.height, target.rows, interpolation)
    let needed = down.inputs
    let rowBytes = target.columns.count * 3
    if narrowed.count < needed.count * rowBytes {
      narrowed = [UInt8](repeating: 0, count: needed.count * rowBytes)
    }
    image.rgb.withUnsafeBufferPointer { source in
      narrowed.withUnsafeMutableBufferPointer { narrowed in
        passes.horizontal(source, image.width, needed, across, into: narrowed)
        passes.vertical(UnsafeBufferPointer(narrowed), needed.lowerBound, down, rowBytes, into: rgb)
      }
    }
  }

  /// A folder's images have few sizes, upright and across.
  private static let mostKernels = 8

  private mutating func kernel(
    _ input: Int,
    _ source: Image.Source.Axis,
    _ output: Int,
    _ positions: Range<Int>,
    _ interpolation: Interpolation
  ) -> ResampleKernel {
    let kept = kernels.firstIndex {
      $0.input == input && $0.output == output && $0.positions == positions && $0.source == source
        && $0.interpolation == interpolation
    }
    if let kept { return kernels[kept] }
    let made = ResampleKernel(
      input: input,
      output: output,
      positions: positions,
      interpolation: interpolation,
      source: source
    )
    while !kernels.isEmpty,
      kernels.count == Self.mostKernels
        || kernels.reduce(made.weights.count, { $0 + $1.weights.count }) > ResampleKernel.maximumStored
    {
      kernels.removeFirst()
    }
    kernels.append(made)
    return made
  }
}

/// A resized image's size and the rectangle of it that is wanted.
struct ResampleTarget: Sendable, Hashable {
  let width: Int
  let height: Int
  let columns: Range<Int>
  let rows: Range<Int>
}

/// The two passes of Pillow's resize, in its integer arithmetic: products of 8-bit samples with 22-bit weights, half a unit
/// added, shifted, clipped to 0...255. All instruction sets give the same bytes.
struct ResamplePasses: Sendable {
  // The tables are constants of the C target, never written.
  nonisolated(unsafe) private let kernels: UnsafePointer<cfk_kernels>

  private init?(level: Int32) {
    guard let kernels = cfk_kernels_for(level) else { return nil }
    self.kernels = kernels
  }

  /// The instruction sets that this processor can run, fastest first.
  static let available = [2, 1, 0].compactMap { ResamplePasses(level: $0) }

  static let best: ResamplePasses = {
    guard let best = available.first else { preconditionFailure("the portable kernels are always there") }
    return best
  }()

  /// Narrows some rows, one behind the other.
  func horizontal(
    _ source: UnsafeBufferPointer<UInt8>,
    _ width: Int,
    _ rows: Range<Int>,
    _ kernel: ResampleKernel,
    into narrowed: UnsafeMutableBufferPointer<UInt8>
  ) {
    let rowBytes = kernel.positions.count * 3
    guard rowBytes > 0, !rows.isEmpty, let from = source.baseAddress, let to = narrowed.baseAddress else {
      return
    }
    if kernel.isIdentity {
      for (index, y) in rows.enumerated() {
        (to + index * rowBytes).update(
          from: from + (y * width + kernel.positions.lowerBound) * 3,
          count: rowBytes
        )
      }
    } else if kernel.isStored {
      kernel.starts.withUnsafeBufferPointer { starts in
        kernel.counts.withUnsafeBufferPointer { counts in
          kernel.weights.withUnsafeBufferPointer { weights in
            guard let starts = starts.baseAddress, let counts = counts.baseAddress,
              let weights = weights.baseAddress
            else { return }
            let how = cfk_resampling(starts: starts, counts: counts, weights: weights, taps: kernel.taps)
            for (index, y) in rows.enumerated() {
              let start = y * width * 3
              kernels.pointee.resample_row(
                from + start,
                source.count - start,
                how,
                kernel.positions.count,
                to + index * rowBytes
              )
            }
          }
        }
      }
    } else {
      horizontalByColumn(source, width, rows, kernel, into: narrowed)
    }
  }

  /// With the weights of one column at a time.
  private func horizontalByColumn(
    _ source: UnsafeBufferPointer<UInt8>,
    _ width: Int,
    _ rows: Range<Int>,
    _ kernel: ResampleKernel,
    into narrowed: UnsafeMutableBufferPointer<UInt8>
  ) {
    let half = Int32(1) << Int32(ResampleKernel.fractionBits - 1)
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
        narrowed[target] = Self.clip(sums.red)
        narrowed[target + 1] = Self.clip(sums.green)
        narrowed[target + 2] = Self.clip(sums.blue)
      }
    }
  }

  /// Makes all wanted output rows of narrowed ones, of which the first is input row `firstInput`.
  func vertical(
    _ source: UnsafeBufferPointer<UInt8>,
    _ firstInput: Int,
    _ kernel: ResampleKernel,
    _ rowBytes: Int,
    into rgb: UnsafeMutableBufferPointer<UInt8>
  ) {
    guard rowBytes > 0, let from = source.baseAddress, let to = rgb.baseAddress else { return }
    for index in 0..<kernel.positions.count {
      let row = to + index * rowBytes
      if kernel.isIdentity {
        row.update(
          from: from + (kernel.positions.lowerBound + index - firstInput) * rowBytes,
          count: rowBytes
        )
        continue
      }
      func write(_ weights: UnsafePointer<Int32>) {
        kernels.pointee.resample_column(
          from + (kernel.starts[index] - firstInput) * rowBytes,
          rowBytes,
          weights,
          kernel.counts[index],
          rowBytes,
          row
        )
      }
      if kernel.isStored {
        kernel.weights.withUnsafeBufferPointer { stored in
          if let weights = stored.baseAddress { write(weights + index * kernel.taps) }
        }
      } else {
        write(kernel.computedWeights(of: index))
      }
    }
  }

  private static func clip(_ sum: Int32) -> UInt8 {
    UInt8(truncatingIfNeeded: max(0, min(255, sum >> Int32(ResampleKernel.fractionBits))))
  }
}

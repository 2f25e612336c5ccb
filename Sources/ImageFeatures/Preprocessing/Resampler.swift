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
    let across = kernel(\.horizontal, image.width, target.width, target.columns, interpolation)
    let down = kernel(\.vertical, image.height, target.height, target.rows, interpolation)
    self.interpolation = interpolation
    let needed = down.inputs
    let rowBytes = target.columns.count * 3
    grow(&narrowed, to: needed.count * rowBytes, filling: 0)
    grow(&sums, to: rowBytes, filling: 0)
    image.rgb.withUnsafeBufferPointer { source in
      narrowed.withUnsafeMutableBufferPointer { narrowed in
        for (index, y) in needed.enumerated() {
          let sourceRow = UnsafeBufferPointer(
            rebasing: source[y * image.width * 3..<(y + 1) * image.width * 3]
          )
          let row = UnsafeMutableBufferPointer(rebasing: narrowed[index * rowBytes..<(index + 1) * rowBytes])
          ResamplePass.horizontal(sourceRow, across, into: row)
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
    _ output: Int,
    _ positions: Range<Int>,
    _ interpolation: Interpolation
  ) -> ResampleKernel {
    if let kept = self[keyPath: cache], kept.input == input, kept.output == output,
      kept.positions == positions, self.interpolation == interpolation
    {
      return kept
    }
    let made = ResampleKernel(
      input: input,
      output: output,
      positions: positions,
      interpolation: interpolation
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

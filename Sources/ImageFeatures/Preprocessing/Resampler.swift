/// Resizes pictures as Pillow's `Image.resize` does, to the bit: horizontal pass, rounding to 8 bits, vertical pass.
///
/// Keeps its weight tables and scratch memory between pictures, so one resampler serves one worker and is reused.
/// Only the pixels of the wanted rectangle are computed.
public struct Resampler: Sendable {
  private var horizontal: ResampleKernel?
  private var vertical: ResampleKernel?
  private var interpolation: Interpolation?
  private var narrowed: [UInt8] = []
  private var sums: [Int32] = []

  /// A resampler without any tables yet.
  public init() {}

  /// The whole picture at another size.
  ///
  /// - Throws: ``PictureError`` (`.invalidSize`) when a side is not positive.
  public mutating func resize(
    _ picture: Picture,
    width: Int,
    height: Int,
    interpolation: Interpolation = .bilinear
  ) throws -> Picture {
    guard width > 0, height > 0, width <= 1 << 16, height <= 1 << 16 else {
      throw PictureError(.invalidSize, "a picture cannot be resized to \(width)x\(height)")
    }
    if width == picture.width, height == picture.height { return picture }
    var rgb = [UInt8](repeating: 0, count: width * height * 3)
    rgb.withUnsafeMutableBufferPointer {
      resize(
        picture,
        to: ResampleTarget(width: width, height: height, columns: 0..<width, rows: 0..<height),
        interpolation: interpolation,
        into: $0
      )
    }
    return Picture(trustedWidth: width, height: height, rgb: rgb)
  }

  /// Writes a rectangle of the resized picture, `target.columns.count * target.rows.count * 3` bytes.
  mutating func resize(
    _ picture: Picture,
    to target: ResampleTarget,
    interpolation: Interpolation,
    into rgb: UnsafeMutableBufferPointer<UInt8>
  ) {
    let across = kernel(\.horizontal, picture.width, target.width, target.columns, interpolation)
    let down = kernel(\.vertical, picture.height, target.height, target.rows, interpolation)
    self.interpolation = interpolation
    let needed = down.inputs
    let rowBytes = target.columns.count * 3
    grow(&narrowed, to: needed.count * rowBytes, filling: 0)
    grow(&sums, to: rowBytes, filling: 0)
    picture.rgb.withUnsafeBufferPointer { source in
      narrowed.withUnsafeMutableBufferPointer { narrowed in
        for (index, y) in needed.enumerated() {
          let sourceRow = UnsafeBufferPointer(
            rebasing: source[y * picture.width * 3..<(y + 1) * picture.width * 3]
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

/// A resized picture's size and the rectangle of it that is wanted.
struct ResampleTarget: Sendable, Hashable {
  let width: Int
  let height: Int
  let columns: Range<Int>
  let rows: Range<Int>
}

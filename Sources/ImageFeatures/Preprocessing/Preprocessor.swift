/// A recipe with the tables and memory it needs: one a worker, used for one image after another.
public struct Preprocessor: Sendable {
  /// The recipe.
  public let recipe: Preprocessing
  private let table: [Float]
  private var resampler = Resampler()
  private var square: [UInt8]

  /// A preprocessor for a recipe.
  ///
  /// - Throws: ``ImageError`` (`.invalidSize`) for a resize or crop outside 1...4096 or a normalization without three channels.
  public init(_ recipe: Preprocessing) throws {
    guard (1...4096).contains(recipe.resize), (1...4096).contains(recipe.crop) else {
      throw ImageError(
        .invalidSize,
        "resize \(recipe.resize) and crop \(recipe.crop) must lie in 1...4096 pixels"
      )
    }
    guard recipe.normalization.mean.count == 3, recipe.normalization.deviation.count == 3 else {
      throw ImageError(.invalidSize, "a normalization needs three means and three deviations")
    }
    self.recipe = recipe
    table = recipe.normalization.table()
    square = [UInt8](repeating: 0, count: recipe.outputCount)
  }

  /// Writes the network's input: channel, row, column (CHW), ``Preprocessing/outputCount`` floats.
  ///
  /// - Throws: ``ImageError`` (`.invalidSize`) when `output` has another length.
  public mutating func write(_ image: Image, into output: UnsafeMutableBufferPointer<Float>) throws {
    guard output.count == recipe.outputCount else {
      throw ImageError(
        .invalidSize,
        "the buffer holds \(output.count) floats; \(recipe.crop)x\(recipe.crop) RGB needs \(recipe.outputCount)"
      )
    }
    fillSquare(from: image)
    let pixels = recipe.crop * recipe.crop
    square.withUnsafeBufferPointer { square in
      table.withUnsafeBufferPointer { table in
        for pixel in 0..<pixels {
          output[pixel] = table[Int(square[pixel * 3])]
          output[pixels + pixel] = table[256 + Int(square[pixel * 3 + 1])]
          output[2 * pixels + pixel] = table[512 + Int(square[pixel * 3 + 2])]
        }
      }
    }
  }

  /// The network's input as a new array; ``write(_:into:)`` saves the allocation.
  public mutating func values(of image: Image) throws -> [Float] {
    var values = [Float](repeating: 0, count: recipe.outputCount)
    try values.withUnsafeMutableBufferPointer { try write(image, into: $0) }
    return values
  }

  /// The resized and cropped image, before it becomes floats.
  public mutating func croppedImage(of image: Image) -> Image {
    fillSquare(from: image)
    return Image(trustedWidth: recipe.crop, height: recipe.crop, rgb: square)
  }

  private mutating func fillSquare(from image: Image) {
    let size = recipe.resizedSize(width: image.width, height: image.height)
    let left = recipe.cropOrigin(side: size.width)
    let top = recipe.cropOrigin(side: size.height)
    let columns = max(0, left)..<min(size.width, left + recipe.crop)
    let rows = max(0, top)..<min(size.height, top + recipe.crop)
    let target = ResampleTarget(width: size.width, height: size.height, columns: columns, rows: rows)
    if columns.count == recipe.crop, rows.count == recipe.crop {
      square.withUnsafeMutableBufferPointer {
        resampler.resize(image, to: target, interpolation: recipe.interpolation, into: $0)
      }
    } else {
      pad(image, target, left: max(0, -left), top: max(0, -top))
    }
  }

  private mutating func pad(_ image: Image, _ target: ResampleTarget, left: Int, top: Int) {
    let width = target.columns.count
    var inner = [UInt8](repeating: 0, count: width * target.rows.count * 3)
    inner.withUnsafeMutableBufferPointer {
      resampler.resize(image, to: target, interpolation: recipe.interpolation, into: $0)
    }
    for index in square.indices { square[index] = 0 }
    for row in 0..<target.rows.count {
      let start = ((row + top) * recipe.crop + left) * 3
      square.replaceSubrange(start..<start + width * 3, with: inner[row * width * 3..<(row + 1) * width * 3])
    }
  }
}

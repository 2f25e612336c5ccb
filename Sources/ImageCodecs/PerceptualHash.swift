internal import Glibc

/// What an image shows, in 64 bits: images that were resized, compressed again or made lighter differ in few of them.
///
/// The method is that of pHash (Christoph Zauner, "Implementation and Benchmarking of Perceptual Image Hash Functions", 2010,
/// section 3.2), with the choices of imagededup's `PHash`: the discrete cosine transform of the image's 32x32 grey levels, of
/// which the 8x8 lowest frequencies become a bit each: whether the coefficient reaches the median of all but the first.
/// Colours, turned and mirrored images, and parts of images are not recognised.
public struct PerceptualHash: Sendable, Hashable {
  /// The bits, the lowest frequency first; 0 for an image that shows nothing to compare, which no other hash is.
  public let bits: UInt64

  /// A hash that was kept.
  public init(bits: UInt64) { self.bits = bits }

  /// The hash of an image of one colour, or of one that cannot be read: equal to no other.
  public static let blank = PerceptualHash(bits: 0)

  /// Grey levels that lie nearer together say nothing of what is shown.
  private static let leastRange = 4.0

  /// The hash of a whole image.
  ///
  /// - Parameter resampler: keeps its tables between images of one size.
  public init(_ image: Image, _ resampler: inout Resampler) {
    let side = Self.side
    var rgb = [UInt8](repeating: 0, count: side * side * 3)
    rgb.withUnsafeMutableBufferPointer {
      resampler.resize(
        image,
        to: ResampleTarget(width: side, height: side, columns: 0..<side, rows: 0..<side),
        interpolation: .bicubic,
        into: $0
      )
    }
    // Rec. 601, as Pillow's mode L.
    let grey = (0..<side * side).map { (pixel: Int) -> Double in
      let (red, green, blue) = (Int(rgb[pixel * 3]), Int(rgb[pixel * 3 + 1]), Int(rgb[pixel * 3 + 2]))
      return Double((299 * red + 587 * green + 114 * blue + 500) / 1000)
    }
    guard let darkest = grey.min(), let lightest = grey.max(), lightest - darkest >= Self.leastRange else {
      self = .blank
      return
    }
    let coefficients = Self.lowFrequencies(grey)
    let sorted = coefficients.dropFirst().sorted()
    let median = sorted[sorted.count / 2]
    bits = coefficients.reduce(0) { $0 << 1 | ($1 >= median ? 1 : 0) }
  }

  /// In how many of 64 bits two hashes differ; 64 where there is nothing to compare.
  public func distance(to other: PerceptualHash) -> Int {
    bits == 0 || other.bits == 0 ? 64 : (bits ^ other.bits).nonzeroBitCount
  }

  private static let side = 32
  private static let kept = 8

  /// `cos((2x + 1) u π / 64)` for each u, then x.
  private static let cosines: [Double] = (0..<kept).flatMap { u in
    (0..<side).map { x in cos(Double((2 * x + 1) * u) * .pi / Double(2 * side)) }
  }

  /// The DCT-II of a square, rows then columns, without the factors that all coefficients share.
  private static func lowFrequencies(_ grey: [Double]) -> [Double] {
    var rows = [Double](repeating: 0, count: side * kept)
    for y in 0..<side {
      for u in 0..<kept {
        var sum = 0.0
        for x in 0..<side { sum += grey[y * side + x] * cosines[u * side + x] }
        rows[y * kept + u] = sum
      }
    }
    var coefficients = [Double](repeating: 0, count: kept * kept)
    for v in 0..<kept {
      for u in 0..<kept {
        var sum = 0.0
        for y in 0..<side { sum += rows[y * kept + u] * cosines[v * side + y] }
        coefficients[v * kept + u] = sum
      }
    }
    return coefficients
  }
}

@testable import ImageCodecs
import Testing

/// Weights that are too many to be kept are the same, one position at a time.
@Suite struct ResampleKernelTests {
  @Test(arguments: [(13, 5), (5, 13), (640, 224), (1_000, 1), (3, 7)], [Interpolation.bilinear, .bicubic])
  func computesTheWeightsThatItStores(sizes: (input: Int, output: Int), interpolation: Interpolation) {
    let positions = sizes.output / 3..<sizes.output
    let kernel = ResampleKernel(
      input: sizes.input,
      output: sizes.output,
      positions: positions,
      interpolation: interpolation
    )
    #expect(kernel.isStored)
    #expect((0..<positions.count).flatMap { kernel.computedWeights(of: $0) } == kernel.weights)
  }

  /// A strip reduced by a large factor: each half keeps its colour, in either direction, without a table.
  @Test(arguments: [true, false]) func reducesAVeryLongSide(isWide: Bool) throws {
    let length = 1_500_000
    let rgb = [UInt8](repeating: 40, count: length / 2 * 3) + [UInt8](repeating: 200, count: length / 2 * 3)
    let image = try Image(width: isWide ? length : 1, height: isWide ? 1 : length, rgb: rgb)
    let kernel = ResampleKernel(input: length, output: 32, positions: 0..<32, interpolation: .bicubic)
    #expect(!kernel.isStored && kernel.weights.isEmpty)
    var resampler = Resampler()
    let small = try resampler.resize(
      image,
      width: isWide ? 32 : 1,
      height: isWide ? 1 : 32,
      interpolation: .bicubic
    )
    #expect(small.rgb[..<(14 * 3)].allSatisfy { $0 == 40 })
    #expect(small.rgb[(18 * 3)...].allSatisfy { $0 == 200 })
  }
}

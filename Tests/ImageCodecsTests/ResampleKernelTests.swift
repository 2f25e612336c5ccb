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

  @Test(
    arguments: [(61, 47, 13, 9), (200, 3, 31, 2), (5, 4, 40, 33), (300, 200, 7, 5), (2, 2, 1, 1)],
    Interpolation.allCases
  )
  func allInstructionSetsGiveTheSameBytes(sizes: (Int, Int, Int, Int), way: Interpolation) throws {
    var state: UInt32 = 7
    let rgb = (0..<sizes.0 * sizes.1 * 3).map { _ in
      state = state &* 1_664_525 &+ 1_013_904_223
      return UInt8(truncatingIfNeeded: state >> 24)
    }
    let image = try Image(width: sizes.0, height: sizes.1, rgb: rgb)
    for source in [image, image.reduced(by: 2)] {
      let results = try ResamplePasses.available.map { passes in
        var resampler = Resampler(passes)
        return try resampler.resize(source, width: sizes.2, height: sizes.3, interpolation: way)
      }
      #expect(results.allSatisfy { $0 == results.last })
    }
  }
}

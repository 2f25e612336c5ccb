import ImageCodecs
import Testing
import TestSupport

/// Random damage to files of every kind: the readers return or throw. `scripts/fuzz` does the same at length.
@Suite struct MutationTests {
  @Test(arguments: PillowFixture.all)
  func `Damaged images do no harm`(fixture: PillowFixture) {
    var mutator = Mutator(seed: 1, fixture.bytes)
    for _ in 0..<60 {
      var file = mutator.next()
      file.withUnsafeMutableBytes { PNGChecksums.repair($0) }
      let exact = Image.DecodingOptions(
        maximumPixels: 1 << 16,
        background: .white,
        appliesOrientation: true
      )
      var fast = exact
      (fast.background, fast.fidelity, fast.coverage) = (nil, .fast, .init(side: 2, crop: 1))
      for options in [exact, fast] {
        if let image = try? Image(decoding: file, options: options) {
          #expect(image.rgb.count == image.width * image.height * 3)
        }
      }
    }
  }
}

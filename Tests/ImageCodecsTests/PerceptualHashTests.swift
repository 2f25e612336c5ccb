import Testing

@testable import ImageCodecs

@Suite struct PerceptualHashTests {
  private func hash(_ image: Image) -> PerceptualHash {
    var resampler = Resampler()
    return PerceptualHash(image, &resampler)
  }

  private func image(_ width: Int, _ height: Int, _ level: (Int, Int) -> Int) throws -> Image {
    try Image(
      width: width,
      height: height,
      rgb: (0..<width * height).flatMap { index -> [UInt8] in
        let grey = UInt8(max(0, min(255, level(index % width, index / width))))
        return [grey, grey, grey]
      }
    )
  }

  /// Smooth hills and valleys, others for each seed, the same at every size.
  private func scene(_ seed: Int, _ width: Int = 400, _ height: Int = 300, lighter: Int = 0) throws -> Image {
    var random = SeededNumbers(seed)
    let waves = (0..<12).map { _ in
      (random.next(-4...4), random.next(-4...4), random.next(0...6), random.next(5...30))
    }
    return try image(width, height) { x, y in
      let sum = waves.reduce(0.0) { sum, wave in
        let turns =
          Double(wave.0) * Double(x) / Double(width) + Double(wave.1) * Double(y) / Double(height)
        return sum + Double(wave.3) * triangle(turns + Double(wave.2) / 7)
      }
      return 128 + lighter + Int(sum)
    }
  }

  /// A wave of period 1 from -1 to 1.
  private func triangle(_ turns: Double) -> Double {
    abs((turns - turns.rounded(.down)) * 4 - 2) - 1
  }

  /// Numbers by the formula that numpy and scipy's DCT were given.
  @Test(arguments: [(1, 0xD711_0FAF_9017_5FC1), (2, 0xB704_12DC_ABA7_FB03), (3, 0xA443_018F_ED6F_25D7)])
  func `The bits are those of pHash by scipy`(seed: Int, bits: UInt64) throws {
    let square = try image(32, 32) { x, y in
      let level: Int = x * x * seed + y * y * (seed + 2) + x * y * 7
      return level % (97 + 40 * seed)
    }
    #expect(hash(square).bits == bits)
  }

  @Test(arguments: 0..<12)
  func `Copies of an image are near it and other images are far`(seed: Int) throws {
    let original = try scene(seed)
    let copies = [
      try scene(seed, 200, 150), try scene(seed, 640, 480), try scene(seed, lighter: 12),
      try Image(decoding: original.jpegData(quality: 30)), original.reduced(by: 3),
      try original.thumbnail(side: 96),
    ]
    for copy in copies { #expect(hash(original).distance(to: hash(copy)) <= 6) }
    for other in (0..<12) where other != seed {
      #expect(hash(original).distance(to: hash(try scene(other))) > 10)
    }
  }

  @Test func `An image of one colour is equal to no other`() throws {
    let white = hash(try image(40, 30) { _, _ in 255 })
    let black = hash(try image(40, 30) { _, _ in 0 })
    let paper = hash(try image(40, 30) { x, _ in 250 + x % 2 })
    #expect(white == .blank && black == .blank && paper == .blank)
    #expect(white.distance(to: black) == 64 && white.distance(to: white) == 64)
    #expect(white.distance(to: hash(try scene(1))) == 64)
  }

  @Test(arguments: [(1, 1), (1, 500), (500, 1), (31, 33)])
  func `Images of every shape have a hash`(width: Int, height: Int) throws {
    let odd = hash(try image(width, height) { x, y in (x * 37 + y * 91) % 256 })
    #expect((odd == .blank) == (width * height == 1))
  }
}

/// A linear congruential generator (Numerical Recipes' constants).
private struct SeededNumbers {
  private var state: UInt32

  init(_ seed: Int) { state = UInt32(truncatingIfNeeded: seed &* 2_654_435_761 &+ 12345) }

  mutating func next(_ range: ClosedRange<Int>) -> Int {
    state = state &* 1_664_525 &+ 1_013_904_223
    return range.lowerBound + Int(state >> 8) % range.count
  }
}

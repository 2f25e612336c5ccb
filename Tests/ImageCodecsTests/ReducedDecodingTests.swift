import Testing

@testable import ImageCodecs

/// `Image.DecodingOptions.Fidelity.fast`: fewer pixels, of which each stands for a square of the file's.
@Suite struct ReducedDecodingTests {
  /// A smooth image with every colour, so that a mean is near all that it is the mean of.
  private func smooth(_ width: Int, _ height: Int) throws -> Image {
    try Image(
      width: width,
      height: height,
      rgb: (0..<width * height).flatMap { index -> [UInt8] in
        let (x, y) = (index % width, index / width)
        return [UInt8(x * 255 / width), UInt8(y * 255 / height), UInt8((x + y) * 255 / (width + height))]
      }
    )
  }

  private func options(_ side: Int, crop: Int? = nil, background: RGBColor? = nil) -> Image.DecodingOptions {
    Image.DecodingOptions(background: background, fidelity: .fast, coverage: .init(side: side, crop: crop))
  }

  private func meanDifference(_ left: [UInt8], _ right: [UInt8]) -> Double {
    zip(left, right).reduce(0) { $0 + abs(Double($1.0) - Double($1.1)) } / Double(left.count)
  }

  @Test(arguments: PillowFixture.all)
  func `A small image is decoded whole`(fixture: PillowFixture) throws {
    for options in [options(512), Image.DecodingOptions(fidelity: .fast)] {
      #expect(try Image(decoding: fixture.bytes, options: options).rgb == fixture.pixels)
    }
  }

  /// Formats without a decoder that scales: the means of what Pillow gives, also for rows read in strips.
  @Test(
    arguments: PillowFixture.all.filter { !$0.name.hasPrefix("JPEG") && !$0.name.hasPrefix("WebP") },
    [1, 2]
  )
  func `A reduced image is the mean of squares`(fixture: PillowFixture, side: Int) throws {
    let whole = try Image(decoding: fixture.bytes, options: Image.DecodingOptions(background: .white))
    let options = options(side, background: .white)
    let factor = options.reduction(width: whole.width, height: whole.height)
    let reduced = try Image(decoding: fixture.bytes, options: options)
    #expect(reduced == whole.reduced(by: factor))
    #expect(reduced.width == (whole.width + factor - 1) / factor)
  }

  @Test(arguments: [(400, 300, 10), (403, 301, 10), (301, 403, 7), (640, 480, 80), (66, 50, 4)])
  func `Scaled JPEG and PNG cover the side and look alike`(width: Int, height: Int, side: Int) throws {
    let whole = try smooth(width, height)
    let files = [try whole.jpegData(quality: 98), try whole.pngData()]
    var resampler = Resampler()
    for file in files {
      let options = options(side)
      let reduced = try Image(decoding: file, options: options)
      #expect(reduced.source.columns.count == width && reduced.source.rows.count == height)
      #expect(
        Double(min(reduced.width, reduced.height)) >= Image.DecodingOptions.reductionMargin * Double(side)
          || reduced == whole
      )
      let exact = try Image(decoding: file)
      let sizes = Preprocessing(resize: side, crop: side).resizedSize(width: width, height: height)
      let (near, far) = (
        try resampler.resize(reduced, width: sizes.width, height: sizes.height),
        try resampler.resize(exact, width: sizes.width, height: sizes.height)
      )
      #expect(meanDifference(near.rgb, far.rgb) < 1)
    }
  }

  @Test func `A preprocessed image has the place and size that the whole one has`() throws {
    let whole = try smooth(403, 397)
    let file = try whole.jpegData(quality: 98)
    var preprocessor = try Preprocessor(Preprocessing(resize: 16, crop: 12))
    for orientation in 1...8 {
      let exact = try preprocessor.croppedImage(of: Image(decoding: file).oriented(orientation))
      let fast = try preprocessor.croppedImage(
        of: Image(decoding: file, options: options(16)).oriented(orientation)
      )
      #expect(meanDifference(exact.rgb, fast.rgb) < 0.6)
    }
  }

  @Test func `A cut-off JPEG is refused at every scale`() throws {
    let file = try smooth(300, 200).jpegData()
    for side in [1, 5, 10, 200] {
      let error = #expect(throws: ImageError.self) {
        try Image(decoding: Array(file.dropLast(200)), options: options(side))
      }
      #expect(error?.code == .truncated)
    }
  }

  @Test func `Rows are averaged like squares one by one`() throws {
    var state: UInt64 = 1
    func next(_ bound: Int) -> Int {
      state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
      return Int(state >> 33) % bound
    }
    for _ in 0..<200 {
      let (width, height, factor) = (next(40) + 1, next(40) + 1, next(9) + 2)
      let rgb = (0..<width * height * 3).map { _ in UInt8(next(256)) }
      var reducer = RowReducer(width: width, height: height, factor: factor)
      var row = 0
      while row < height {
        let count = min(next(7) + 1, height - row)
        reducer.add(Array(rgb[row * width * 3..<(row + count) * width * 3]))
        row += count
      }
      let image = reducer.image()
      for y in 0..<image.height {
        for x in 0..<image.width {
          let rows = y * factor..<min((y + 1) * factor, height)
          let columns = x * factor..<min((x + 1) * factor, width)
          let count = rows.count * columns.count
          let sum = rows.reduce(0) { sum, y in
            sum + columns.reduce(0) { $0 + Int(rgb[(y * width + $1) * 3 + 1]) }
          }
          #expect(image.pixel(x: x, y: y)?.green == UInt8((sum + count / 2) / count))
        }
      }
    }
  }

  /// What a crop does not need is not decoded, and what it needs is the same.
  @Test(arguments: [(800, 600), (601, 803), (640, 640), (1600, 300)])
  func `Rows beyond a crop are left out`(width: Int, height: Int) throws {
    let image = try smooth(width, height)
    for file in [try image.jpegData(quality: 98), try image.pngData()] {
      for (side, crop) in [(32, 28), (64, 40), (250, 200), (16, 16)] {
        var preprocessor = try Preprocessor(Preprocessing(resize: side, crop: crop))
        let whole = try Image(decoding: file, options: options(side))
        let window = try Image(decoding: file, options: options(side, crop: crop))
        #expect(window.width == whole.width && window.height <= whole.height)
        #expect(height <= width || side != 64 || window.height < whole.height)
        for orientation in [1, 3, 6, 8] {
          #expect(
            preprocessor.croppedImage(of: window.oriented(orientation))
              == preprocessor.croppedImage(of: whole.oriented(orientation))
          )
        }
      }
    }
  }

  @Test(arguments: [60, 200])
  func `A cut-off PNG is refused though its crop is there`(missing: Int) throws {
    let file = try smooth(300, 400).pngData()
    #expect(throws: ImageError.self) {
      try Image(decoding: Array(file.dropLast(missing)), options: options(20, crop: 10))
    }
  }

  @Test func `A cut-off JPEG is refused though its crop is there`() throws {
    let file = try smooth(300, 400).jpegData()
    let error = #expect(throws: ImageError.self) {
      try Image(decoding: Array(file.dropLast(20)), options: options(40, crop: 20))
    }
    #expect(error?.code == .truncated)
  }
}

/// Weights of means, `MeanWeights`.
@Suite struct MeanWeightsTests {
  private struct Walk {
    var state: UInt64

    mutating func next() -> Double {
      state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
      return Double(state >> 33) / Double(1 << 31)
    }
  }

  private func values(_ kernel: ResampleKernel, of input: [Double]) -> [Double] {
    (0..<kernel.positions.count).map { index in
      (0..<kernel.counts[index]).reduce(0.0) { sum, tap in
        sum + Double(kernel.weights[index * kernel.taps + tap]) / Double(1 << ResampleKernel.fractionBits)
          * input[kernel.starts[index] + tap]
      }
    }
  }

  /// Of lines whose pixels are alike where they are near, as an image's are: against sums of the filter over each mean.
  @Test(arguments: [2, 4, 8, 20], Interpolation.allCases)
  func `Weights of means come nearer to the whole image than sums of the filter`(
    averaging: Int,
    way: Interpolation
  ) {
    var walk = Walk(state: UInt64(averaging))
    var (nearer, plain) = (0.0, 0.0)
    for trial in 0..<40 {
      let output = 20 + trial
      let means = Int(Double(output) * (1.45 + walk.next()))
      let count = means * averaging - trial % averaging
      var level = 128.0
      let line = (0..<count).map { _ in
        level += (walk.next() - 0.5) * 8
        return level
      }
      let reduced = (0..<means).map { mean in
        let pixels = line[mean * averaging..<min((mean + 1) * averaging, count)]
        return pixels.reduce(0, +) / Double(pixels.count)
      }
      let whole = ResampleKernel(input: count, output: output, positions: 0..<output, interpolation: way)
      let fast = ResampleKernel(
        input: means,
        output: output,
        positions: 0..<output,
        interpolation: way,
        source: .init(count: count, averaging: averaging)
      )
      let expected = values(whole, of: line)
      let summed = values(whole, of: line.indices.map { reduced[$0 / averaging] })
      for (index, value) in values(fast, of: reduced).enumerated() {
        nearer += (value - expected[index]) * (value - expected[index])
        plain += (summed[index] - expected[index]) * (summed[index] - expected[index])
      }
      for index in 0..<output {
        let weights = fast.weights[index * fast.taps..<(index + 1) * fast.taps].map { Double($0) }
        let one = Double(1 << ResampleKernel.fractionBits)
        #expect(abs(weights.reduce(0, +) - one) <= Double(fast.taps))
        // Sums of 8-bit samples fit 32 bits.
        #expect(weights.reduce(0) { $0 + abs($1) } < 2 * one)
      }
    }
    #expect(nearer < plain * (averaging == 2 ? 0.75 : 0.5))
  }
}

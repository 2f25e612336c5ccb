import ImageFeatures
import Testing

/// Random damage to files of every kind: the readers return or throw. `scripts/fuzz` does the same at length.
@Suite struct MutationTests {
  @Test(arguments: PillowFixture.all)
  func `Damaged images do no harm`(fixture: PillowFixture) {
    var mutator = Mutator(seed: 1, fixture.bytes)
    for _ in 0..<60 {
      var file = mutator.next()
      file.withUnsafeMutableBytes { PNGChecksums.repair($0) }
      let options = Image.DecodingOptions(
        maximumPixels: 1 << 16,
        background: .white,
        appliesOrientation: true
      )
      if let image = try? Image(decoding: file, options: options) {
        #expect(image.rgb.count == image.width * image.height * 3)
      }
    }
  }

  @Test func `Damaged checkpoints and arrays do no harm`() throws {
    let pickle = PickleBuilder.legacyFile(values: [1, 2]) {
      $0.raw("}")
      $0.text("w")
      $0.tensor(count: 2, shape: [2], strides: [1])
      $0.raw("s")
    }
    let tensor = try Tensor(shape: [2, 2], values: [1, 2, 3, 4])
    for file in [pickle, try Safetensors.encode(["a": tensor]), try NumpyFile.encode(tensor)] {
      var mutator = Mutator(seed: 2, file)
      for _ in 0..<1500 {
        let damaged = mutator.next()
        if let checkpoint = try? Checkpoint(decoding: damaged) {
          for entry in checkpoint.entries {
            #expect(try checkpoint.tensor(named: entry.name).shape == entry.shape)
          }
        }
        if let array = try? NumpyFile(decoding: damaged) {
          #expect(try array.tensor().shape == array.shape)
        }
      }
    }
  }
}

/// Bit flips, telling values, cuts, repeats and insertions, from a seed.
struct Mutator {
  private let original: [UInt8]
  private var state: UInt64

  init(seed: UInt64, _ original: [UInt8]) {
    self.original = original
    state = seed
  }

  mutating func next() -> [UInt8] {
    var file = original
    for _ in 0...random(below: 4) where !file.isEmpty { damage(&file) }
    return file
  }

  private mutating func damage(_ file: inout [UInt8]) {
    let position = random(below: file.count)
    switch random(below: 6) {
    case 0: file[position] ^= 1 << UInt8(random(below: 8))
    case 1: file[position] = [0, 1, 0x7F, 0x80, 0xFF][random(below: 5)]
    case 2: file[position] = UInt8(random(below: 256))
    case 3: file.removeSubrange(position..<min(file.count, position + 1 + random(below: 16)))
    case 4:
      file.insert(
        contentsOf: file[position..<min(file.count, position + 1 + random(below: 16))],
        at: position
      )
    default:
      for index in position..<min(file.count, position + 4) { file[index] = random(below: 2) == 0 ? 0 : 0xFF }
    }
  }

  /// SeededGenerator.
  private mutating func random(below bound: Int) -> Int {
    state &+= 0x9E37_79B9_7F4A_7C15
    var z = state
    z = (z ^ z >> 30) &* 0xBF58_476D_1CE4_E5B9
    z = (z ^ z >> 27) &* 0x94D0_49BB_1331_11EB
    return Int((z ^ z >> 31) % UInt64(bound))
  }
}

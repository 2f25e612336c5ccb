internal import Basics

/// Random damage to a file, the same for a seed: bit flips, telling values, cuts, repeats and insertions.
public struct Mutator {
  private let original: [UInt8]
  private var generator: SeededGenerator

  /// Damages copies of `original`.
  public init(seed: UInt64, _ original: [UInt8]) {
    self.original = original
    generator = SeededGenerator(seed: seed)
  }

  /// Another damaged copy.
  public mutating func next() -> [UInt8] {
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

  private mutating func random(below bound: Int) -> Int {
    Int(generator.next() % UInt64(bound))
  }
}

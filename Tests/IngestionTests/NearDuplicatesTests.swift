import Basics
import ImageCodecs
import Testing

@testable import Ingestion

struct NearDuplicatesTests {
  private func hash(_ bits: UInt64) -> PerceptualHash { PerceptualHash(bits: bits) }

  @Test func theNearestImageIsTheOriginalAndTheFirstOfSeveral() {
    let known = [4: hash(0xFF), 9: hash(0xFFF), 2: hash(0xFFF0_0000)]
    let images = NearDuplicates(DuplicateSearch(.skip, distance: 4), known: known)
    #expect(images.decide(hash(0x7FF), at: 20)?.original == 9)
    #expect(images.decide(hash(0x3FF), at: 21)?.original == 4, "two bits from both")
    #expect(images.decide(hash(0xFFFF_0000), at: 22)?.original == 2)
    #expect(images.decide(hash(0xF000_FFFF_0000_0000), at: 23) == nil)
    #expect(images.decide(hash(0xF000_FFFF_0000_0001), at: 24)?.original == 23)
  }

  @Test func anImageThatShowsNothingIsNoDuplicate() {
    let images = NearDuplicates(DuplicateSearch(.skip), known: [0: .blank, 1: hash(1)])
    #expect(!images.note(.blank, at: 2) && images.decide(.blank, at: 2) == nil)
    #expect(!images.note(.blank, at: 3) && images.decide(.blank, at: 3) == nil)
  }

  /// In every order of the workers, what is decided is what one after the other would find, and no worker takes an image for
  /// one of its own that a known image is like.
  @Test(arguments: 0..<40)
  func theOrderOfWorkersDecidesNothing(seed: Int) {
    var random = SeededGenerator(seed: UInt64(seed))
    // Clusters of hashes a few bits around their middles, chains among them.
    let middles = (0..<12).map { _ in UInt64.random(in: 1 ... .max, using: &random) }
    let hashes = (0..<300).map { _ in
      (0..<Int.random(in: 0...9, using: &random)).reduce(middles.randomElement(using: &random) ?? 1) {
        bits,
        _ in
        bits ^ 1 << UInt64.random(in: 0..<64, using: &random)
      }
    }.map(hash)
    var originals: [Int] = []
    let expected = hashes.indices.map { position -> Int? in
      let best = originals.map { ($0, hashes[$0].distance(to: hashes[position])) }.filter { $0.1 <= 10 }
        .min { ($0.1, $0.0) < ($1.1, $1.0) }
      if best == nil { originals.append(position) }
      return best?.0
    }
    let images = NearDuplicates(DuplicateSearch(.skip), known: [:])
    var (waiting, next) = ([Int](), 0)
    var noted: [Int: Bool] = [:]
    for position in hashes.indices {
      while next < hashes.count, next < position + 16 {
        waiting.append(next)
        next += 1
      }
      waiting.shuffle(using: &random)
      while noted[position] == nil, let other = waiting.popLast() {
        noted[other] = images.note(hashes[other], at: other)
      }
      let found = images.decide(hashes[position], at: position)
      #expect(found?.original == expected[position])
      #expect(originals.isEmpty || expected[position] != nil || noted[position] != nil)
    }
  }
}

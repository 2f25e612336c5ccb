import Basics
import ImageSources
import Testing

@testable import Ingestion

/// What is done otherwise for a long list: contents in a file, numbers in two passes, beside what a dictionary says.
struct LongListTests {
  private func hash(_ content: Int) -> String { SHA256.hexadecimal(of: "\(content)") }

  private func expect(_ contents: ImageContents, _ expected: [Int: String], _ comment: Comment) {
    for position in 0...(expected.keys.max() ?? 0) + 5 {
      #expect(contents.hash(at: position) == expected[position], comment)
    }
    // Equal contents have one number, and each number is of one content.
    let numbers = Dictionary(grouping: expected.keys) { contents[$0] }
    #expect(numbers.values.allSatisfy { Set($0.map { expected[$0] }).count == 1 }, comment)
    #expect(numbers.count == Set(expected.values).count && numbers[nil] == nil, comment)
  }

  @Test(arguments: [1, 2, 3, 127, 128, 129, 300, 1 << 16])
  func contentsOfAnyNumberInMemoryAreThoseOfADictionary(room: Int) {
    var random = SeededGenerator(seed: UInt64(room))
    for pages in [StoredPages(), StoredPages(in: "/dev/null")] {
      for kinds in [1, 50, 2000] {
        var (contents, expected) = (ImageContents(inMemory: room, pages: pages), [Int: String]())
        var inserted: Set<String> = []
        for _ in 0..<Int.random(in: 0...1500, using: &random) {
          let position = Int.random(in: 0...2000, using: &random)
          let hash = hash(Int.random(in: 0..<kinds, using: &random))
          contents.insert(hash, at: position)
          contents.insert(String(hash.dropLast()), at: position + 1)
          expected[position] = hash
          inserted.insert(hash)
        }
        expect(contents, expected, "\(room) in memory, \(kinds) kinds")
        #expect(contents.count == inserted.count)
        #expect(Set((0..<contents.count).map { contents.hash($0) }) == inserted)
      }
    }
  }

  /// Copies share the file in which their first contents are, and go on differently.
  @Test func copiesOfContentsInAFileAreListsOfTheirOwn() {
    var (first, expected) = (ImageContents(inMemory: 3), [Int: String]())
    for position in 0..<400 {
      expected[position] = hash(position)
      first.insert(hash(position), at: position)
    }
    var (second, other) = (first, expected)
    for position in 350..<900 {
      first.insert(hash(position + 5000), at: position)
      expected[position] = hash(position + 5000)
      second.insert(hash(-position), at: position)
      other[position] = hash(-position)
    }
    expect(first, expected, "the first")
    expect(second, other, "the second")
  }

  @Test(arguments: 0..<12)
  func repeatedNumbersAreThoseOfADictionary(seed: UInt64) {
    var random = SeededGenerator(seed: seed)
    let largest = [1, 40, 1000, Int.max][Int(seed) % 4]
    let all = (0..<Int.random(in: 0...700, using: &random)).map { _ in
      (
        number: Int.random(in: -largest...largest, using: &random),
        times: UInt8.random(in: 1...2, using: &random)
      )
    }
    let numbers = all.map(\.number) + all.suffix(50).map(\.number)
    let times = all.map(\.times) + all.suffix(50).map(\.times)
    let wanted = numbers.filter { _ in Bool.random(using: &random) }
    var counts: [Int: Int] = [:]
    for (number, times) in zip(numbers, times) { counts[number, default: 0] += Int(times) }
    // How many bits there are is a matter of speed: with few of them most numbers share one.
    for (limit, total) in [
      (1 << 16, numbers.count), (wanted.count, numbers.count), (wanted.count - 1, numbers.count), (0, 1),
      (0, 1 << 12),
    ] {
      let repeated = RepeatedNumbers(wanted.count, wanted, of: total, atOnce: limit) { add in
        for (number, times) in zip(numbers, times) { add(number, times) }
      }
      let wrong = wanted.filter { repeated.contains($0) != (counts[$0, default: 0] > 1) }
      #expect(wrong.isEmpty, "at once \(limit)")
    }
  }
}

import Basics
import Foundation
import Testing
import TestSupport

struct JSONScannerTests {
  private func scan<Result>(_ text: String, _ body: (inout JSONScanner) throws -> Result) throws -> Result {
    try Array(text.utf8).withUnsafeBytes { bytes in
      var scanner = JSONScanner(bytes)
      return try body(&scanner)
    }
  }

  @Test func readsObjectsStringsAndNumbers() throws {
    let text = #" {"a" : [1, -2.5e3, 0], "b\n\"\u00e9\ud83d\ude00" : "x\/y", "c": {}, "d": [] , "e": null} "#
    var keys: [String] = []
    var numbers: [Double] = []
    try scan(text) { scanner in
      try scanner.object { key, scanner in
        keys.append(key)
        if key == "a" {
          try scanner.array { numbers.append(try $0.number()) }
        } else {
          try scanner.skipValue()
        }
      }
      try scanner.end()
    }
    #expect(keys == ["a", "b\n\"é😀", "c", "d", "e"])
    #expect(numbers == [1, -2500, 0])
  }

  private static let halves = [
    (#""\ud800x""#, 1), (#""a\ud800\u0041""#, 2), (#""é\udc00""#, 3), (#""\ud83d\ude00\udbff""#, 13),
    (#""\ud800\ud800\udc00""#, 1), (#"{"\ud800": 1}"#, 2),
  ]

  @Test(arguments: halves)
  func halfOfASurrogatePairIsRefusedWithItsPlace(text: String, byte: Int) throws {
    let problem = JSONScanner.Problem(
      "a JSON string has half of a surrogate pair at byte \(byte). Fix: write the text without it"
    )
    #expect(throws: problem) {
      try scan(text) { scanner in
        guard !scanner.isAtString else { return _ = try scanner.string() }
        try scanner.object { _, scanner in try scanner.skipValue() }
      }
    }
  }

  @Test(arguments: halves)
  func halfOfASurrogatePairIsPassedOverInAValueThatIsSkipped(text: String, byte: Int) throws {
    try scan("[\(text), {\"path\": \(text)}]") {
      try $0.skipValue()
      try $0.end()
    }
  }

  @Test(arguments: [
    "", "{", "[", "{\"a\"}", "{\"a\":}", "[1,]", "[1 2]", "{\"a\":1,}", "]", "\"", "\"\\x\"", "\"\\u12g4\"",
    "{\"a\":[}]", "[\"\u{1}\"]", "{1:2}", "[}", ",", ":",
  ])
  func refusesWhatIsNotJSON(text: String) {
    #expect(throws: JSONScanner.Problem.self) {
      try scan(text) {
        try $0.skipValue()
        try $0.end()
      }
    }
  }

  @Test func nestingIsLimited() throws {
    let deep = { String(repeating: "[", count: $0) + String(repeating: "]", count: $0) }
    try scan(deep(JSONScanner.depthLimit)) { try $0.skipValue() }
    #expect(throws: JSONScanner.Problem.self) { try scan(deep(1_000_000)) { try $0.skipValue() } }
  }

  /// What the scanner refuses, Foundation's parser refuses too.
  @Test func damagedValuesDoNoHarm() throws {
    let seed = #"{"id": 7, "class": "caf\u00e9", "vector": [0.5, -1e-3, 2], "more": {"x": [true, null, {}]}}"#
    var mutator = Mutator(seed: 5, Array(seed.utf8))
    for _ in 0..<4000 {
      let bytes = mutator.next()
      let accepted = bytes.withUnsafeBytes { bytes -> Bool in
        var scanner = JSONScanner(bytes)
        return (try? scanner.skipValue()) != nil && (try? scanner.end()) != nil
      }
      // Foundation takes a NUL for a sign of UTF-16 or UTF-32, and a comma before a closing bracket, as JSON does not.
      let text = String(decoding: bytes, as: UTF8.self)
      if !accepted, !bytes.contains(0), !text.contains(/,\s*[\]}]/) {
        let foundations = try? JSONSerialization.jsonObject(with: Data(bytes), options: .fragmentsAllowed)
        #expect(foundations == nil, "\(text)")
      }
    }
  }
}

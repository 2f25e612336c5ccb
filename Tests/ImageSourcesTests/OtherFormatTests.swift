import Foundation
import TestSupport
import Testing

@testable import ImageSources

/// CSV, JSON lines, NumPy and the TEXMEX formats.
struct OtherFormatTests {
  @Test(arguments: [
    "id,class,image_vector\n3,cat,\"{1,2}\"\n4,,\"[3, 4]\"\n",
    "image_vector,id,label\n\"{1,2}\",3,cat\n\"[3, 4]\",4,\n",
    "id,class,f0,f1\n3,cat,1,2\n4,,3,4\n",
    "3,cat,\"{1,2}\"\n4,,\"{3,4}\"\n",
    "3,cat,1,2\r\n4,, 3 ,4\r\n",
  ])
  func everyLayoutOfCSVGivesTheSameRows(text: String) throws {
    #expect(try rows(of: text, name: "f.csv") == ["3|cat|1.0,2.0", "4|NULL|3.0,4.0"])
  }

  @Test func withoutIdsRowsAreCounted() throws {
    #expect(try rows(of: "vector\n\"[1]\"\n\"[2]\"\n", name: "f.csv") == ["0|NULL|1.0", "1|NULL|2.0"])
    #expect(
      try rows(of: "{\"vector\":[1]}\n{\"vector\":[2]}\n", name: "f.jsonl") == ["0|NULL|1.0", "1|NULL|2.0"]
    )
  }

  @Test(arguments: [
    ("id,class,vector\n1,a,\"{1}\",9\n", "line 2: it has 4 fields where the first has 3"),
    ("id,class,vector\n1,a,x\n", "line 2: its vector has something other than a number at element 0"),
    ("a,b,c\n", "line 1: without a header a row is id,class,vector; the first field is not an integer"),
    (
      "id,class\n",
      "line 1: the header names no vector column (vector, embedding, features) and no run of numbers"
    ),
  ])
  func brokenCSVIsRefused(text: String, message: String) throws {
    #expect(try complaint(text, name: "f.csv") == message)
  }

  @Test func jsonLinesTakeTheMembersTheyNeed() throws {
    let text = """
      {"id": 1, "class": "a\\u00e9\\ud83d\\ude00\\n", "path": "\\udce9.jpg", "extra": {"x": [1, {"y": "}"}]}, "vector": [1, -2.5e1]}
      {"embedding":[3,4],"label":null,"more":true,"id":2}

      """
    #expect(try rows(of: text, name: "f.jsonl") == ["1|aé😀\n|1.0,-25.0", "2|NULL|3.0,4.0"])
  }

  @Test(arguments: [
    ("{\"id\":1,\"vector\":[1,]}\n", "line 1: its vector has something other than a number at element 1"),
    ("{\"id\":1,\"vector\":[1}\n", "line 1: its vector is cut short"),
    ("{\"id\":1}\n", "line 1: it has no member \"vector\" with numbers"),
    ("{\"id\":1.5,\"vector\":[1]}\n", "line 1: the id 1.5 is not an integer"),
    ("{\"id\":null,\"vector\":[1]}\n", "line 1: the id null is not an integer"),
    ("{\"id\":\"a\",\"vector\":[1]}\n", "line 1: the id \"a\" is not an integer"),
    ("{\"id\":1,\"vector\":\"[1,]\"}\n", "line 1: its vector has something other than a number at element 1"),
    ("{\"vector\":[1]}\n[1]\n", "line 2: a line is a JSON object {…}"),
    ("{\"class\":\"a", "line 1: a JSON string does not end"),
  ])
  func brokenJSONIsRefused(text: String, message: String) throws {
    #expect(try complaint(text, name: "f.jsonl") == message)
  }

  /// As `row_to_json` writes rows with a vector of pgvector's, and databases write large ids for JavaScript.
  @Test func vectorsAndIdsInQuotesAreRead() throws {
    let text =
      "{\"id\":\"7\",\"class\":\"a\",\"image_vector\":\"[1,-2.5]\"}\n{\"id\":8,\"vector\":\"{3,4}\"}\n"
    #expect(try rows(of: text, name: "f.jsonl") == ["7|a|1.0,-2.5", "8|NULL|3.0,4.0"])
  }

  @Test func theNameThatSaysItBestIsTaken() throws {
    let text = "position,name,id,class,features,vector\n0,a.jpg,7,cat,9,\"{1,2}\"\n"
    #expect(try rows(of: text, name: "f.csv") == ["7|cat|1.0,2.0"])
    #expect(
      try complaint("id,class,id,vector\n1,a,2,\"{1}\"\n", name: "f.csv")
        == "line 1: the header has 2 columns id. Fix: leave all but one out of the file"
    )
  }

  @Test(arguments: [
    (
      "f.csv", "key,label,embedding\n7,a,\"{1}\"\n",
      "column id, so the rows are numbered from 0; the column key is not read"
    ),
    (
      "f.csv", "a,b,vector\n7,8,\"{1}\"\n",
      "column id, so the rows are numbered from 0; the column a and 1 more are not read"
    ),
    (
      "f.jsonl", "{\"key\":7,\"vector\":[1]}\n",
      "member id, so the rows are numbered from 0; the member key is not read"
    ),
    ("f.csv", "class,vector\na,\"{1}\"\n", nil), ("f.csv", "id,width,vector\n7,8,\"{1}\"\n", nil),
    ("f.jsonl", "{\"id\":7,\"x\":8,\"vector\":[1]}\n", nil),
  ])
  func whatMayHaveBeenMeantForIdsIsNamed(name: String, text: String, notice: String?) throws {
    let scratch = try TemporaryFolder()
    let path = try scratch.file(name, text)
    let reader = try FeatureSource(path: path).open()
    #expect(reader.notice == notice.map { "\(reader.name) has no \($0)" })
  }

  /// Headers as `numpy.save` writes them.
  private func npy(_ descr: String, shape: String, order: String = "False", _ data: [UInt8]) -> [UInt8] {
    var header = "{'descr': '\(descr)', 'fortran_order': \(order), 'shape': \(shape), }"
    header += String(repeating: " ", count: 64 - (header.utf8.count + 11) % 64) + "\n"
    let length = header.utf8.count
    return NumPyHeader.magic + [1, 0, UInt8(length & 255), UInt8(length >> 8)] + Array(header.utf8) + data
  }

  private func bytes<Word: FixedWidthInteger>(_ words: [Word]) -> [UInt8] {
    words.flatMap { word in withUnsafeBytes(of: word) { Array($0) } }
  }

  @Test func numPyArraysOfEveryElementAreRead() throws {
    let scratch = try TemporaryFolder()
    let floats: [Float] = [1, -2.5, 3, 4]
    let forms: [(String, [UInt8])] = [
      ("<f4", bytes(floats.map(\.bitPattern.littleEndian))),
      (">f4", bytes(floats.map(\.bitPattern.bigEndian))),
      ("<f8", bytes(floats.map { Double($0).bitPattern.littleEndian })),
      ("<i4", bytes([1, -2, 3, 4] as [Int32])), ("|i1", bytes([1, -2, 3, 4] as [Int8])),
      ("<i8", bytes([1, -2, 3, 4] as [Int64])),
      ("<f2", bytes([0x3C00, 0xC100, 0x4200, 0x4400] as [UInt16])),
    ]
    for (descr, data) in forms {
      let path = try scratch.file("a.npy", npy(descr, shape: "(2, 2)", data))
      #expect(
        try rows(of: FeatureSource(path: path)) == [
          "0|NULL|1.0,\(descr.contains("i") ? "-2.0" : "-2.5")", "1|NULL|3.0,4.0",
        ],
        "\(descr)"
      )
    }
    let columns = bytes([1, 3, -2.5, 4].map { Float($0).bitPattern.littleEndian })
    let fortran = try scratch.file("f.npy", npy("<f4", shape: "(2, 2)", order: "True", columns))
    #expect(try rows(of: FeatureSource(path: fortran)) == ["0|NULL|1.0,-2.5", "1|NULL|3.0,4.0"])
    let two = try scratch.file("two.npy", npy("<f4", shape: "(2, 2)", columns + columns))
    #expect(throws: CollectionError.self) { try FeatureSource(path: two).open() }
    let labels = try scratch.file("labels.txt", "cat\n\n")
    #expect(
      try rows(of: FeatureSource(path: scratch.path + "/a.npy", labels: labels)) == [
        "0|cat|1.0,-2.5", "1|NULL|3.0,4.0",
      ]
    )
  }

  @Test func labelsAreReadInStepWithTheRows() throws {
    let scratch = try TemporaryFolder()
    let file = npy("<f4", shape: "(4, 1)", bytes([0, 1, 2, 3].map { Float($0).bitPattern.littleEndian }))
    let long = String(repeating: "🐈", count: 50_000)
    let source = FeatureSource(
      path: try scratch.file("a.npy", file),
      labels: try scratch.file("labels.txt", "cat\r\n\(long)\n\nlast")
    )
    #expect(try rows(of: source) == ["0|cat|0.0", "1|\(long)|1.0", "2|NULL|2.0", "3|last|3.0"])
    let resumed = try source.open()
    try resumed.skip(to: SourcePlace(position: 3, offset: file.count - 4, line: 1))
    var batch = FeatureBatch(firstPosition: 3)
    _ = try resumed.read(into: &batch, limit: 9)
    #expect(batch.labels == ["last"])
  }

  @Test func brokenNumPyFilesAreRefused() throws {
    let scratch = try TemporaryFolder()
    let whole = npy("<f4", shape: "(2, 2)", [UInt8](repeating: 0, count: 16))
    for count in 1..<whole.count {
      let path = try scratch.file("a.npy", Array(whole.prefix(count)))
      #expect(throws: CollectionError.self, "cut at byte \(count)") {
        try rows(of: FeatureSource(path: path))
      }
    }
    for odd in [
      npy("<f4", shape: "(4,)", []), npy("<c8", shape: "(1, 1)", []),
      npy("<f4", shape: "(1, 1)", order: "True", []),
      npy("<f4", shape: "(4611686018427387904, 4611686018427387904)", []),
      npy("<f4", shape: "(2, 2305843009213693951)", []), npy("<f4", shape: "(9223372036854775807, 1)", []),
    ] {
      let path = try scratch.file("a.npy", odd)
      #expect(throws: CollectionError.self) { try rows(of: FeatureSource(path: path)) }
    }
    let path = try scratch.file("a.npy", whole)
    let labels = try scratch.file("labels.txt", "cat\n")
    #expect(throws: CollectionError.self) { try rows(of: FeatureSource(path: path, labels: labels)) }
  }

  @Test func vecsFilesAreReadAndTheirCutsRefused() throws {
    let scratch = try TemporaryFolder()
    let one = bytes(
      [2, Int32(bitPattern: Float(1).bitPattern), Int32(bitPattern: Float(-2).bitPattern)] as [Int32]
    )
    let path = try scratch.file("a.fvecs", one + one)
    #expect(try rows(of: FeatureSource(path: path)) == ["0|NULL|1.0,-2.0", "1|NULL|1.0,-2.0"])
    for count in 1..<one.count {
      let cut = try scratch.file("cut.fvecs", one + one.prefix(count))
      #expect(throws: CollectionError.self) { try rows(of: FeatureSource(path: cut)) }
    }
    let small = try scratch.file("a.bvecs", bytes([2 as Int32]) + [7, 255])
    #expect(try rows(of: FeatureSource(path: small)) == ["0|NULL|7.0,255.0"])
  }

  @Test func theFormatIsFoundWithoutAName() throws {
    let scratch = try TemporaryFolder()
    let vecs = bytes([1, 0] as [Int32])
    #expect(try rows(of: "1|a|{1}\n", name: "x") == ["1|a|1.0"])
    #expect(try rows(of: "1,a,\"{1}\"\n", name: "x.csv") == ["1|a|1.0"])
    #expect(try rows(of: "{\"vector\":[1]}\n", name: "x") == ["0|NULL|1.0"])
    #expect(throws: CollectionError.self) { try rows(of: "hello\n", name: "x") }
    #expect(throws: CollectionError.self) { try rows(of: "", name: "x") }
    let named = FeatureSource(path: try scratch.file("x", vecs), format: .fvecs)
    #expect(try rows(of: named) == ["0|NULL|0.0"])
  }

  @Test func aFingerprintFollowsTheContent() throws {
    let scratch = try TemporaryFolder()
    let path = try scratch.file("f.txt", "1|a|{1}\n")
    let before = try FeatureSource(path: path).fingerprint()
    #expect(try FeatureSource(path: path).fingerprint() == before)
    _ = try scratch.file("f.txt", "1|a|{2}\n")
    #expect(try FeatureSource(path: path).fingerprint() != before)
    #expect(try FeatureSource(path: "-").fingerprint() == nil)
  }
}

import Foundation
import TestSupport
import Testing

@testable import ImageSources

/// Nothing is guessed, and nothing is lost without a word: what cannot be told for certain is refused.
struct HonestRowsTests {
  @Test(arguments: [
    ("1,5,\"{1,2}\"\n", ["1|5|1.0,2.0"]),
    ("id,class,x1,x2\n1,5,1,2\n", ["1|5|1.0,2.0"]),
    ("1,0.5,1\n", ["1|NULL|0.5,1.0"]),
  ])
  func aClassOfDigitsIsAClass(text: String, expected: [String]) throws {
    #expect(try rows(of: text, name: "f.csv") == expected)
  }

  @Test(arguments: [
    (
      "1,5,0.25,0.5\n", "f.csv",
      "line 1: without a header the second field, 5, may be a class or a number; name the columns: id,class,x1,x2…"
    ),
    (
      "1,cat,0.25,0.5\n2,cat,0.25,0.7", "f.csv",
      "line 2: the last line has no line end, so its last number may be cut short; end the line if it is whole"
    ),
    ("{\"class\":[1],\"vector\":[1]}\n", "f.jsonl", "line 1: its class is neither text nor a number"),
  ])
  func whatCannotBeToldIsRefused(text: String, name: String, message: String) throws {
    #expect(try complaint(text, name: name) == message)
  }

  @Test func aNumberIsAClassInJSON() throws {
    let text =
      "{\"class\":7,\"vector\":[1]}\n{\"class\":true,\"vector\":[1]}\n{\"class\":null,\"vector\":[1]}\n"
    #expect(try rows(of: text, name: "f.jsonl") == ["0|7|1.0", "1|true|1.0", "2|NULL|1.0"])
  }

  @Test(arguments: ["f.txt", "f.csv", "f.jsonl"])
  func aClassThatIsNotUTF8IsRefused(name: String) throws {
    let before = ["f.txt": "1|", "f.csv": "1,", "f.jsonl": "{\"class\":\""]
    let after = ["f.txt": "|{1}\n", "f.csv": ",\"{1}\"\n", "f.jsonl": "\",\"vector\":[1]}\n"]
    let scratch = try TemporaryFolder()
    let bytes = Array((before[name] ?? "").utf8) + [0x63, 0xE9, 0x74] + Array((after[name] ?? "").utf8)
    let source = FeatureSource(path: try scratch.file(name, bytes))
    let error = #expect(throws: CollectionError.self) { try rows(of: source) }
    #expect(error?.reason.hasSuffix("is not UTF-8") == true)
  }

  /// Every cut of a file is noticed, unless it falls between two rows.
  @Test(arguments: [
    ("f.txt", "1|a|{1,2}\n"), ("f.csv", "1,a,\"{1,2}\"\n"), ("g.csv", "1,a,1.5,2.5\n"),
    ("f.jsonl", "{\"id\":1,\"class\":\"a\",\"vector\":[1,2]}\n"),
  ])
  func aCutAnywhereIsNoticed(name: String, line: String) throws {
    let whole = line + line
    // Behind the closing bracket a row is whole with or without its line end; numbers in columns need it.
    let isWhole =
      [line.utf8.count, line.utf8.count * 2]
      + (name == "g.csv" ? [] : [line.utf8.count - 1, line.utf8.count * 2 - 1])
    let expected = try rows(of: line, name: name)[0]
    for count in 1..<whole.utf8.count where !isWhole.contains(count) {
      let text = String(decoding: whole.utf8.prefix(count), as: UTF8.self)
      #expect(try complaint(text, name: name) != nil, "cut at byte \(count)")
    }
    for count in isWhole {
      let text = String(decoding: whole.utf8.prefix(count), as: UTF8.self)
      #expect(try rows(of: text, name: name).allSatisfy { $0 == expected })
    }
  }

  @Test(arguments: [
    "1|a|{1}\n", "1,a,{1}\n", "id,class,vector\n1,a,{1}\n", "{\"id\":1,\"class\":\"a\",\"vector\":[1]}\n",
  ])
  func aByteOrderMarkIsNoPartOfARow(text: String) throws {
    let name = text.contains("|") ? "f.txt" : text.hasPrefix("{") ? "f.jsonl" : "f.csv"
    #expect(try rows(of: "\u{FEFF}" + text, name: name) == ["1|a|1.0"])
  }

  @Test func aByteOrderMarkIsNoPartOfAClass() throws {
    let scratch = try TemporaryFolder()
    let mark = ByteOrderMark.bytes
    let image = try scratch.file("p/a.png", "x")
    let table = LabelFileUnderTest(try scratch.file("l.csv", mark + Array("a.png,cat\n".utf8)))
    #expect(try table.collection(image).entry(at: 0).label == "cat")
    let lines = try LabelLines(path: scratch.file("l.txt", mark + Array("cat\ndog\n".utf8)))
    #expect(try [lines.label(0), lines.label(1)] == ["cat", "dog"])
  }

  @Test func aClassForNoImageIsToldAndChangesTheFingerprint() throws {
    let scratch = try TemporaryFolder()
    let image = try scratch.file("p/a.png", "x")
    let table = LabelFileUnderTest(try scratch.file("l.csv", "a.png,cat\nb.png,dog\n"))
    let before = try table.collection(image)
    #expect(
      before.warnings == ["paths in the labels that \(scratch.path)/p does not have: 1, such as b.png"]
    )
    _ = try scratch.file("l.csv", "a.png,dog\n")
    let after = try table.collection(image)
    #expect(after.warnings == [])
    #expect(before.fingerprint() != after.fingerprint())
  }

  @Test func classesFromAPipeAreRefused() throws {
    let scratch = try TemporaryFolder()
    let pipe = scratch.path + "/pipe"
    #expect(mkfifo(pipe, 0o600) == 0)
    let error = #expect(throws: CollectionError.self) { try LabelLines(path: pipe) }
    #expect(error?.reason == "classes are read twice, which needs a regular file")
    #expect(throws: CollectionError.self) { try LabelFile(path: pipe) }
  }

  /// A file of classes beside a folder of images.
  private struct LabelFileUnderTest {
    let path: String

    init(_ path: String) { self.path = path }

    func collection(_ image: String) throws -> FolderCollection {
      try FolderCollection(
        path: (image as NSString).deletingLastPathComponent,
        labels: LabelFile(path: path)
      )
    }
  }
}

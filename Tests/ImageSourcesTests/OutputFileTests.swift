import Basics
import Foundation
import Glibc
import TestSupport
import Testing

@testable import ImageSources

/// A file appears when it is whole, and not before.
struct OutputFileTests {
  @Test func whatStoodThereStaysUntilTheEnd() throws {
    let scratch = try TemporaryFolder()
    let path = try scratch.file("f.txt", "before")
    do {
      let writer = try FeatureOutput.open(path, format: nil)
      try writer.write(id: 1, label: "a", vector: [1])
    }
    #expect(try String(contentsOfFile: path, encoding: .utf8) == "before")
    #expect(try FileManager.default.contentsOfDirectory(atPath: scratch.path) == ["f.txt"])
    let writer = try FeatureOutput.open(path, format: nil)
    try writer.write(id: 1, label: "a", vector: [1])
    try writer.finish()
    #expect(try String(contentsOfFile: path, encoding: .utf8) == "1|a|{1}\n")
  }

  @Test func nothingIsSeenOfAFileThatIsNotWhole() throws {
    let scratch = try TemporaryFolder()
    let writer = try FeatureOutput.open(scratch.path + "/f.npy", format: nil)
    for id in 0..<100 {
      try writer.write(id: ImageID(Int64(id)), label: nil, vector: [Float](repeating: 1, count: 1000))
    }
    // A process that is killed here leaves nothing behind.
    #expect(try FileManager.default.contentsOfDirectory(atPath: scratch.path) == [])
    try writer.finish()
    #expect(try FileManager.default.contentsOfDirectory(atPath: scratch.path) == ["f.npy"])
    #expect(try rows(of: FeatureSource(path: scratch.path + "/f.npy")).count == 100)
  }

  @Test func aFolderOfAnotherEncodingTakesFiles() throws {
    let scratch = try TemporaryFolder()
    let folder = Array("\(scratch.path)/l".utf8) + [0xE9]
    #expect(mkdir(FileSystem.terminated(folder), 0o755) == 0)
    let path = PathText.text(folder + Array("/f.txt".utf8))
    #expect(AtomicFile.problem(writing: path) == nil)
    try AtomicFile.write("1|a|{1}\n", to: path)
    #expect(try rows(of: FeatureSource(path: path)) == ["1|a|1.0"])
    let writer = try FeatureOutput.open(path, format: nil)
    try writer.write(id: 2, label: "b", vector: [2])
    try writer.finish()
    #expect(try rows(of: FeatureSource(path: path)) == ["2|b|2.0"])
    let error = #expect(throws: CollectionError.self) { try LabelFile(path: path) }
    #expect(error?.code == .labels, "it is found, and has no two fields")
    var names: [[UInt8]] = []
    try Files.forEachName(inFolder: FileSystem.terminated(folder)) { name, _ in names.append(Array(name)) }
    #expect(names == [Array("f.txt".utf8)])
    #expect(
      AtomicFile.problem(writing: PathText.text(folder + Array("x/f.txt".utf8)))?.reason.contains(
        "does not exist"
      ) == true
    )
  }

  @Test func aLinkKeepsPointingAtTheFile() throws {
    let scratch = try TemporaryFolder()
    let path = try scratch.file("f.txt", "before")
    let link = scratch.path + "/link.txt"
    try FileManager.default.createSymbolicLink(atPath: link, withDestinationPath: path)
    let writer = try FeatureOutput.open(link, format: nil)
    try writer.write(id: 2, label: nil, vector: [1])
    try writer.finish()
    #expect(try String(contentsOfFile: path, encoding: .utf8) == "2|\\N|{1}\n")
    #expect(try FileManager.default.destinationOfSymbolicLink(atPath: link) == path)
  }

  @Test(arguments: ["", "two\nlines"])
  func aClassThatIsNoLineIsRefused(label: String) throws {
    let scratch = try TemporaryFolder()
    let writer = try FeatureOutput.open(
      scratch.path + "/f.npy",
      format: nil,
      labels: scratch.path + "/labels.txt"
    )
    #expect(throws: CollectionError.self) { try writer.write(id: 1, label: label, vector: [1]) }
  }

  @Test func whatAFormatCannotDoIsSaidBeforeAnythingIsWritten() throws {
    let scratch = try TemporaryFolder()
    #expect(throws: CollectionError.self) {
      try FeatureOutput.open(scratch.path + "/f.csv", format: nil, labels: scratch.path + "/l.txt")
    }
    #expect(try FileManager.default.contentsOfDirectory(atPath: scratch.path) == [])
  }

  @Test func bytesComeBackAsBytesAndNothingElseIsWrittenAsOne() throws {
    let scratch = try TemporaryFolder()
    let (path, labels) = (scratch.path + "/f.bvecs", scratch.path + "/labels.txt")
    let writer = try FeatureOutput.open(path, format: nil, labels: labels)
    try writer.write(id: 0, label: "cat", vector: [0, 255])
    try writer.write(id: 1, label: nil, vector: [7, 1])
    for odd in [-1, 256, 0.5, Float.nan] {
      #expect(throws: CollectionError.self) { try writer.write(id: 2, label: nil, vector: [odd, 1]) }
    }
    try writer.finish()
    let source = FeatureSource(path: path, labels: labels)
    #expect(try rows(of: source) == ["0|cat|0.0,255.0", "1|NULL|7.0,1.0"])
  }

  @Test func textsOfJSONHaveTheirSpecialCharactersWrittenOut() throws {
    let scratch = try TemporaryFolder()
    let path = scratch.path + "/f.jsonl"
    let writer = try FeatureOutput.open(path, format: nil)
    let labels = ["a\"\\/", "\u{1}\n\u{1F}", "\u{2027}\u{2028}\u{2029}\u{202A}", "\"\u{301}é🐈", ""]
    for label in labels { try writer.write(id: ImageID("x\ty"), label: label, vector: [1]) }
    try writer.finish()
    let texts = [
      #"a\"\\/"#, #"\u0001\n\u001f"#, "\u{2027}\\u2028\\u2029\u{202A}", "\\\"\u{301}é🐈", "",
    ]
    let lines = texts.map { "{\"id\":\"x\\ty\",\"class\":\"\($0)\",\"vector\":[1]}\n" }
    #expect(try Array(Data(contentsOf: URL(fileURLWithPath: path))) == Array(lines.joined().utf8))
  }
}

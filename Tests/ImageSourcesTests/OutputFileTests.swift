import Foundation
import Testing

@testable import ImageSources

/// A file appears when it is whole, and not before.
struct OutputFileTests {
  @Test func whatStoodThereStaysUntilTheEnd() throws {
    let scratch = try Scratch()
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

  @Test func aLinkKeepsPointingAtTheFile() throws {
    let scratch = try Scratch()
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
    let scratch = try Scratch()
    let writer = try FeatureOutput.open(
      scratch.path + "/f.npy",
      format: nil,
      labels: scratch.path + "/labels.txt"
    )
    #expect(throws: CollectionError.self) { try writer.write(id: 1, label: label, vector: [1]) }
  }

  @Test func whatAFormatCannotDoIsSaidBeforeAnythingIsWritten() throws {
    let scratch = try Scratch()
    #expect(throws: CollectionError.self) {
      try FeatureOutput.open(scratch.path + "/f.csv", format: nil, labels: scratch.path + "/l.txt")
    }
    #expect(try FileManager.default.contentsOfDirectory(atPath: scratch.path) == [])
  }

  @Test func bytesComeBackAsBytesAndNothingElseIsWrittenAsOne() throws {
    let scratch = try Scratch()
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
}

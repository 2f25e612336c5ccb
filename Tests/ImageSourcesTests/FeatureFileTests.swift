import Basics
import Foundation
import TestSupport
import Testing

@testable import ImageSources

/// The tutorial's feature file, in every form that Python gives it.
struct FeatureFileTests {
  @Test(arguments: [
    ("7|cat|{1.5,-2}", "7|cat|1.5,-2.0"),
    ("7|\"cat\"|\"{1.5,-2}\"", "7|cat|1.5,-2.0"),
    ("\"7\"|\"cat\"|{1.5,-2}", "7|cat|1.5,-2.0"),
    ("7|'cat'|{1.5, -2}", "7|cat|1.5,-2.0"),
    ("7|b'cat'|[1.5, -2.0]", "7|cat|1.5,-2.0"),
    ("7|\"a \"\"big\"\" cat\"|{1.5,-2}", "7|a \"big\" cat|1.5,-2.0"),
    ("7|\"two\nlines|and a bar\"|{1.5,-2}", "7|two\nlines|and a bar|1.5,-2.0"),
    ("7|bars | inside|{1.5,-2}", "7|bars | inside|1.5,-2.0"),
    ("7||{1.5,-2}", "7||1.5,-2.0"), ("7|a\\|b\\\\\\n|{1.5,-2}", "7|a|b\\\n|1.5,-2.0"),
    ("7|\\N|{1.5,-2}", "7|NULL|1.5,-2.0"),
    // Codes as COPY reads them: three octal digits or two hexadecimal ones, which name bytes.
    ("7|\\x41\\1018\\303\\xa9\\x|{1.5,-2}", "7|AA8éx|1.5,-2.0"),
    ("7|\"\"|{1.5,-2}", "7||1.5,-2.0"),
    ("7|cat|{1.5,-2}\r", "7|cat|1.5,-2.0"),
    ("7|猫🐈\u{10FFFF}|{1.5,-2}", "7|猫🐈\u{10FFFF}|1.5,-2.0"),
    ("7|it's|{1e-3,2E+1}", "7|it's|0.001,20.0"),
  ])
  func anyQuotingIsRead(line: String, row: String) throws {
    #expect(try rows(of: "\(line)\n", name: "f.txt") == [row])
    #expect(try rows(of: line, name: "f.txt") == [row], "without a line end")
  }

  @Test func blankLinesAndTheLastLineEndMeanNothing() throws {
    #expect(try rows(of: "\n1|a|{1}\n\n2|b|{2}\n\n", name: "f.txt") == ["1|a|1.0", "2|b|2.0"])
  }

  @Test(arguments: [
    ("1|a|{1}\nx|b|{2}", "line 2: the id \"x\" is not an integer"),
    ("1|a|{1}\n2|b|{1,2}", "line 2: its vector has 2 numbers where the rows before have 1"),
    ("1|a|{1,}", "line 1: its vector has something other than a number at element 1"),
    ("1|a|{1;2}", "line 1: its vector has something other than a comma between numbers"),
    ("1|a|{1,2", "line 1: its vector is cut short"),
    ("1|a|{1}x", "line 1: text follows the vector"),
    ("1|\\xff|{1}", "line 1: its class is not UTF-8"),
    ("1|a", "line 1: expected id|class|{vector} and found 2 fields"),
    ("1|\"a|{1}", "line 1: a quote opens here and never closes"),
    ("1|\"a\"b|{1}", "line 1: text follows a closing quote; inside quotes a quote is written twice"),
    (
      "1|\"a\n\nb\"|{1}\n2|c|{}",
      "line 4: its vector is empty. Fix: leave rows without a vector out of the file"
    ),
  ])
  func whatIsWrongIsSaidWithItsLine(text: String, message: String) throws {
    #expect(try complaint(text, name: "f.txt") == message)
  }

  /// No cut of a file may pass as a whole row with other numbers.
  @Test func aFileCutAtAnyByteOfItsLastRecordLosesThatRecordAloud() throws {
    let whole = "1|a|{1,2.25}\n2|\"b\"\"x\"|{3,4.75}\n"
    let first = "1|a|{1,2.25}\n".utf8.count
    for cut in first + 1..<whole.utf8.count - 1 {
      let text = String(decoding: Array(whole.utf8.prefix(cut)), as: UTF8.self)
      #expect(try complaint(text, name: "f.txt") != nil, "cut at byte \(cut)")
    }
  }

  @Test func recordsLargerThanTheBufferAreRead() throws {
    let label = String(repeating: "x", count: 10 << 20)
    let text = "1|\(label)|{1}\n2|b|{2}\n"
    let scratch = try TemporaryFolder()
    let source = FeatureSource(path: try scratch.file("f.txt", text))
    #expect(try rows(of: source) == ["1|\(label)|1.0", "2|b|2.0"])
  }

  @Test func readingGoesOnWhereABatchEnded() throws {
    let scratch = try TemporaryFolder()
    let text = "0|a|{1}\n1|\"b\nc\"|{2}\n\n2|d|{3}\nx|e|{4}\n"
    let source = FeatureSource(path: try scratch.file("f.txt", text))
    var batch = FeatureBatch()
    #expect(try source.open().read(into: &batch, limit: 2))
    let place = SourcePlace(position: batch.endPosition, offset: batch.endOffset, line: batch.endLine)
    let reader = try source.open()
    try reader.skip(to: place)
    batch = FeatureBatch(firstPosition: place.position)
    #expect(try reader.read(into: &batch, limit: 1))
    #expect(batch.ids == [2])
    let error = #expect(throws: CollectionError.self) { try reader.read(into: &batch, limit: 1) }
    #expect(error?.line == 6)
  }

  @Test(arguments: [
    ("7|cat|{1.5", true), (" \n7|cat|{1.5", false), ("\"7\"|\"cat\"|\"{1.5", true), ("7|a|b|{1", true),
    ("7|cat", false), ("x|cat|{1}", false), ("7|cat\n|{1}", false), ("\u{89}PNG|a|b", false), ("", false),
  ])
  func aFeatureFileIsRecognisedByItsFirstLine(head: String, isOne: Bool) throws {
    #expect(FeatureFileReader.recognises(Array(head.utf8)) == isOne)
    let scratch = try TemporaryFolder()
    #expect(FeatureSource.isFeatureFile(try scratch.file("f", head)) == isOne)
  }

  @Test func whatIsNoFileIsNoFeatureFile() throws {
    let scratch = try TemporaryFolder()
    #expect(!FeatureSource.isFeatureFile(scratch.path) && !FeatureSource.isFeatureFile(scratch.path + "/x"))
    let pipe = scratch.path + "/pipe"
    #expect(mkfifo(pipe, 0o600) == 0 && !FeatureSource.isFeatureFile(pipe), "nobody is waited for")
  }

  @Test func aFileWithOneVectorIsAnArrayOrText() throws {
    let scratch = try TemporaryFolder()
    let array = scratch.path + "/v.npy"
    let writer = try FeatureOutput.open(array, format: nil)
    for id in 0..<2 { try writer.write(id: ImageID(Int64(id)), label: nil, vector: [1.5, Float(id)]) }
    try writer.finish()
    #expect(try VectorFile(path: array) == .row([1.5, 0]))
    // An array under another name is told by its first bytes.
    let renamed = scratch.path + "/v.txt"
    try FileManager.default.copyItem(atPath: array, toPath: renamed)
    #expect(try VectorFile(path: renamed) == .row([1.5, 0]))
    #expect(try VectorFile(path: scratch.file("a", "[1, 2]\n")) == .text("[1, 2]\n"))
    #expect(try VectorFile(path: scratch.file("b", "\u{FEFF}1")) == .text("1"))
    #expect(try VectorFile(path: scratch.path + "/none") == nil)
    let text = try scratch.file("text.npy", "1,2")
    #expect(throws: CollectionError.self) { try VectorFile(path: text) }
  }
}

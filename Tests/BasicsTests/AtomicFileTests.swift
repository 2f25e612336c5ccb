import Basics
import Foundation
import TestSupport
import Testing

@Suite struct AtomicFileTests {
  private func text(_ path: String) -> String? {
    FileManager.default.contents(atPath: path).map { String(decoding: $0, as: UTF8.self) }
  }

  @Test func aFileIsReplacedAndKeepsItsPermissions() throws {
    try withTemporaryFolder { folder in
      let path = folder + "/a.txt"
      try AtomicFile.write("one", to: path)
      #expect(text(path) == "one")
      try FileManager.default.setAttributes([.posixPermissions: 0o600], ofItemAtPath: path)
      try AtomicFile.write("two", to: path)
      #expect(text(path) == "two")
      let mode = try FileManager.default.attributesOfItem(atPath: path)[.posixPermissions] as? Int
      #expect(mode == 0o600)
      #expect(try FileManager.default.contentsOfDirectory(atPath: folder) == ["a.txt"])
    }
  }

  @Test func aLinkStaysALink() throws {
    try withTemporaryFolder { folder in
      try AtomicFile.write("one", to: folder + "/target")
      try FileManager.default.createSymbolicLink(atPath: folder + "/link", withDestinationPath: "target")
      try AtomicFile.write("two", to: folder + "/link")
      #expect(text(folder + "/target") == "two")
      #expect(try FileManager.default.destinationOfSymbolicLink(atPath: folder + "/link") == "target")
    }
  }

  @Test func aDeviceIsWrittenAsItIs() throws {
    try AtomicFile.write("x", to: "/dev/null")
    #expect(AtomicFile.problem(writing: "/dev/null") == nil)
    guard FileManager.default.fileExists(atPath: "/dev/full") else { return }
    #expect(throws: AtomicFile.Failure.self) { try AtomicFile.write("x", to: "/dev/full") }
  }

  @Test func whatCannotBeWrittenIsSaidBefore() throws {
    try withTemporaryFolder { folder in
      #expect(AtomicFile.problem(writing: folder)?.reason == "Is a directory")
      #expect(
        AtomicFile.problem(writing: folder + "/no/x.png")?.description
          == "cannot write \(folder)/no/x.png: the folder \(folder)/no does not exist"
      )
      #expect(AtomicFile.problem(writing: "") != nil)
      try AtomicFile.write("", to: folder + "/file")
      #expect(AtomicFile.problem(writing: folder + "/file/x") != nil)
      #expect(AtomicFile.problem(writing: folder + "/new") == nil)
      #expect(throws: AtomicFile.Failure.self) { try AtomicFile.write("x", to: folder + "/no/x.png") }
      #expect(try FileManager.default.contentsOfDirectory(atPath: folder) == ["file"])
    }
  }
}

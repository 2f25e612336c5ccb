import Basics
import Foundation
import TestSupport
import Testing

@testable import ImageSources

/// Lists of images: what they may look like, and what is said of a line that cannot be right.
struct ManifestTests {
  private func open(_ name: String, _ text: String, _ scratch: TemporaryFolder) throws -> ManifestCollection {
    try ManifestCollection(path: scratch.file(name, text))
  }

  private func listed(_ collection: ManifestCollection) throws -> [String] {
    let files = try #require(collection.files())
    return try files.indices.map { position in
      let entry = try collection.entry(at: position)
      return "\(entry.name)|\(entry.label ?? "NULL")|\(files[position].id?.description ?? "NULL")"
    }
  }

  private static let lists = [
    ("l.csv", "path,class,id\nb/2.jpg,dog,x7\na.jpg,\"big, cat\",\n"),
    ("l.csv", "\u{FEFF}ID,Class,Path\r\nx7,dog,b/2.jpg\r\n,\"big, cat\",./a.jpg\r\n"),
    (
      "l.jsonl",
      "{\"path\":\"b/2.jpg\",\"class\":\"dog\",\"id\":\"x7\"}\n\n{\"class\":\"big, cat\",\"path\":\"a.jpg\",\"etag\":[1]}"
    ),
    (
      "l.ndjson",
      "{\"key\":\"b//2.jpg\",\"label\":\"dog\",\"id\":\"x7\"}\n{\"key\":\"a.jpg\",\"label\":\"big, cat\",\"id\":null}\n"
    ),
  ]

  @Test(arguments: lists)
  func pathsClassesAndIDsAreRead(name: String, text: String) throws {
    let scratch = try TemporaryFolder()
    for file in ["a.jpg", "b/2.jpg"] { _ = try scratch.file(file, "x") }
    let list = try open(name, text, scratch)
    #expect(try listed(list) == ["a.jpg|big, cat|NULL", "b/2.jpg|dog|x7"])
    #expect(try list.entry(at: 1).place == .file(scratch.path + "/b/2.jpg"))
    #expect(try ImageSource.open(scratch.path + "/" + name).count == 2)
  }

  @Test func withoutClassesTheFolderIsTheClassAndIDsAreNumbersWhereTheyCanBe() throws {
    let scratch = try TemporaryFolder()
    for file in ["a.jpg", "b/2.jpg"] { _ = try scratch.file(file, "x") }
    let list = try open("l.csv", "id,path\n12,\(scratch.path)/a.jpg\n007,b/2.jpg", scratch)
    #expect(try listed(list) == ["\(scratch.path)/a.jpg|NULL|12", "b/2.jpg|b|007"])
    #expect(list.files()?.map(\.id?.number) == [12, nil])
  }

  @Test func whatIsNotThereIsToldAndNotTakenForDeleted() throws {
    let scratch = try TemporaryFolder()
    _ = try scratch.file("a.jpg", "x")
    let list = try open("l.csv", "path\nz.jpg\na.jpg\nb.jpg\n", scratch)
    #expect(list.count == 1 && list.unseenPaths() == [Array("b.jpg".utf8), Array("z.jpg".utf8)])
    #expect(list.warnings.count == 1 && list.warnings[0].contains("2, such as z.jpg (line 2)"))
    #expect(throws: CollectionError.self) { try open("l.csv", "path\nz.jpg\n", scratch) }
  }

  @Test(arguments: [
    ("l.csv", "class,id\nx,1\n", "line 1: the header names no column path"),
    ("l.csv", "path,class\na.jpg,cat\ns3://bucket/a.jpg,cat\n", "line 3: s3://bucket/a.jpg is an address"),
    ("l.csv", "path\na.jpg\n./a.jpg\n", "line 3: the path ./a.jpg is listed twice"),
    ("l.csv", "path,id\na.jpg,1\nb/2.jpg,1\n", "line 3: the id 1 is listed twice"),
    ("l.csv", "path,class,id\na.jpg,cat\n", "line 2: it has 2 fields, and no id"),
    ("l.csv", "class,path\ncat,\n", "line 2: it has no path"),
    ("l.csv", "path\nb\n", "line 2: b is not a file"),
    ("l.jsonl", "{\"path\":\"a.jpg\"}\n{\"path\":\n", "line 2: "),
    ("l.jsonl", "[1]\n", "line 1: a line is a JSON object"),
    ("l.jsonl", "{\"class\":\"x\"}\n", "line 1: it has no path"),
  ])
  func whatCannotBeRightIsRefusedWithItsLine(name: String, text: String, reason: String) throws {
    let scratch = try TemporaryFolder()
    for file in ["a.jpg", "b/2.jpg"] { _ = try scratch.file(file, "x") }
    let error = #expect(throws: CollectionError.self) { try open(name, text, scratch) }
    let said = error.map { "line \($0.line ?? 0): \($0.reason)" } ?? ""
    #expect(said.hasPrefix(reason), "\(said)")
  }

  @Test func anEmptyListIsOneOnlyWhereItMayBe() throws {
    let scratch = try TemporaryFolder()
    let path = try scratch.file("l.csv", "path,class\n")
    #expect(throws: CollectionError.self) { try ManifestCollection(path: path) }
    #expect(try ManifestCollection(path: path, allowsNone: true).count == 0)
  }
}

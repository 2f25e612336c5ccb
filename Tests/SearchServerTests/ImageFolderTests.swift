import Basics
import Foundation
import ImageSearch
import SearchServer
import TestSupport
import Testing

/// Files come from below the folder, or not at all.
@Suite struct ImageFolderTests {
  /// A folder `images` with `a/cat.png`, and `secret.png` beside it.
  private func withFolder(_ body: (ImageFolder, URL) throws -> Void) throws {
    let root = try TemporaryFolder()
    let folder = URL(filePath: root.path).appending(path: "images")
    _ = try root.file("images/a/cat.png", "cat")
    for name in ["a/.cat.png", "a/notes.txt"] { _ = try root.file("images/" + name, "other") }
    _ = try root.file("secret.png", "secret")
    try body(ImageFolder(folder.path, maximumBytes: 100), folder)
  }

  private func read(_ folder: ImageFolder, _ source: String?) -> String? {
    guard let file = folder.file(of: ImageRow(id: 0, class: nil, source: source)) else { return nil }
    return (try? file.bytes()).map { String(decoding: $0, as: UTF8.self) }
  }

  @Test func readsAFile() throws {
    try withFolder { folder, _ in #expect(read(folder, "a/cat.png") == "cat") }
  }

  @Test(
    arguments: [
      "../secret.png", "a/../../secret.png", "a/../a/cat.png", "./a/cat.png", "a//cat.png", "/etc/hostname",
      "",
      "a/cat.png/", "a", "a/cat.png\0", "..", "a/dog.png", ".hidden/cat.png", "a/.cat.png", "a/notes.txt",
    ]
  )
  func aPathThatLeadsElsewhereFindsNothing(source: String) throws {
    try withFolder { folder, _ in #expect(read(folder, source) == nil) }
  }

  @Test(arguments: ["HEIC", "avif", "jxl", "jpe", "dib", "tiff"])
  func everyFormatThatIsLoadedIsShown(fileExtension: String) throws {
    try withFolder { folder, url in
      try Data("image".utf8).write(to: url.appending(path: "a/1.\(fileExtension)"))
      #expect(read(folder, "a/1.\(fileExtension)") == "image")
    }
  }

  /// As 'embed-load' follows them: what it has loaded can be shown.
  @Test func linksAreFollowed() throws {
    try withFolder { folder, url in
      let manager = FileManager.default
      let link = { (name: String, target: String) in
        try manager.createSymbolicLink(atPath: url.appending(path: name).path, withDestinationPath: target)
      }
      try link("out.png", "../secret.png")
      try link("in.png", "a/cat.png")
      try link("dangling.png", "nothing.png")
      #expect(read(folder, "out.png") == "secret")
      #expect(read(folder, "in.png") == "cat")
      #expect(read(folder, "dangling.png") == nil)
      #expect(read(folder, "../secret.png") == nil)
    }
  }

  @Test func pipesAndLargeFilesAreNotRead() throws {
    try withFolder { folder, url in
      mkfifo(url.appending(path: "pipe.png").path, 0o600)
      try Data(count: 101).write(to: url.appending(path: "large.png"))
      #expect(read(folder, "pipe.png") == nil)
      #expect(read(folder, "large.png") == nil)
      #expect(read(folder, nil) == nil)
    }
  }

  @Test func theVersionChangesWithTheFile() throws {
    try withFolder { folder, url in
      let image = ImageRow(id: 0, class: nil, source: "a/cat.png")
      let before = folder.file(of: image)?.version
      try Data("catty".utf8).write(to: url.appending(path: "a/cat.png"))
      #expect(folder.file(of: image)?.version != before)
    }
  }
}

/// A file that is open stays what it was.
@Suite struct ImageFileTests {
  @Test func partsAreCutAtTheEnd() throws {
    let file = ImageFile(bytes: Array("image".utf8), version: "1")
    #expect(file.size == 5)
    #expect(try file.bytes(3..<9) == Array("ge".utf8))
    #expect(try file.bytes(7..<9) == [])
  }

  /// An image of a folder, opened, and its path.
  private func withOpenedFile(_ body: (ImageFile, URL) throws -> Void) throws {
    let root = try TemporaryFolder()
    let path = URL(filePath: try root.file("cat.png", "tabby"))
    let file = try #require(ImageFolder(root.path).file(of: ImageRow(id: 0, class: nil, source: "cat.png")))
    try body(file, path)
  }

  @Test func aReplacedFileIsReadToItsOwnEnd() throws {
    try withOpenedFile { file, path in
      try Data("another".utf8).write(to: path, options: .atomic)
      #expect(try file.bytes() == Array("tabby".utf8))
    }
  }

  @Test func aFileThatShrinksIsAnError() throws {
    try withOpenedFile { file, path in
      truncate(path.path, 2)
      #expect(throws: BackendError.self) { try file.bytes() }
    }
  }
}

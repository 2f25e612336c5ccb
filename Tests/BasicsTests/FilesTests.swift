import Foundation
import TestSupport
import Testing

@testable import Basics

/// Whole files and the names in folders.
struct FilesTests {
  @Test(arguments: [0, 1, 8191, 8192, 8193, 300_000], [Files.Kind.any, .regular, .listed])
  func readsEveryByte(size: Int, kind: Files.Kind) throws {
    try withTemporaryFolder { folder in
      let content = (0..<size).map { UInt8(truncatingIfNeeded: $0 &* 31 >> 3) }
      let path = folder + "/file"
      try Data(content).write(to: URL(filePath: path))
      #expect(try Files.read(path, kind) == content)
      #expect(try Files.read(path, limit: size, kind) == content)
      if size > 0 {
        let error = #expect(throws: FileError.self) { try Files.read(path, limit: size - 1, kind) }
        #expect(error?.reason == .tooLarge(size))
      }
      var parts: [UInt8] = []
      let status = try Files.forEachPart(of: path, size: 4096) { parts += $0 }
      #expect(parts == content && status.st_size == size)
    }
  }

  /// Their size is said to be 0.
  @Test func readsFilesThatDoNotSayHowLongTheyAre() throws {
    for kind in [Files.Kind.any, .regular, .listed] {
      let limits = String(decoding: try Files.read("/proc/self/limits", kind), as: UTF8.self)
      #expect(limits.contains("Max open files") && limits.hasSuffix("\n"))
    }
    let error = #expect(throws: FileError.self) { try Files.read("/proc/self/limits", limit: 20, .regular) }
    guard case .tooLarge? = error?.reason else {
      Issue.record("\(String(describing: error)) is not that it is too large")
      return
    }
  }

  @Test func readsAPipeToItsEnd() throws {
    let pipe = Pipe()
    let content = [UInt8](repeating: 7, count: 200_000)
    let writer = Thread {
      pipe.fileHandleForWriting.write(Data(content))
      try? pipe.fileHandleForWriting.close()
    }
    writer.start()
    let path = "/proc/self/fd/\(pipe.fileHandleForReading.fileDescriptor)"
    let refused = #expect(throws: FileError.self) { try Files.read(path, .regular) }
    #expect(refused?.reason == .notRegular)
    #expect(try Files.read(path, limit: 10) == content)
  }

  @Test func namesWhatCannotBeRead() throws {
    for kind in [Files.Kind.any, .regular, .listed] {
      let missing = #expect(throws: FileError.self) { try Files.read("/nowhere/a", kind) }
      #expect(missing?.description == "/nowhere/a cannot be read: No such file or directory")
      #expect(missing?.code == ENOENT)
    }
    let folder = #expect(throws: FileError.self) { try Files.read("/tmp") }
    #expect(folder?.description == "/tmp cannot be read: Is a directory")
    #expect(#expect(throws: FileError.self) { try Files.read("/tmp", .regular) }?.reason == .notRegular)
    let listing = #expect(throws: FileError.self) { try Files.forEachName(inFolder: "/dev/null") { _, _ in } }
    #expect(listing?.code == ENOTDIR)
    let digest = #expect(throws: FileError.self) { try SHA256.hexadecimal(ofFile: "/nowhere/b") }
    #expect(digest?.description == "/nowhere/b cannot be read: No such file or directory")
  }

  @Test func namesOfAFolderHaveTheirKinds() throws {
    try withTemporaryFolder { folder in
      for name in ["a", "b.sql", ".hidden"] { try Data().write(to: URL(filePath: "\(folder)/\(name)")) }
      try FileManager.default.createDirectory(atPath: folder + "/c", withIntermediateDirectories: false)
      #expect(symlink("a", folder + "/d") == 0)
      let odd = folder.utf8.map { CChar(bitPattern: $0) } + [0x2F, CChar(bitPattern: 0xFF), 0]
      let descriptor = open(odd, O_CREAT | O_WRONLY, 0o644)
      #expect(descriptor >= 0 && close(descriptor) == 0)
      var found: [[UInt8]: Int32] = [:]
      try Files.forEachName(inFolder: folder) { name, type in found[Array(name)] = type }
      let regular = Int32(DT_REG)
      #expect(
        found == [
          Array("a".utf8): regular, Array("b.sql".utf8): regular, Array("c".utf8): Int32(DT_DIR),
          Array("d".utf8): Int32(DT_LNK), [0xFF]: regular,
        ]
      )
    }
  }
}

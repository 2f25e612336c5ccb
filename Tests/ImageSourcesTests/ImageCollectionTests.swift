import Basics
import Foundation
import ImageCodecs
import TestSupport
import Testing

@testable import ImageSources

/// Images in the order of their paths.
private func numbered(_ count: Int) -> [ImageFile] {
  (0..<count).map {
    ImageFile(folder: "/p", path: "a\($0 + 10_000)", FileState(byteCount: $0, modificationTime: $0 * 3))
  }
}

/// Folders and CIFAR files: ids, classes, and what is refused.
struct ImageCollectionTests {
  private func record(coarse: UInt8, fine: UInt8, red: UInt8, green: UInt8, blue: UInt8) -> [UInt8] {
    [coarse, fine] + [red, green, blue].flatMap { [UInt8](repeating: $0, count: 1024) }
  }

  @Test func folderIdsFollowTheBytesOfThePaths() throws {
    let scratch = try TemporaryFolder()
    for name in [
      "b/2.PNG", "b/10.jpg", "a/x/deep.webp", "Z.gif", "a.bmp", ".hidden/1.png", "a/notes.txt", "a/.x.png",
    ] {
      _ = try scratch.file(name, "not an image")
    }
    let folder = try FolderCollection(path: scratch.path)
    let entries = try (0..<folder.count).map { try folder.entry(at: $0) }
    #expect(entries.map(\.name) == ["Z.gif", "a.bmp", "a/x/deep.webp", "b/10.jpg", "b/2.PNG"])
    #expect(entries.map(\.label) == [nil, nil, "a", "b", "b"])
    #expect(entries.map(\.id) == [0, 1, 2, 3, 4])
    #expect(entries[3].place == .file(scratch.path + "/b/10.jpg"))
    let error = #expect(throws: ImageError.self) { try folder.image(at: 3) }
    #expect(error?.description.hasPrefix("b/10.jpg: ") == true)
  }

  /// Paths are kept without what their neighbours begin with too.
  @Test func packedImagesAreThoseThatWereAdded() {
    let folders = ["", "a/", "a/very/long/folder/that/holds/many/", "a/very/", "\u{C3A9}/", "x"]
    let files = (0..<500).map { number in
      ImageFile(
        folder: "/p",
        path: number % 97 == 3 ? "" : folders[number / 70 % folders.count] + "\(number * number % 251)",
        FileState(
          byteCount: number == 7 ? 1 << 40 : number,
          modificationTime: number % 5 == 0 ? -number : Int.max - number,
          statusChangeTime: number * 3,
          isRecent: number % 3 == 0
        )
      )
    }
    // Blocks are in memory, in a file, or in both.
    for (count, room) in [0, 1, 63, 64, 65, 128, 500].flatMap({ count in [1000, 1, 2, 5].map { (count, $0) } }
    ) {
      let packed = ImageFiles(files.prefix(count), blocksInMemory: room)
      #expect(
        packed == ImageFiles(files.prefix(count))
          && packed.hashValue == ImageFiles(files.prefix(count)).hashValue
      )
      #expect(packed.count == count && Array(packed) == Array(files.prefix(count)))
      for (position, file) in files.prefix(count).enumerated() {
        #expect(packed.byteCount(at: position) == file.byteCount)
        #expect(packed.modificationTime(at: position) == file.modificationTime)
        #expect(packed.statusChangeTime(at: position) == file.statusChangeTime)
        #expect(packed.withPath(at: position) { Array($0) } == file.pathBytes)
        let found = packed.paths(ofSource: Array(file.source.utf8))
        #expect(found.contains { $0.elementsEqual(file.pathBytes) })
      }
    }
    #expect(
      ImageFiles(files).paths(ofSource: Array("/pictures/a".utf8)).map { Array($0) } == [
        Array("/pictures/a".utf8)
      ]
    )
  }

  /// Copies share the file in which their first blocks are, and go on differently.
  @Test func copiesOfAListOnDiskAreListsOfTheirOwn() {
    func file(_ name: String) -> ImageFile {
      ImageFile(folder: "/p", path: name, FileState(byteCount: 1, modificationTime: 2))
    }
    var first = ImageFiles((0..<200).map { file("a\($0)") }, blocksInMemory: 1)
    var second = first
    for number in 0..<300 {
      first.append(file("b\(number)"))
      if number % 2 == 0 { second.append(file("c\(number)")) }
    }
    #expect(first.map(\.path) == (0..<200).map { "a\($0)" } + (0..<300).map { "b\($0)" })
    #expect(second.map(\.path) == (0..<200).map { "a\($0)" } + (0..<150).map { "c\($0 * 2)" })
    #expect(first != second)
  }

  @Test func aListStaysInMemoryWhereNoFileCanBeMade() {
    let files = numbered(500)
    let pages = StoredPages(in: "/dev/null")
    let packed = ImageFiles(files, blocksInMemory: 1, pages: pages)
    #expect(Array(packed) == files)
    #expect(packed.sortedPosition(of: files[77].pathBytes) == 77)
    var alone = pages
    #expect(!alone.append([[1]]) && alone.count == 0)
  }

  /// The first blocks are in the file, which has no room for the others.
  @Test func aListGoesOnInMemoryWhereItsFileIsFull() async {
    await #expect(processExitsWith: .exitCode(7)) {
      signal(SIGXFSZ, SIG_IGN)
      var limit = rlimit(rlim_cur: 5000, rlim_max: 5000)
      guard setrlimit(__rlimit_resource_t(RLIMIT_FSIZE.rawValue), &limit) == 0 else { exit(1) }
      let files = numbered(500)
      var pages = StoredPages()
      let fits = pages.append([Array(repeating: 1, count: 4000)])
      let isFull = !pages.append([Array(repeating: 2, count: 4000)]) && !pages.append([[3]])
      let isRead = pages.count == 1 && pages[0] == Array(repeating: 1, count: 4000)
      let packed = ImageFiles(files, blocksInMemory: 1)
      exit(fits && isFull && isRead && Array(packed) == files ? 7 : 1)
    }
  }

  @Test func aListThatCannotBeReadBackEndsTheProgramWithOneLine() async {
    let ended = await #expect(processExitsWith: .exitCode(1), observing: [\.standardErrorContent]) {
      let packed = ImageFiles(numbered(64 * 20), blocksInMemory: 1)
      for descriptor in Int32(3)..<256 {
        let link = try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/fd/\(descriptor)")
        if link?.contains("/adbvec-") == true { ftruncate(descriptor, 0) }
      }
      exit(packed[0].byteCount == 0 ? 8 : 9)
    }
    let lines = String(decoding: ended?.standardErrorContent ?? [], as: UTF8.self).split(separator: "\n")
    #expect(
      lines.filter { $0.contains("list of images") } == [
        "error: the list of images in a temporary file in \(TemporaryFile.folder) is lost (the file became shorter while it was read). "
          + "Fix: set TMPDIR to a folder on a local disk"
      ]
    )
  }

  @Test func pathsOfASortedListAreFoundByTheirBytes() {
    var random = SeededGenerator(seed: 7)
    for count in [0, 1, 2, 63, 64, 65, 129, 1000] {
      var names: Set<String> = []
      while names.count < count {
        let depth = Int.random(in: 0...2, using: &random)
        let parts = (0...depth).map { _ in
          ["", "a", "a-", "b", "\u{E9}", "\(Int.random(in: 0..<300, using: &random))"]
        }
        names.insert(parts.map { $0[Int.random(in: 0..<$0.count, using: &random)] }.joined(separator: "/"))
        names.insert("p\(names.count)")
      }
      let sorted = names.map { Array($0.utf8) }.sorted { $0.lexicographicallyPrecedes($1) }.prefix(count)
      for room in [1000, 1, 3] {
        let files = ImageFiles(
          sorted.map {
            ImageFile(
              folder: "/p",
              path: String(decoding: $0, as: UTF8.self),
              FileState(
                byteCount: 1,
                modificationTime: 2
              )
            )
          },
          blocksInMemory: room
        )
        #expect(files.isSorted)
        for (position, path) in sorted.enumerated() { #expect(files.sortedPosition(of: path) == position) }
        for path in ["", "zz", "p", "a/", "p5x", "\u{E9}\u{E9}"] {
          #expect(files.sortedPosition(of: Array(path.utf8)) == sorted.firstIndex(of: Array(path.utf8)))
        }
      }
    }
    for names in [["b", "a"], ["a", "a"], ["", ""], ["a", "b", "a"]] {
      let files = names.map {
        ImageFile(folder: "/p", path: $0, FileState(byteCount: 1, modificationTime: 2))
      }
      #expect(!ImageFiles(files).isSorted)
    }
  }

  @Test func aLabelFileReplacesTheFolders() throws {
    let scratch = try TemporaryFolder()
    _ = try scratch.file("p/a.png", "x")
    _ = try scratch.file("p/c/b.png", "x")
    let labels = try scratch.file("labels.csv", "path,label\na.png,\"red, \"\"dark\"\"\"\n")
    let folder = try FolderCollection(path: scratch.path + "/p", labels: LabelFile(path: labels))
    #expect(try folder.entry(at: 0).label == "red, \"dark\"")
    #expect(try folder.entry(at: 1).label == nil)
  }

  @Test func linksInACircleEnd() throws {
    let scratch = try TemporaryFolder()
    _ = try scratch.file("a/1.png", "x")
    try FileManager.default.createSymbolicLink(
      atPath: scratch.path + "/a/loop",
      withDestinationPath: scratch.path
    )
    #expect(try FolderCollection(path: scratch.path).count == 1)
  }

  @Test func aFolderWithoutImagesIsRefused() throws {
    let scratch = try TemporaryFolder()
    _ = try scratch.file("notes.txt", "x")
    let error = #expect(throws: CollectionError.self) { try ImageSource.open(scratch.path) }
    #expect(error?.code == .empty)
    #expect(throws: CollectionError.self) { try ImageSource.open(scratch.path + "/missing") }
  }

  @Test func cifarRecordsBecomeImages() throws {
    let scratch = try TemporaryFolder()
    let test = record(coarse: 0, fine: 2, red: 1, green: 2, blue: 3)
    let train = record(coarse: 1, fine: 0, red: 4, green: 5, blue: 6)
    _ = try scratch.file("test.bin", test)
    _ = try scratch.file("train.bin", train + test)
    let folder = try ImageSource.open(scratch.path)
    #expect(
      try (0..<folder.count).map { try folder.entry(at: $0).label } == ["0", "2", "2"],
      "train comes first"
    )
    #expect(try folder.image(at: 0).rgb.prefix(6) == [4, 5, 6, 4, 5, 6])
    _ = try scratch.file(
      "fine_label_names.txt",
      (0..<100).map { "class\($0)" }.joined(separator: "\n") + "\n"
    )
    let file = try ImageSource.open(scratch.path + "/test.bin")
    #expect(try file.entry(at: 0).label == "class2")
    #expect(try file.entry(at: 0).place == .record(collection: scratch.path + "/test.bin", number: 0))
    #expect(throws: CollectionError.self) { try file.entry(at: 1) }
    #expect(try (0..<3).map { try folder.coarseLabel(at: $0) } == ["1", "0", "0"])
    _ = try scratch.file("coarse_label_names.txt", (0..<20).map { "group\($0)\n" }.joined())
    #expect(try ImageSource.open(scratch.path + "/test.bin").coarseLabel(at: 0) == "group0")
  }

  @Test func aCutCIFARFileIsRefusedInOneLine() throws {
    let scratch = try TemporaryFolder()
    let path = try scratch.file("x.bin", [UInt8](repeating: 0, count: 3075))
    let error = #expect(throws: CollectionError.self) { try ImageSource.open(path) }
    #expect(
      error?.description
        == "\(path): its 3075 bytes are not a whole number of CIFAR records (3,074 bytes each in CIFAR-100, "
        + "3,073 in CIFAR-10); it is cut short or another format"
    )
    let empty = try scratch.file("empty.bin", [UInt8]())
    #expect(throws: CollectionError.self) { try ImageSource.open(empty) }
  }

  @Test func cifar10IsKnownByItsLength() throws {
    let scratch = try TemporaryFolder()
    let path = try scratch.file("data_batch_1.bin", [3] + [UInt8](repeating: 9, count: 3072))
    let collection = try ImageSource.open(path)
    #expect(try collection.entry(at: 0).label == "3")
    #expect(try collection.coarseLabel(at: 0) == nil)
    #expect(try collection.image(at: 0).rgb.count == 3072)
  }
}

import Basics
import Foundation
import Glibc
import ImageCodecs
import TestSupport
import Testing

@testable import ImageSources

/// CIFAR as its page and torchvision download it: Python's pickles, in an archive or unpacked. The archives are written
/// by Python and NumPy (`Tests/Fixtures/cifar/make.py`).
struct CIFARDownloadTests {
  static let fixtures = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
    .appending(path: "Fixtures/cifar").path

  /// What `make.py` writes, in the binary version.
  private static func record(_ number: Int, labels: [Int]) -> [UInt8] {
    labels.map { UInt8($0) } + (0..<3072).map { UInt8((31 * number + 7 * $0) % 251) }
  }

  private static func binary100(_ scratch: TemporaryFolder) throws -> String {
    func file(_ records: Range<Int>) -> [UInt8] {
      records.flatMap { record($0, labels: [$0 % 20, (7 * $0 + 3) % 100]) }
    }
    _ = try scratch.file("binary/train.bin", file(0..<3))
    _ = try scratch.file("binary/test.bin", file(3..<5))
    _ = try scratch.file("binary/fine_label_names.txt", (0..<100).map { "class \($0)\n" }.joined())
    _ = try scratch.file("binary/coarse_label_names.txt", (0..<20).map { "group \($0)\n" }.joined())
    return scratch.path + "/binary"
  }

  /// Everything of a collection that a table sees.
  private static func content(_ path: String) throws -> [String] {
    let images = try ImageSource.open(path)
    return try (0..<images.count).map { id in
      let entry = try images.entry(at: id)
      let group = try images.coarseLabel(at: id) ?? "none"
      return "\(entry.id) \(entry.label ?? "NULL") \(group) \(try images.image(at: id).rgb)"
    }
  }

  private static func unpack(_ archive: String, _ scratch: TemporaryFolder) throws -> String {
    let unpacked = try TarArchive.unpack(fixtures + "/" + archive) { _ in true }
    for (name, file) in unpacked.files {
      _ = try scratch.file(name, file.read(offset: 0, count: file.size))
    }
    return scratch.path + "/" + FileSystem.folder(of: unpacked.files[0].name)
  }

  @Test(arguments: ["python2", "2", "3", "4", "5"])
  func everyProtocolGivesTheBinaryVersionsImages(number: String) throws {
    let scratch = try TemporaryFolder()
    let expected = try Self.content(try Self.binary100(scratch))
    let archive = "cifar-100-python-\(number).tar.gz"
    #expect(expected.count == 5)
    #expect(try Self.content(Self.fixtures + "/" + archive) == expected)
    let folder = try Self.unpack(archive, scratch)
    #expect(try Self.content(folder) == expected)
    let test = try Self.content(folder + "/test").map { $0.split(separator: " ").dropFirst() }
    #expect(test == expected.suffix(2).map { $0.split(separator: " ").dropFirst() })
  }

  @Test func cifar10FollowsTheOfficialOrder() throws {
    let scratch = try TemporaryFolder()
    let files: [(String, Range<Int>)] = [
      ("data_batch_1", 0..<2), ("data_batch_2", 2..<3), ("test_batch", 3..<5),
    ]
    for (name, records) in files {
      let bytes = records.flatMap { Self.record($0, labels: [(7 * $0 + 3) % 10]) }
      _ = try scratch.file("binary/\(name).bin", bytes)
    }
    _ = try scratch.file("binary/batches.meta.txt", (0..<10).map { "class \($0)\n" }.joined())
    let expected = try Self.content(scratch.path + "/binary")
    #expect(expected.count == 5)
    #expect(try Self.content(Self.fixtures + "/cifar-10-python.tar.gz") == expected)
    #expect(try Self.content(Self.unpack("cifar-10-python.tar.gz", scratch)) == expected)
  }

  @Test func aRecordIsFoundAgainByItsPlace() throws {
    let path = Self.fixtures + "/cifar-100-python-4.tar.gz"
    let entry = try ImageSource.open(path).entry(at: 4)
    #expect(entry.place == .record(collection: path, number: 4))
    #expect(entry.name == "\(path):cifar-100-python/test record 1")
    #expect(try ImageSource.open(path).fingerprint() == ImageSource.open(path).fingerprint())
  }

  @Test func withoutNamesClassesAreNumbers() throws {
    let scratch = try TemporaryFolder()
    let folder = try Self.unpack("cifar-100-python-4.tar.gz", scratch)
    try FileManager.default.removeItem(atPath: folder + "/meta")
    let images = try ImageSource.open(folder)
    #expect(try images.entry(at: 1).label == "10")
    #expect(try images.coarseLabel(at: 1) == "1")
  }

  @Test func theFolderOfADownloadNamesTheDataSetInIt() throws {
    let scratch = try TemporaryFolder()
    let folder = try Self.unpack("cifar-100-python-4.tar.gz", scratch)
    let error = #expect(throws: CollectionError.self) { try ImageSource.open(scratch.path) }
    #expect(error?.reason == "there is no image in this folder. Fix: name \(folder)")
  }

  @Test func aFolderOfAnotherEncodingIsRead() throws {
    let scratch = try TemporaryFolder()
    let folder = Array("\(scratch.path)/l".utf8) + [0xE9]
    #expect(mkdir(FileSystem.terminated(folder), 0o755) == 0)
    let source = try Self.unpack("cifar-100-python-4.tar.gz", scratch)
    for name in ["train", "test", "meta"] {
      let target = folder + Array("/\(name)".utf8)
      #expect(rename(FileSystem.terminated(source + "/" + name), FileSystem.terminated(target)) == 0)
    }
    let images = try ImageSource.open(PathText.text(folder))
    #expect(try images.entry(at: 4).label == "class 31")
    #expect(try images.image(at: 4).rgb.count == 3072)
  }

  @Test func aCutOrChangedArchiveIsRefused() throws {
    let scratch = try TemporaryFolder()
    let whole = try Array(Data(contentsOf: URL(filePath: Self.fixtures + "/cifar-100-python-4.tar.gz")))
    for count in Array(stride(from: 20, to: whole.count, by: 97)) + [whole.count - 1] {
      let path = try scratch.file("cut.tar.gz", Array(whole[..<count]))
      let error = #expect(throws: CollectionError.self, "\(count)") { try ImageSource.open(path) }
      #expect(error?.code == .damaged)
    }
    var other = whole
    other[whole.count - 6] ^= 1
    let path = try scratch.file("changed.tar.gz", other)
    #expect(throws: CollectionError.self, "the checksum behind the data") { try ImageSource.open(path) }
  }

  @Test func whatIsNotCIFARIsNamed() throws {
    let scratch = try TemporaryFolder()
    let pickle = try scratch.file("train", [0x80, 2] + Array("}U\u{3}keyU\u{5}values.".utf8))
    let keys = #expect(throws: CollectionError.self) { try ImageSource.open(pickle) }
    #expect(
      keys?.reason
        == "it is a Python pickle without CIFAR's keys, data and fine_labels or labels (key); images are read from "
        + "image files or CIFAR's own"
    )
    let code = try scratch.file("meta", [0x80, 2] + Array("cos\nsystem\n(U\u{4}echotR.".utf8))
    let refused = #expect(throws: CollectionError.self) { try ImageSource.open(code) }
    #expect(refused?.reason == "the pickle refers to os.system, which is not allowed; nothing of it was run")
    let archive = try scratch.file("notes.tar", Self.tar("notes.txt", Array("text".utf8)))
    let other = #expect(throws: CollectionError.self) { try ImageSource.open(archive) }
    #expect(
      other?.reason
        == "it is an archive without CIFAR's files (1 file, notes.txt among them). Fix: unpack it with tar xf and name "
        + "the folder"
    )
  }

  @Test func onePackedFileIsNoArchive() throws {
    let packed = FieldFormatTests.fixtures + "/features.txt.gz"
    let error = #expect(throws: CollectionError.self) { try ImageSource.open(packed) }
    #expect(
      error?.reason
        == "it is one compressed file, not an archive. Fix: decompress it, then name what it holds"
    )
  }

  @Test func aPickleOfProtocol0IsNamed() throws {
    let scratch = try TemporaryFolder()
    _ = try scratch.file("train", "(dp0\nVdata\np1\n.")
    let error = #expect(throws: CollectionError.self) { try ImageSource.open(scratch.path) }
    #expect(
      error?.reason
        == "it is a pickle of protocol 0 or 1, which is not read. Fix: save it with pickle.dump(value, file, 4)"
    )
  }

  @Test func labelsMustFitTheImages() throws {
    let scratch = try TemporaryFolder()
    let folder = try Self.unpack("cifar-100-python-2.tar.gz", scratch)
    let whole = try Array(Data(contentsOf: URL(filePath: folder + "/train")))
    // The first fine label is 3, in BININT1.
    let key = try #require(whole.firstRange(of: Array("fine_labels".utf8)))
    let place = try #require(whole[key.upperBound...].firstRange(of: [UInt8(ascii: "K"), 3]))
    var other = whole
    other[place.upperBound - 1] = 200
    _ = try scratch.file("cifar-100-python/train", other)
    let error = #expect(throws: CollectionError.self) { try ImageSource.open(folder) }
    #expect(error?.reason == "its fine_labels have a class that CIFAR-100 does not have")
  }

  private static func tar(_ name: String, _ content: [UInt8]) -> [UInt8] {
    var header = [UInt8](repeating: 0, count: 512)
    func put(_ text: String, at place: Int) {
      header.replaceSubrange(place..<place + text.utf8.count, with: Array(text.utf8))
    }
    put(name, at: 0)
    put(String(content.count, radix: 8), at: 124)
    put("        ", at: 148)
    put("0", at: 156)
    put("ustar", at: 257)
    put(String(header.reduce(0) { $0 + Int($1) }, radix: 8), at: 148)
    let padding = [UInt8](repeating: 0, count: (512 - content.count % 512) % 512 + 1024)
    return header + content + padding
  }
}

/// The tutorial's images: what the network gets of them, and with it every vector and every figure of retrieval, stays as it is.
@Suite(.enabled(if: Environment.hasData, "the images are not beside the package"))
struct CIFARPixelTests {
  /// The SHA-256 of Pillow 13's `resize((256, 256), BILINEAR)` and the middle 224 x 224 of the first 200 test images.
  @Test func preparedImagesArePillowsToTheBit() throws {
    let options = Image.DecodingOptions(
      appliesOrientation: true,
      convertsColours: true,
      fidelity: .fast,
      coverage: .init(side: 256, crop: 224)
    )
    let collection = try ImageSource.open(Environment.data + "/cifar-100-binary/test.bin", options: options)
      .covering(.init(side: 256, crop: 224))
    var preprocessor = try Preprocessor(.torchvision)
    var hash = SHA256()
    for position in 0..<200 {
      hash.update(preprocessor.croppedImage(of: try collection.image(at: position)).rgb)
    }
    #expect(hash.hexadecimal() == "20d956c115ca3b480f14fd41561b843b4cf6b6d36182e154f29f45e588714ebd")
  }
}

import Basics
import Foundation
import TestSupport
import Testing

@testable import ImageSources

/// Names that are not UTF-8, and what folders of people hold besides images.
struct PathTextTests {
  @Test(arguments: [
    Array("/a/b c%20.jpg".utf8), [0x2F, 0x6C, 0xE9, 0x2E, 0x6A], [0xE9, 0x25, 0x34, 0x31],
    Array("file:x".utf8),
    Array("file:///x".utf8), [0x2F], [],
  ])
  func everyPathComesBack(path: [UInt8]) {
    #expect(PathText.bytes(PathText.text(path)) == path)
  }

  @Test func everySequenceOfBytesComesBackAndNoTwoShareAText() {
    var generator = SystemRandomNumberGenerator()
    var texts: [String: [UInt8]] = [:]
    for _ in 0..<2000 {
      let path = (0..<Int.random(in: 0...6, using: &generator)).map { _ in
        [0x2F, 0x25, 0x66, 0xC3, 0xA9, 0xE9, 0x41, 0x3A].randomElement(using: &generator) ?? UInt8(0x41)
      }
      let text = PathText.text(path)
      #expect(PathText.bytes(text) == path)
      #expect(texts.updateValue(path, forKey: text) ?? path == path)
    }
  }

  @Test func textOfUTF8IsThePathItself() {
    #expect(PathText.text(Array("/ü/🐈%41.png".utf8)) == "/ü/🐈%41.png")
    #expect(PathText.text([0x2F, 0xE9]) == "file:///%E9")
  }

  @Test func namesThatAreNotUTF8LeadBackToTheirImages() throws {
    let scratch = try TemporaryFolder()
    let folder = Array(scratch.path.utf8)
    for byte: UInt8 in [0xE9, 0xE8] {
      let path = folder + Array("/l".utf8) + [byte] + Array(".bmp".utf8)
      let descriptor = open(FileSystem.terminated(path), O_CREAT | O_WRONLY, 0o644)
      #expect(descriptor >= 0)
      close(descriptor)
    }
    let images = try FolderCollection(path: scratch.path)
    let sources = try (0..<images.count).map { try images.entry(at: $0).place.description }
    #expect(Set(sources).count == 2 && sources.allSatisfy { $0.hasPrefix("file:///") })
    for source in sources {
      #expect(ImagePlace(source) == .file(source))
      #expect(access(FileSystem.terminated(source), F_OK) == 0)
    }
  }

  @Test func whatAFolderHoldsBesidesImagesIsCounted() throws {
    let scratch = try TemporaryFolder()
    for name in ["a.bmp", "b.PSD", "c.psd", "d.svg", "@eaDir/t.jpg", ".thumbnails/t.jpg", "._a.bmp"] {
      _ = try scratch.file(name, "x")
    }
    try FileManager.default.createSymbolicLink(
      atPath: scratch.path + "/gone.jpg",
      withDestinationPath: scratch.path + "/nothing"
    )
    #expect(mkfifo(scratch.path + "/pipe.png", 0o600) == 0 && mkfifo(scratch.path + "/control", 0o600) == 0)
    let folder = try FolderCollection(path: scratch.path)
    #expect(folder.count == 1)
    #expect(
      folder.warnings == [
        "left out of \(scratch.path): 1 link that leads nowhere",
        "left out of \(scratch.path): 1 that are not files but pipes, sockets or devices",
        "left out of \(scratch.path): 3 files of other formats (psd 2, svg 1)",
      ]
    )
  }

  @Test func aPNGIsAnImageWhateverItsSize() throws {
    let scratch = try TemporaryFolder()
    let png: [UInt8] =
      [0x89, 0x50, 0x4E, 0x47, 0x0D, 0x0A, 0x1A, 0x0A] + [UInt8](repeating: 0, count: 3074 - 8)
    let image = try ImageSource.open(scratch.file("p.png", png))
    #expect(image.count == 1 && image is SingleImage)
  }

  @Test func aStrayBinaryFileMakesNoFolderCIFAR() throws {
    let scratch = try TemporaryFolder()
    _ = try scratch.file("a.bmp", "x")
    _ = try scratch.file("firmware.bin", [UInt8](repeating: 0xFF, count: 3074))
    #expect(try ImageSource.open(scratch.path) is FolderCollection)
  }

  @Test(arguments: [
    (Array("PAR1xxxx".utf8), "pyarrow.parquet"), (Array("ARROW1xx".utf8), "pyarrow.feather"),
    ([0xFD, 0x37, 0x7A, 0x58, 0x5A, 0], "xz -dc"), (Array("%PDF-1.7".utf8), "vectors"),
    ([0x10, 0, 0, 0, 0, 0, 0, 0] + Array("{\"a\":1}".utf8), "safetensors"),
  ])
  func otherFormatsAreRefusedWithAWayOut(bytes: [UInt8], word: String) throws {
    let scratch = try TemporaryFolder()
    let path = try scratch.file("v.dat", bytes)
    let vectors = #expect(throws: CollectionError.self) { try FeatureSource(path: path).open() }
    #expect(vectors?.reason.contains(word) == true && vectors?.reason.contains("Fix: ") == true)
    #expect(throws: CollectionError.self) { try ImageSource.open(path) }
  }

  static let others: [([UInt8], String)] = [
    (Array("a,b\n".utf8), "it is text, not an image. Fix: for a file of vectors, adbvec load"),
    (
      [0x93] + Array("NUMPY\u{1}\0".utf8),
      "it is a NumPy array, not an image. Fix: for a file of vectors, adbvec load"
    ),
    (
      [1, 2, 3, 4],
      "it is neither an image (avif, bmp, dib, gif, heic, heif, hif, jfif, jpe, jpeg, jpg, jxl, png, tif, tiff, webp) "
        + "nor CIFAR, by its first bytes. Fix: name an image or a folder of images"
    ),
    ([], "there is nothing in it"),
    (Array("%PDF-1.7".utf8), "it is PDF, which is not read here. Fix: write it as PNG or JPEG"),
    (
      [0, 0, 0, 0x18] + Array("ftypmp42".utf8),
      "it is a video, which is not read here. Fix: write it as PNG or JPEG"
    ),
  ]

  @Test(arguments: others)
  func aFileThatIsNoImageIsNamed(bytes: [UInt8], reason: String) throws {
    let scratch = try TemporaryFolder()
    let path = try scratch.file("x.dat", bytes)
    let error = #expect(throws: CollectionError.self) { try ImageSource.open(path) }
    #expect(error?.reason == reason)
  }
}

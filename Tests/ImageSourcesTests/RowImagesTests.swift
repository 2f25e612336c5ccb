import Basics
import Foundation
import ImageCodecs
import ImageSources
import TestSupport
import Testing

/// The images of rows: where each row says, or in the collection that was loaded.
struct RowImagesTests {
  private static func image(_ value: UInt8) throws -> Image {
    try Image(width: 1, height: 1, rgb: [value, value, value])
  }

  @Test func anImageIsWhereItsRowSays() throws {
    let scratch = try TemporaryFolder()
    let file = try scratch.file("a b.png", try Self.image(7).pngData())
    let images = RowImages()
    #expect(try images.image(source: file) == Self.image(7))
    #expect(images.isThere(source: file) && !images.isThere(source: file + ".gone"))
    #expect(throws: CollectionError.self) { try images.image(source: file + ".gone") }
    let notAnImage = try scratch.file("text.png", "text")
    #expect(images.isThere(source: notAnImage))
    #expect(throws: CollectionError.self) { try images.image(source: notAnImage) }
  }

  @Test func aRecordIsFoundByItsNumber() throws {
    let scratch = try TemporaryFolder()
    let records = [3, 4].flatMap { [UInt8($0)] + [UInt8](repeating: UInt8($0), count: 3072) }
    let path = try scratch.file("data_batch_1.bin", records)
    let images = RowImages()
    #expect(try images.image(source: path + "#1").rgb == [UInt8](repeating: 4, count: 3072))
    #expect(images.isThere(source: path + "#0") && !images.isThere(source: path + "#2"))
    let error = #expect(throws: RowImageError.self) { try images.image(source: path + "#2") }
    #expect(error?.description == "\(path) has no record 2")
  }

  @Test(arguments: [nil, "a/cat.png", ""])
  func aRowThatNamesNoPlaceHasNoImage(source: String?) {
    #expect(!RowImages().isThere(source: source))
    #expect(throws: RowImageError.self) { try RowImages().image(source: source) }
  }

  /// The collection counts, whatever the rows say.
  @Test func idsArePositionsInTheLoadedCollection() throws {
    let scratch = try TemporaryFolder()
    for value in [5, 6] as [UInt8] { _ = try scratch.file("\(value).png", try Self.image(value).pngData()) }
    let images = RowImages(loaded: try ImageSource.open(scratch.path))
    #expect(try images.image(id: 1, source: scratch.path + "/5.png") == Self.image(6))
    for id in [ImageID(2), ImageID(-1), ImageID("1b"), nil] {
      #expect(throws: RowImageError.self) { try images.image(id: id, source: scratch.path + "/5.png") }
    }
  }
}

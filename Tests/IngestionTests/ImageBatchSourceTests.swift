import Basics
import Foundation
import ImageCodecs
import ImageSources
import Synchronization
import TestSupport
import Testing

@testable import Ingestion

@Suite struct ImageBatchSourceTests {
  /// Images of one pixel, whose red is their position.
  private struct Dots: ImageCollection {
    let name = "dots"
    let count: Int
    func entry(at position: Int) -> ImageEntry {
      ImageEntry(
        id: position,
        label: nil,
        name: "\(position)",
        place: .record(collection: "/dots", number: position)
      )
    }
    func image(at position: Int) throws -> Image {
      try Image(width: 1, height: 1, rgb: [UInt8(truncatingIfNeeded: position), 0, 0])
    }
    var bytes = 0
    var firstBytes: Int?
    func decodingBytes(at position: Int) -> Int { position == 0 ? firstBytes ?? bytes : bytes }
    func fingerprint() -> SourceFingerprint { SourceFingerprint("dots") }
  }

  /// The first image is done when all others of the window are: with two workers that takes the other one. Also one that takes
  /// more memory than there is.
  @Test(arguments: [0, 1 << 40])
  func aSlowImageHoldsUpNoOther(bytes: Int) async throws {
    let others = DispatchSemaphore(value: 0)
    let source = ImageBatchSource(
      Dots(count: 40, bytes: 100, firstBytes: bytes),
      .init(workers: 2, decodingMemory: 1000)
    ) {
      { image in
        let position = image.rgb[0]
        if position == 0 {
          for _ in 1..<40 {
            guard others.wait(timeout: .now() + 60) == .success else {
              throw LoadError(.features, "the others wait for the first image")
            }
          }
        } else {
          others.signal()
        }
        return [Float(position)]
      }
    }
    let batch = try #require(try await source.next(rows: 40, skipping: DoneRanges()))
    #expect(batch.rows.ids == (0..<40).map { ImageID($0) })
    #expect(batch.rows.values == (0..<40).map { Float($0) })
    #expect(try await source.next(rows: 40, skipping: DoneRanges()) == nil)
  }

  /// Four workers, and memory for two images, or for none as large as these: then they are decoded one by one.
  @Test(arguments: [(500, 2), (5000, 1)])
  func memoryBoundsWhatIsDecodedAtOnce(bytes: Int, most: Int) async throws {
    let atOnce = Atomic(0)
    let highest = Atomic(0)
    let source = ImageBatchSource(Dots(count: 60, bytes: bytes), .init(workers: 4, decodingMemory: 1000)) {
      { image in
        let now = atOnce.add(1, ordering: .relaxed).newValue
        _ = highest.max(now, ordering: .relaxed)
        usleep(500)
        atOnce.subtract(1, ordering: .relaxed)
        return [Float(image.rgb[0])]
      }
    }
    let batch = try #require(try await source.next(rows: 60, skipping: DoneRanges()))
    #expect(batch.rows.ids == (0..<60).map { ImageID($0) })
    #expect((1...most).contains(highest.load(ordering: .relaxed)))
  }

  /// Two frames of one pixel.
  private struct Animations: ImageCollection {
    let name = "animations"
    let count = 6
    func entry(at position: Int) -> ImageEntry { Dots(count: count).entry(at: position) }
    func image(at position: Int) throws -> Image {
      let frame: [UInt8] = [0x2C, 0, 0, 0, 0, 1, 0, 1, 0, 0, 2, 2, 0x44, 1, 0]
      let head = Array("GIF89a".utf8) + [1, 0, 1, 0, 0x80, 0, 0, 0, 0, 0, 255, 255, 255]
      return try Image(decoding: head + frame + (position % 2 == 0 ? frame : []) + [0x3B])
    }
    func fingerprint() -> SourceFingerprint { SourceFingerprint("animations") }
  }

  /// While a worker is with one image, the files of the next ones come into memory: up to a file more than an eighth of what decoding
  /// may take, which here is four files. Beside other tests not all may be asked for yet.
  @Test func filesOfTheNextImagesAreReadAhead() async throws {
    let folder = try TemporaryFolder()
    let files = try (10..<22).map { try folder.file("\($0).bmp", Self.bitmap(side: 300)) }
    for file in files { Self.forget(file) }
    guard !files.contains(where: Self.isInMemory) else {
      print("skipped: the temporary folder's files cannot leave memory")
      return
    }
    let read = Atomic(0)
    let source = ImageBatchSource(
      try FolderCollection(path: folder.path),
      .init(workers: 1, decodingMemory: 8 << 20)
    ) {
      { _ in
        guard read.load(ordering: .relaxed) == 0 else { return [1] }
        for _ in 0..<12_000 where files.count(where: Self.isInMemory) < 3 { usleep(5000) }
        usleep(100_000)
        read.store(files.count(where: Self.isInMemory), ordering: .relaxed)
        return [1]
      }
    }
    _ = try await source.next(rows: 12, skipping: DoneRanges())
    #expect((3...5).contains(read.load(ordering: .relaxed)))
  }

  /// A square of one grey as a Windows bitmap, 24 bits a pixel; the side a multiple of 4.
  private static func bitmap(side: Int) -> [UInt8] {
    func four(_ value: Int) -> [UInt8] { (0..<4).map { UInt8(truncatingIfNeeded: value >> (8 * $0)) } }
    let size = side * side * 3
    let head = Array("BM".utf8) + four(54 + size) + four(0) + four(54)
    let info =
      four(40) + four(side) + four(side) + [1, 0, 24, 0] + four(0) + four(size)
      + [UInt8](repeating: 0, count: 16)
    return head + info + [UInt8](repeating: 200, count: size)
  }

  private static func forget(_ file: String) {
    let descriptor = open(file, O_RDONLY)
    defer { close(descriptor) }
    fsync(descriptor)
    posix_fadvise(descriptor, 0, 0, POSIX_FADV_DONTNEED)
  }

  /// Whether the system has all of a file in its cache.
  private static func isInMemory(_ file: String) -> Bool {
    let descriptor = open(file, O_RDONLY)
    defer { close(descriptor) }
    var info = stat()
    guard fstat(descriptor, &info) == 0, info.st_size > 0 else { return false }
    let size = Int(info.st_size)
    let memory = mmap(nil, size, PROT_READ, MAP_SHARED, descriptor, 0)
    guard let memory, memory != MAP_FAILED else { return false }
    defer { munmap(memory, size) }
    var pages = [UInt8](repeating: 0, count: (size + 4095) / 4096)
    return mincore(memory, size, &pages) == 0 && pages.allSatisfy { $0 & 1 == 1 }
  }

  @Test func animationsAreCounted() async throws {
    let source = ImageBatchSource(Animations(), .init(workers: 2)) { { [Float($0.width)] } }
    #expect(await source.notices().isEmpty)
    _ = try await source.next(rows: 6, skipping: DoneRanges())
    #expect(await source.notices() == ["3 animations: their first frames were taken"])
  }

  /// The closure of a worker was wrapped in another with each image, until a call overflowed the stack.
  @Test func aWorkerServesAsManyImagesAsThereAre() async throws {
    let source = ImageBatchSource(Dots(count: 60_000), .init(workers: 1)) { { [Float($0.rgb[0])] } }
    var count = 0
    while let batch = try await source.next(rows: 5_000, skipping: DoneRanges()) { count += batch.rows.count }
    #expect(count == 60_000)
  }

  /// As many large vectors as fit 16 MiB wait, not more.
  @Test func largeVectorsDoNotPileUp() async throws {
    let started = Atomic(0)
    let source = ImageBatchSource(Dots(count: 200), .init(workers: 2)) {
      { image in
        started.add(1, ordering: .relaxed)
        return [Float](repeating: Float(image.rgb[0]), count: 1 << 19)
      }
    }
    // The window is known with the first vector, and nothing is asked for after that.
    for row in 0..<70 {
      let batch = try #require(try await source.next(rows: 1, skipping: DoneRanges()))
      #expect(batch.rows.ids == [ImageID(Int64(row))])
    }
    #expect(started.load(ordering: .relaxed) <= 70 + 8)
  }
}

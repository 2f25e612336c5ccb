import Foundation
import ImageCodecs
import TestSupport
import Testing

@testable import ImageSources

/// Random damage to the files that rows are read from: the readers return whole rows or throw. `scripts/fuzz` does the same
/// at length.
struct MutationTests {
  /// A file of each format, and classes for those that carry none.
  static let samples: [(format: String, bytes: [UInt8])] = [
    ("features", Array("7|cat|{0.5,-1.25e2,3}\n8||{1,2,3}\n9|a\\|b|{4,5,6}\n".utf8)),
    ("csv", Array("id,class,vector\n3,cat,\"{1,2}\"\n4,\"a \"\"b\"\"\",\"[3, 4]\"\r\n".utf8)),
    ("csv", Array("3,cat,1,2\n4,dog,3,4\n".utf8)),
    (
      "jsonl",
      Array(
        "{\"id\": 1, \"class\": \"\\u00e9\", \"x\": [{}], \"vector\": [1, -2.5e1]}\n{\"vector\":[3,4]}\n".utf8
      )
    ),
    ("npy", numpy("'<f4'", "(2, 3)", 24)), ("npy", numpy("'<f8'", "(1, 3)", 24)),
    ("npy", numpy("'<f2'", "(3, 4)", 24)),
    ("fvecs", [2, 0, 0, 0, 0, 0, 128, 63, 0, 0, 0, 64, 2, 0, 0, 0, 0, 0, 64, 64, 0, 0, 128, 64]),
    ("bvecs", [3, 0, 0, 0, 1, 2, 3, 3, 0, 0, 0, 4, 5, 6]),
    ("npz", fixture("vectors/stored.npz")), ("npz", fixture("vectors/deflated.npz")),
    ("features", fixture("vectors/features.txt.gz")), ("npy", fixture("vectors/rows.npy.zst")),
  ]

  private static func fixture(_ name: String) -> [UInt8] {
    let folder = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
    return FileManager.default.contents(atPath: folder.appending(path: "Fixtures/" + name).path).map {
      Array($0)
    } ?? []
  }

  private static func numpy(_ type: String, _ shape: String, _ bytes: Int) -> [UInt8] {
    let text = "{'descr': \(type), 'fortran_order': False, 'shape': \(shape), }"
    let padded = text + String(repeating: " ", count: 64 * 2 - 10 - text.utf8.count - 1) + "\n"
    return [0x93] + Array("NUMPY".utf8) + [1, 0, UInt8(padded.utf8.count), 0] + Array(padded.utf8)
      + (0..<bytes).map { UInt8(truncatingIfNeeded: $0 &* 37) }
  }

  @Test(arguments: 0..<13)
  func damagedRowsDoNoHarm(sample: Int) async throws {
    let (format, bytes) = Self.samples[sample]
    try withTemporaryFolder { folder in
      let path = folder + "/rows." + format
      try Data(bytes).write(to: URL(filePath: path))
      #expect(try Self.rows(path, format) > 0, "the sample itself is read")
      var mutator = Mutator(seed: 11, bytes)
      for _ in 0..<300 {
        try Data(mutator.next()).write(to: URL(filePath: path))
        _ = try? Self.rows(path, format)
      }
    }
  }

  /// Reads everything; only whole rows are read.
  private static func rows(_ path: String, _ format: String, labels: String? = nil) throws -> Int {
    let reader = try FeatureSource(path: path, format: .init(format), labels: labels).open()
    var batch = FeatureBatch()
    var count = 0
    while count < 10_000, try reader.read(into: &batch, limit: 3) {
      #expect(batch.values.count == batch.count * batch.dimension)
      #expect(batch.labels.count == batch.count)
      count += batch.count
      batch = FeatureBatch(firstPosition: count)
    }
    return count + batch.count
  }

  @Test func damagedClassFilesDoNoHarm() async throws {
    try withTemporaryFolder { folder in
      let (rows, labels) = (folder + "/rows.bvecs", folder + "/classes.txt")
      try Data(Self.samples[8].bytes).write(to: URL(filePath: rows))
      var mutator = Mutator(seed: 12, Array("cat\ndog \u{E9}\n".utf8))
      for _ in 0..<300 {
        try Data(mutator.next()).write(to: URL(filePath: labels))
        _ = try? Self.rows(rows, "bvecs", labels: labels)
      }
      let images = folder + "/images"
      try FileManager.default.createDirectory(atPath: images + "/a", withIntermediateDirectories: true)
      for name in ["a/1.png", "b.png"] { try Data([1]).write(to: URL(filePath: images + "/" + name)) }
      mutator = Mutator(seed: 13, Array("path,class\na/1.png,cat\n\"b.png\",\"d\"\"og\"\n".utf8))
      for _ in 0..<300 {
        try Data(mutator.next()).write(to: URL(filePath: labels))
        guard let found = try? ImageSource.open(images, labels: labels) else { continue }
        for position in 0..<found.count { _ = try? found.entry(at: position) }
      }
    }
  }

  @Test(arguments: ["python2", "2", "4", "5"])
  func damagedPicklesOfCIFARDoNoHarm(number: String) async throws {
    let archive = CIFARDownloadTests.fixtures + "/cifar-100-python-\(number).tar.gz"
    let train = try TarArchive.unpack(archive) { $0.hasSuffix("/train") }.files[0].file
    let bytes = try train.read(offset: 0, count: train.size)
    try withTemporaryFolder { folder in
      let path = folder + "/train"
      var mutator = Mutator(seed: 17, bytes)
      for _ in 0..<300 {
        try Data(mutator.next()).write(to: URL(filePath: path))
        guard let found = try? ImageSource.open(path) else { continue }
        for position in 0..<min(found.count, 8) {
          let entry = try? found.entry(at: position)
          #expect(entry.map { $0.id == position } ?? true)
          if let image = try? found.image(at: position) { #expect(image.rgb.count == 3072) }
        }
      }
    }
  }

  @Test func damagedCIFARDoesNoHarm() async throws {
    try withTemporaryFolder { folder in
      let record = [UInt8](repeating: 7, count: 3074)
      var mutator = Mutator(seed: 14, record + record)
      for round in 0..<60 {
        let path = folder + (round % 2 == 0 ? "/train.bin" : "/data_batch_1.bin")
        try Data(mutator.next()).write(to: URL(filePath: path))
        defer { try? FileManager.default.removeItem(atPath: path) }
        guard let found = try? CIFARCollection(path: path) else { continue }
        for position in 0..<found.count {
          _ = try? found.entry(at: position)
          _ = try? found.image(at: position)
        }
      }
    }
  }
}

import Checkpoints
import Foundation
import Testing

@Suite struct ZipCheckpointTests {
  /// `zipfile` of Python 3.11: one entry `a/data.pkl` with an empty dictionary, stored or deflated.
  static func archive(
    _ entries: [(name: String, body: [UInt8])],
    method: UInt16 = 0,
    size: UInt32? = nil
  ) -> [UInt8] {
    var file: [UInt8] = []
    var directory: [UInt8] = []
    for (name, body) in entries {
      let sizes = bytes(UInt32(body.count)) + bytes(size ?? UInt32(body.count))
      let common =
        bytes(UInt16(20)) + bytes(UInt16(0)) + bytes(method) + bytes(UInt32(0)) + bytes(UInt32(0)) + sizes
      let names = bytes(UInt16(name.utf8.count)) + bytes(UInt16(0))
      directory += bytes(UInt32(0x0201_4B50)) + bytes(UInt16(20)) + common + names
      directory += [UInt8](repeating: 0, count: 10) + bytes(UInt32(file.count)) + Array(name.utf8)
      file += bytes(UInt32(0x0403_4B50)) + common + names + Array(name.utf8) + body
    }
    let end = bytes(UInt32(0x0605_4B50)) + bytes(UInt32(0)) + bytes(UInt16(entries.count))
    let tail = bytes(UInt16(entries.count)) + bytes(UInt32(directory.count)) + bytes(UInt32(file.count))
    return file + directory + end + tail + bytes(UInt16(0))
  }

  private static func bytes<T: FixedWidthInteger>(_ value: T) -> [UInt8] {
    withUnsafeBytes(of: value.littleEndian) { Array($0) }
  }

  private static func pickle(_ build: (inout PickleBuilder) -> Void) -> [UInt8] {
    var builder = PickleBuilder()
    build(&builder)
    return builder.bytes + [0x2E]
  }

  private static let oneTensor = pickle {
    $0.raw("}")
    $0.text("w")
    $0.tensor(key: "0", count: 1, shape: [1], strides: [1])
    $0.raw("s")
  }

  @Test func `Storages are read from their entries`() throws {
    let file = Self.archive([("m/data.pkl", Self.oneTensor), ("m/data/0", [0, 0, 0x80, 0x3F])])
    #expect(try Checkpoint(decoding: file).tensor(named: "w").values == [1])
  }

  @Test(
    arguments: [
      ("a missing storage", [("m/data.pkl", oneTensor)], 0, nil, "lacks \"m/data/0\""),
      (
        "a short storage", [("m/data.pkl", oneTensor), ("m/data/0", [0, 0])], 0, nil,
        "shorter than the pickle says"
      ),
      ("no pickle", [("m/data/0", [0])], 0, nil, "without data.pkl"),
      ("an entry twice", [("m/data.pkl", oneTensor), ("m/data.pkl", oneTensor)], 0, nil, "twice"),
      ("a bomb", [("m/data.pkl", oneTensor)], 8, 0x7FFF_FFFF, "would inflate from"),
      (
        "many bombs", [("m/data.pkl", oneTensor), ("m/data/0", [0])], 8, 0x7FFF_FFFF,
        "would inflate to more than 2 GiB"
      ),
      ("spoiled deflate", [("m/data.pkl", [0xFF, 0xFF])], 8, 100, "damaged"),
      ("another compression", [("m/data.pkl", oneTensor)], 12, nil, "method 12"),
      ("big-endian", [("m/data.pkl", oneTensor), ("m/byteorder", Array("big".utf8))], 0, nil, "big-endian"),
    ] as [(String, [(String, [UInt8])], UInt16, UInt32?, String)]
  )
  func `A broken archive is refused`(
    what: String,
    entries: [(String, [UInt8])],
    method: UInt16,
    size: UInt32?,
    reason: String
  ) {
    let file = Self.archive(entries.map { (name: $0.0, body: $0.1) }, method: method, size: size)
    let error = #expect(throws: CheckpointError.self) { try Checkpoint(decoding: file) }
    #expect(error?.reason.contains(reason) == true, "\(what): \(String(describing: error))")
  }

  @Test func `An archive without its end is cut off`() {
    let file = Self.archive([("m/data.pkl", Self.oneTensor)])
    for count in 4..<file.count {
      #expect(throws: CheckpointError.self) { try Checkpoint(decoding: Array(file[..<count])) }
    }
  }
}

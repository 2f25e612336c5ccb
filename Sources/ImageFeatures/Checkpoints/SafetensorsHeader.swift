/// The header of a .safetensors file: eight bytes of length, then a JSON object of one entry a tensor and an optional
/// `__metadata__` of strings (github.com/huggingface/safetensors, format section).
struct SafetensorsHeader {
  /// The format's own limit.
  static let lengthLimit = 100_000_000

  struct Entry {
    var type: String
    var shape: [Int]
    var range: Range<Int>
  }

  private(set) var entries: [(name: String, entry: Entry)] = []
  private(set) var metadata: [String: String] = [:]
  /// Where the tensors' bytes begin in the file.
  let dataStart: Int

  init(_ bytes: UnsafeRawBufferPointer) throws {
    var cursor = ByteCursor(bytes)
    let length = try cursor.littleEndian(UInt64.self)
    guard length <= Self.lengthLimit else {
      throw CheckpointError(
        .unknownFormat,
        "this is no .safetensors file: its header would have \(length) bytes"
      )
    }
    var scanner = JSONScanner(try cursor.take(Int(length)))
    dataStart = cursor.position
    var names: Set<String> = []
    try scanner.object { name, scanner in
      guard names.insert(name).inserted else {
        throw CheckpointError(.damaged, "the header names \(CheckpointError.printable(name)) twice")
      }
      if name == "__metadata__" {
        try scanner.object { key, scanner in metadata[key] = try scanner.string() }
      } else {
        entries.append((name, try Self.entry(&scanner)))
      }
    }
    try scanner.end()
    try checkCoverage(of: cursor.remaining)
  }

  private static func entry(_ scanner: inout JSONScanner) throws -> Entry {
    var type: String?
    var shape: [Int]?
    var offsets: [Int]?
    try scanner.object { key, scanner in
      switch key {
      case "dtype": type = try scanner.string()
      case "shape": shape = try scanner.integers()
      case "data_offsets": offsets = try scanner.integers()
      default: throw JSONScanner.malformed
      }
    }
    guard let type, let shape, let offsets, offsets.count == 2, offsets[0] <= offsets[1] else {
      throw JSONScanner.malformed
    }
    return Entry(type: type, shape: shape, range: offsets[0]..<offsets[1])
  }

  /// The tensors fill the rest of the file without overlap or hole, as the format demands.
  private func checkCoverage(of size: Int) throws {
    var next = 0
    for range in entries.map(\.entry.range).sorted(by: {
      ($0.lowerBound, $0.upperBound) < ($1.lowerBound, $1.upperBound)
    }) {
      guard range.lowerBound == next else {
        throw CheckpointError(.damaged, "the tensors of the file overlap or leave a hole")
      }
      next = range.upperBound
    }
    guard next <= size else {
      throw CheckpointError(
        .truncated,
        "the header promises \(next) bytes of tensors, the file has \(size); download it again"
      )
    }
    guard next == size else {
      throw CheckpointError(.damaged, "the file has \(size - next) bytes behind its last tensor")
    }
  }
}

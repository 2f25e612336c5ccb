import Basics

/// Reading and writing .safetensors files (github.com/huggingface/safetensors).
public enum Safetensors {
  /// The bytes of a file that holds `tensors` as 32-bit floats.
  ///
  /// - Parameters:
  ///   - tensors: The tensors by name; they are written in the byte order of their names.
  ///   - metadata: Free text by key, e.g. where the tensors come from.
  /// - Throws: ``CheckpointError`` when a tensor is named `__metadata__`.
  public static func encode(_ tensors: [String: Tensor], metadata: [String: String] = [:]) throws -> [UInt8] {
    guard tensors["__metadata__"] == nil else {
      throw CheckpointError(.unsupported, "a tensor cannot be named __metadata__ in a .safetensors file")
    }
    let ordered = tensors.sorted { $0.key < $1.key }
    var header = Array(json(ordered, metadata).utf8)
    header += [UInt8](repeating: 0x20, count: (8 - header.count % 8) % 8)
    var file: [UInt8] = []
    file.reserveCapacity(8 + header.count + ordered.reduce(0) { $0 + $1.value.values.count * 4 })
    withUnsafeBytes(of: UInt64(header.count).littleEndian) { file += $0 }
    file += header
    for (_, tensor) in ordered { append(tensor.values, to: &file) }
    return file
  }

  /// Writes a file that holds `tensors` as 32-bit floats, replacing the old file in one step.
  ///
  /// - Throws: ``CheckpointError`` when the file cannot be written.
  public static func write(
    _ tensors: [String: Tensor],
    metadata: [String: String] = [:],
    toFile path: String
  ) throws {
    let bytes = try CheckpointError.naming(path) { try encode(tensors, metadata: metadata) }
    do {
      try AtomicFile.write(bytes, to: path)
    } catch let failure as AtomicFile.Failure {
      throw CheckpointError(.unreadable, "cannot be written: \(failure.reason)", file: path)
    }
  }

  private static func json(_ tensors: [(key: String, value: Tensor)], _ metadata: [String: String]) -> String
  {
    var members: [String] = []
    if !metadata.isEmpty {
      let pairs = metadata.sorted { $0.key < $1.key }.map {
        Quoting.json($0.key) + ":" + Quoting.json($0.value)
      }
      members.append("\"__metadata__\":{" + pairs.joined(separator: ",") + "}")
    }
    var offset = 0
    for (name, tensor) in tensors {
      let end = offset + tensor.values.count * 4
      let shape = tensor.shape.map(String.init).joined(separator: ",")
      members.append(
        "\(Quoting.json(name)):{\"dtype\":\"F32\",\"shape\":[\(shape)],\"data_offsets\":[\(offset),\(end)]}"
      )
      offset = end
    }
    return "{" + members.joined(separator: ",") + "}"
  }

  static func append(_ values: [Float], to bytes: inout [UInt8]) {
    values.withUnsafeBufferPointer { values in
      for value in values {
        withUnsafeBytes(of: value.bitPattern.littleEndian) { bytes += $0 }
      }
    }
  }
}

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
        "this is not a .safetensors file: its header would have \(length) bytes"
      )
    }
    var scanner = JSONScanner(try cursor.take(Int(length)))
    dataStart = cursor.position
    do {
      try readMembers(&scanner)
    } catch is JSONScanner.Problem {
      throw Self.malformed
    }
    try checkCoverage(of: cursor.remaining)
  }

  private mutating func readMembers(_ scanner: inout JSONScanner) throws {
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
  }

  private static var malformed: CheckpointError {
    CheckpointError(.damaged, "the header is not the JSON that .safetensors uses")
  }

  /// At most 64 whole numbers that are not negative.
  private static func integers(_ scanner: inout JSONScanner) throws -> [Int] {
    var values: [Int] = []
    try scanner.array { scanner in
      let value = try scanner.integer()
      guard values.count < 64, value >= 0 else { throw malformed }
      values.append(Int(value))
    }
    return values
  }

  private static func entry(_ scanner: inout JSONScanner) throws -> Entry {
    var type: String?
    var shape: [Int]?
    var offsets: [Int]?
    try scanner.object { key, scanner in
      switch key {
      case "dtype": type = try scanner.string()
      case "shape": shape = try integers(&scanner)
      case "data_offsets": offsets = try integers(&scanner)
      default: throw Self.malformed
      }
    }
    guard let type, let shape, let offsets, offsets.count == 2, offsets[0] <= offsets[1] else {
      throw Self.malformed
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

/// Finds the tensors that a .safetensors header describes.
enum SafetensorsReader {
  static func tensors(
    _ header: SafetensorsHeader,
    _ image: FileImage
  ) throws -> [(name: String, tensor: StoredTensor)] {
    try header.entries.map { name, entry in
      guard let type = ElementType(rawValue: entry.type) else {
        throw CheckpointError(
          .unsupported,
          "\(CheckpointError.printable(name)) has the number type \(CheckpointError.printable(entry.type)); "
            + "convert it to F32 or F16"
        )
      }
      let count = Tensor.elementCount(of: entry.shape)
      guard let count, count.multipliedReportingOverflow(by: type.size) == (entry.range.count, false) else {
        throw CheckpointError(
          .damaged,
          "the size of \(CheckpointError.printable(name)) does not fit its shape"
        )
      }
      let start = header.dataStart + entry.range.lowerBound
      let region = try FileRegion(image, start..<start + entry.range.count)
      return (name, try StoredTensor(type: type, shape: entry.shape, region: region))
    }
  }
}

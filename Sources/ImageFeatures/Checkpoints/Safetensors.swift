/// Writing .safetensors files (github.com/huggingface/safetensors).
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
    try FileWriting.replace(
      path,
      with: CheckpointError.naming(path) { try encode(tensors, metadata: metadata) }
    )
  }

  private static func json(_ tensors: [(key: String, value: Tensor)], _ metadata: [String: String]) -> String
  {
    var members: [String] = []
    if !metadata.isEmpty {
      let pairs = metadata.sorted { $0.key < $1.key }.map { quoted($0.key) + ":" + quoted($0.value) }
      members.append("\"__metadata__\":{" + pairs.joined(separator: ",") + "}")
    }
    var offset = 0
    for (name, tensor) in tensors {
      let end = offset + tensor.values.count * 4
      let shape = tensor.shape.map(String.init).joined(separator: ",")
      members.append(
        "\(quoted(name)):{\"dtype\":\"F32\",\"shape\":[\(shape)],\"data_offsets\":[\(offset),\(end)]}"
      )
      offset = end
    }
    return "{" + members.joined(separator: ",") + "}"
  }

  private static func quoted(_ text: String) -> String {
    var quoted = "\""
    for scalar in text.unicodeScalars {
      switch scalar {
      case "\"": quoted += "\\\""
      case "\\": quoted += "\\\\"
      case _ where scalar.value < 0x20:
        let digits = String(scalar.value, radix: 16)
        quoted += "\\u" + String(repeating: "0", count: 4 - digits.count) + digits
      default: quoted.unicodeScalars.append(scalar)
      }
    }
    return quoted + "\""
  }

  static func append(_ values: [Float], to bytes: inout [UInt8]) {
    values.withUnsafeBufferPointer { values in
      for value in values {
        withUnsafeBytes(of: value.bitPattern.littleEndian) { bytes += $0 }
      }
    }
  }
}

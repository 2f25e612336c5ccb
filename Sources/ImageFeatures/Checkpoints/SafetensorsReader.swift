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

extension NumpyFile {
  /// The bytes of a .npy file that holds a tensor as 32-bit floats in C order.
  public static func encode(_ tensor: Tensor) throws -> [UInt8] {
    var file = try NumpyHeader.encode(type: .float32, isFortran: false, shape: tensor.shape)
    Safetensors.append(tensor.values, to: &file)
    return file
  }

  /// The bytes of a .npy file that holds integers as 64-bit numbers, e.g. ids beside vectors.
  ///
  /// - Throws: ``CheckpointError`` when `shape` does not fit the number of integers.
  public static func encode(integers: [Int], shape: [Int]? = nil) throws -> [UInt8] {
    let shape = shape ?? [integers.count]
    guard Tensor.elementCount(of: shape) == integers.count else {
      throw CheckpointError(.unsupported, "\(integers.count) integers do not fit the shape \(shape)")
    }
    var file = try NumpyHeader.encode(type: .int64, isFortran: false, shape: shape)
    for value in integers {
      withUnsafeBytes(of: Int64(value).littleEndian) { file += $0 }
    }
    return file
  }

  /// Writes a tensor as 32-bit floats in C order, replacing the old file in one step.
  ///
  /// - Throws: ``CheckpointError`` when the file cannot be written.
  public static func write(_ tensor: Tensor, toFile path: String) throws {
    try FileWriting.replace(path, with: encode(tensor))
  }

  /// Writes integers as 64-bit numbers, replacing the old file in one step.
  ///
  /// - Throws: ``CheckpointError`` when the file cannot be written.
  public static func write(integers: [Int], shape: [Int]? = nil, toFile path: String) throws {
    try FileWriting.replace(
      path,
      with: CheckpointError.naming(path) { try encode(integers: integers, shape: shape) }
    )
  }
}

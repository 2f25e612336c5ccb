/// An array in a .npy file, mapped into memory and read when asked for.
///
/// Reads little-endian integers and floats, in C and Fortran order; hands out C order.
public struct NumpyFile: Sendable {
  /// The file that was opened; nil for bytes from memory.
  public let file: String?
  private let stored: StoredTensor
  /// Whether the file keeps the first axis fastest.
  public let isFortran: Bool

  /// Opens a .npy file.
  ///
  /// - Throws: ``CheckpointError`` that names the file and says what to do.
  public init(contentsOfFile path: String) throws {
    try self.init(FileImage(mapping: path), file: path)
  }

  /// Opens a .npy file held in memory.
  ///
  /// - Throws: ``CheckpointError``.
  public init(decoding bytes: [UInt8]) throws {
    try self.init(FileImage(copying: bytes), file: nil)
  }

  private init(_ image: FileImage, file: String?) throws {
    (stored, isFortran) = try CheckpointError.naming(file) { try Self.open(image) }
    self.file = file
  }

  /// The length of each axis, outermost first.
  public var shape: [Int] { stored.shape }

  /// The number type in the file.
  public var type: ElementType { stored.type }

  /// The whole array, converted to 32-bit floats.
  public func tensor() throws -> Tensor {
    try Tensor(shape: stored.shape, values: stored.floats())
  }

  /// Some entries of the first axis, converted to 32-bit floats: `rows(0..<100)` of a (50000, 512) array has the
  /// shape (100, 512).
  ///
  /// - Throws: ``CheckpointError`` when the array has no axis or the range leaves it.
  public func rows(_ range: Range<Int>) throws -> Tensor {
    guard let length = shape.first, let stride = stored.strides.first, range.lowerBound >= 0,
      range.upperBound <= length
    else {
      throw CheckpointError(
        .unsupported,
        "there are no rows \(range) in an array of shape \(shape)",
        file: file
      )
    }
    let part = try StoredTensor(
      type: type,
      shape: [range.count] + shape.dropFirst(),
      strides: stored.strides,
      offset: range.isEmpty ? 0 : stored.offset + range.lowerBound * stride,
      region: stored.region
    )
    return try Tensor(shape: part.shape, values: part.floats())
  }

  /// The whole array as integers in C order, exactly.
  ///
  /// - Throws: ``CheckpointError`` when the file holds floats, or an unsigned number beyond `Int`.
  public func integers() throws -> [Int] {
    guard let integers = stored.integers() else {
      throw CheckpointError(.unsupported, "\(type.rawValue) values are not integers", file: file)
    }
    return integers
  }

  private static func open(_ image: FileImage) throws -> (StoredTensor, isFortran: Bool) {
    let header = try NumpyHeader(image.bytes)
    let region = try FileRegion(image, header.dataStart..<image.bytes.count)
    let count = Tensor.elementCount(of: header.shape)
    let size = count.map { $0.multipliedReportingOverflow(by: header.type.size) }
    guard let size, !size.overflow, size.partialValue <= region.range.count else {
      throw CheckpointError(
        .truncated,
        "an array of shape \(header.shape.prefix(8)) needs more than the \(region.range.count) bytes of the file"
      )
    }
    let strides =
      header.isFortran ? Array(StoredTensor.rowMajor(header.shape.reversed()).reversed()) : nil
    let tensor = try StoredTensor(
      type: header.type,
      shape: header.shape,
      strides: strides ?? StoredTensor.rowMajor(header.shape),
      offset: 0,
      region: region
    )
    return (tensor, header.isFortran)
  }
}

import Basics
import FoundationEssentials
internal import Glibc

/// The number type of a stored tensor.
public enum ElementType: String, Sendable, Hashable, CaseIterable {
  /// 64-bit IEEE 754.
  case float64 = "F64"
  /// 32-bit IEEE 754.
  case float32 = "F32"
  /// 16-bit IEEE 754.
  case float16 = "F16"
  /// The upper half of a 32-bit float.
  case bfloat16 = "BF16"
  /// 64-bit signed.
  case int64 = "I64"
  /// 32-bit signed.
  case int32 = "I32"
  /// 16-bit signed.
  case int16 = "I16"
  /// 8-bit signed.
  case int8 = "I8"
  /// 64-bit unsigned.
  case uint64 = "U64"
  /// 32-bit unsigned.
  case uint32 = "U32"
  /// 16-bit unsigned.
  case uint16 = "U16"
  /// 8-bit unsigned.
  case uint8 = "U8"
  /// One byte, 0 or 1.
  case bool = "BOOL"

  /// Bytes an element.
  public var size: Int {
    switch self {
    case .float64, .int64, .uint64: 8
    case .float32, .int32, .uint32: 4
    case .float16, .bfloat16, .int16, .uint16: 2
    case .int8, .uint8, .bool: 1
    }
  }
}

/// A tensor that still lies in its file: type, shape, strides and place, checked against the storage's bounds.
struct StoredTensor: Sendable {
  let type: ElementType
  let shape: [Int]
  /// Elements to step for each axis; never negative.
  let strides: [Int]
  /// The first element, counted in elements from the region's start.
  let offset: Int
  let region: FileRegion
  /// The number of elements.
  let count: Int

  /// - Throws: ``CheckpointError`` when the view leaves its storage, overflows, or is far larger than its storage.
  init(type: ElementType, shape: [Int], strides: [Int], offset: Int, region: FileRegion) throws {
    guard let count = Tensor.elementCount(of: shape), strides.count == shape.count, shape.count <= 64 else {
      throw CheckpointError(.damaged, "a tensor has the impossible shape \(Self.brief(shape))")
    }
    let stored = region.range.count / type.size
    if count > 0 {
      guard let last = Self.lastElement(shape, strides, offset), last < stored else {
        throw CheckpointError(
          .damaged,
          "a tensor of shape \(Self.brief(shape)) reaches beyond its storage of \(stored) elements"
        )
      }
      guard count <= max(16 * stored, 1 << 16) else {
        throw CheckpointError(
          .tooLarge,
          "a view of shape \(Self.brief(shape)) repeats a storage of \(stored)"
        )
      }
    }
    self.type = type
    self.shape = shape
    self.strides = strides
    self.offset = offset
    self.region = region
    self.count = count
  }

  /// A tensor in C order that fills its region.
  init(type: ElementType, shape: [Int], region: FileRegion) throws {
    try self.init(type: type, shape: shape, strides: Self.rowMajor(shape), offset: 0, region: region)
  }

  /// The strides of C order: the last axis varies fastest.
  static func rowMajor(_ shape: [Int]) -> [Int] {
    var strides = [Int](repeating: 1, count: shape.count)
    for axis in shape.indices.dropLast().reversed() {
      strides[axis] = strides[axis + 1].multipliedReportingOverflow(by: max(1, shape[axis + 1])).partialValue
    }
    return strides
  }

  /// The index of the farthest element; nil on overflow or a negative offset or stride.
  private static func lastElement(_ shape: [Int], _ strides: [Int], _ offset: Int) -> Int? {
    guard offset >= 0 else { return nil }
    var last = offset
    for (length, stride) in zip(shape, strides) {
      guard stride >= 0 else { return nil }
      let (reach, overflow) = (length - 1).multipliedReportingOverflow(by: stride)
      let (sum, carried) = last.addingReportingOverflow(reach)
      guard !overflow, !carried else { return nil }
      last = sum
    }
    return last
  }

  private static func brief(_ shape: [Int]) -> String {
    "\(Array(shape.prefix(8)))" + (shape.count > 8 ? " and \(shape.count - 8) more axes" : "")
  }
}

extension StoredTensor {
  /// The elements in C order, as 32-bit floats.
  func floats() -> [Float] {
    region.withBytes { bytes in
      switch type {
      case .float32: gather(bytes, Float.self) { $0 }
      case .float64: gather(bytes, Double.self) { Float($0) }
      case .float16: gather(bytes, UInt16.self) { Float(Float16(bitPattern: $0)) }
      case .bfloat16: gather(bytes, UInt16.self) { Float(bitPattern: UInt32($0) << 16) }
      case .int64: gather(bytes, Int64.self) { Float($0) }
      case .int32: gather(bytes, Int32.self) { Float($0) }
      case .int16: gather(bytes, Int16.self) { Float($0) }
      case .int8: gather(bytes, Int8.self) { Float($0) }
      case .uint64: gather(bytes, UInt64.self) { Float($0) }
      case .uint32: gather(bytes, UInt32.self) { Float($0) }
      case .uint16: gather(bytes, UInt16.self) { Float($0) }
      case .uint8: gather(bytes, UInt8.self) { Float($0) }
      case .bool: gather(bytes, UInt8.self) { $0 == 0 ? 0 : 1 }
      }
    }
  }

  /// The elements in C order as integers; nil for a floating-point tensor or a value beyond `Int`.
  func integers() -> [Int]? {
    region.withBytes { bytes -> [Int]? in
      switch type {
      case .int64: gather(bytes, Int64.self) { Int($0) }
      case .int32: gather(bytes, Int32.self) { Int($0) }
      case .int16: gather(bytes, Int16.self) { Int($0) }
      case .int8: gather(bytes, Int8.self) { Int($0) }
      case .uint64:
        {
          let values = gather(bytes, UInt64.self) { Int(exactly: $0) ?? -1 }
          return values.contains(-1) ? nil : values
        }()
      case .uint32: gather(bytes, UInt32.self) { Int($0) }
      case .uint16: gather(bytes, UInt16.self) { Int($0) }
      case .uint8, .bool: gather(bytes, UInt8.self) { Int($0) }
      case .float64, .float32, .float16, .bfloat16: nil
      }
    }
  }

  private var isContiguous: Bool {
    var expected = 1
    for (length, stride) in zip(shape, strides).reversed() where length != 1 {
      guard stride == expected else { return false }
      expected *= length
    }
    return true
  }

  @inline(__always)
  private func gather<Stored, Value>(
    _ bytes: UnsafeRawBufferPointer,
    _: Stored.Type,
    _ convert: (Stored) -> Value
  ) -> [Value] {
    let width = MemoryLayout<Stored>.size
    return [Value](unsafeUninitializedCapacity: count) { output, filled in
      filled = count
      guard count > 0 else { return }
      guard !isContiguous else {
        for index in 0..<count {
          output[index] = convert(
            bytes.loadUnaligned(fromByteOffset: (offset + index) * width, as: Stored.self)
          )
        }
        return
      }
      var position = [Int](repeating: 0, count: shape.count)
      var element = offset
      for index in 0..<count {
        output[index] = convert(bytes.loadUnaligned(fromByteOffset: element * width, as: Stored.self))
        advance(&position, &element)
      }
    }
  }

  /// Steps to the next position in C order, as an odometer does.
  private func advance(_ position: inout [Int], _ element: inout Int) {
    for axis in shape.indices.reversed() {
      position[axis] += 1
      element += strides[axis]
      if position[axis] < shape[axis] { return }
      element -= position[axis] * strides[axis]
      position[axis] = 0
    }
  }
}

/// Bytes of a file that stay in place while somebody holds this: a read-only mapping, or memory.
///
/// `@unchecked Sendable`: the bytes are never written after `init`, and freed in `deinit` only.
/// As with every mapping, a file that another process shortens while it is read ends the process (SIGBUS).
final class FileImage: @unchecked Sendable {
  let bytes: UnsafeRawBufferPointer
  private let release: (UnsafeRawBufferPointer) -> Void

  convenience init(mapping path: String) throws {
    let name = PathText.bytes(path).map { CChar(bitPattern: $0) } + [0]
    let descriptor = open(name, O_RDONLY | O_CLOEXEC)
    guard descriptor >= 0 else { throw Self.unreadable(path) }
    defer { close(descriptor) }
    try self.init(mapping: descriptor, name: path)
  }

  /// The file stays open; `path` is for messages.
  init(mapping descriptor: Int32, name path: String) throws {
    var status = stat()
    guard fstat(descriptor, &status) == 0 else { throw Self.unreadable(path) }
    guard status.st_mode & S_IFMT == S_IFREG else {
      throw CheckpointError(.unreadable, "not a regular file", file: path)
    }
    let size = Int(status.st_size)
    guard size > 0 else { throw CheckpointError(.truncated, "the file is empty", file: path) }
    guard let start = mmap(nil, size, PROT_READ, MAP_PRIVATE, descriptor, 0), start != MAP_FAILED else {
      throw Self.unreadable(path)
    }
    bytes = UnsafeRawBufferPointer(start: start, count: size)
    release = { munmap(UnsafeMutableRawPointer(mutating: $0.baseAddress), $0.count) }
  }

  init(copying source: [UInt8]) {
    let memory = UnsafeMutableRawBufferPointer.allocate(byteCount: source.count, alignment: 16)
    memory.copyBytes(from: source)
    bytes = UnsafeRawBufferPointer(memory)
    release = { $0.deallocate() }
  }

  deinit { release(bytes) }

  private static func unreadable(_ path: String) -> CheckpointError {
    CheckpointError(.unreadable, "cannot be read: \(String(cString: strerror(errno)))", file: path)
  }
}

/// A range of a file image.
struct FileRegion: Sendable {
  let image: FileImage
  let range: Range<Int>

  init(_ image: FileImage, _ range: Range<Int>) throws {
    guard range.lowerBound >= 0, range.upperBound <= image.bytes.count else { throw ByteCursor.OutOfBounds() }
    self.image = image
    self.range = range
  }

  func withBytes<Result>(_ body: (UnsafeRawBufferPointer) throws -> Result) rethrows -> Result {
    try withExtendedLifetime(image) {
      try body(UnsafeRawBufferPointer(rebasing: image.bytes[range]))
    }
  }
}

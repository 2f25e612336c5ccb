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

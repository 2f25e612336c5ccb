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

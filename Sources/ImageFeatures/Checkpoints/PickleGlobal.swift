/// The names that a pickle may refer to. Anything else ends the reading; nothing is ever imported or called.
enum PickleGlobal: Sendable, Hashable {
  case orderedDictionary
  case defaultDictionary
  case size
  case set
  case rebuildTensor
  case rebuildTensorV3
  case rebuildParameter
  case storageType(ElementType)
  case untypedStorage
  case elementType(ElementType)
  /// Builds something that no tensor depends on.
  case opaque

  init(module: String, name: String) throws {
    guard let known = Self.lookup(module, name) else {
      throw CheckpointError(
        .forbiddenGlobal,
        "the pickle refers to \(CheckpointError.printable(module + "." + name)), which is not allowed; nothing of it "
          + "was run. Save the state_dict alone, or as .safetensors"
      )
    }
    self = known
  }

  private static func lookup(_ module: String, _ name: String) -> PickleGlobal? {
    switch module {
    case "torch":
      if let type = storageTypes[name] { return .storageType(type) }
      if let type = elementTypes[name] { return .elementType(type) }
      return name == "Size" ? .size : name == "device" ? .opaque : nil
    case "torch.storage":
      if name == "UntypedStorage" { return .untypedStorage }
      return storageTypes[name].map { .storageType($0) }
    default:
      return others[module + "." + name]
    }
  }

  private static let storageTypes: [String: ElementType] = [
    "FloatStorage": .float32, "DoubleStorage": .float64, "HalfStorage": .float16,
    "BFloat16Storage": .bfloat16,
    "LongStorage": .int64, "IntStorage": .int32, "ShortStorage": .int16, "CharStorage": .int8,
    "ByteStorage": .uint8, "BoolStorage": .bool,
  ]

  private static let elementTypes: [String: ElementType] = [
    "float32": .float32, "float64": .float64, "float16": .float16, "bfloat16": .bfloat16,
    "int64": .int64, "int32": .int32, "int16": .int16, "int8": .int8, "uint8": .uint8, "bool": .bool,
    "uint64": .uint64, "uint32": .uint32, "uint16": .uint16,
  ]

  private static let others: [String: PickleGlobal] = [
    "collections.OrderedDict": .orderedDictionary,
    "collections.defaultdict": .defaultDictionary,
    "collections.Counter": .opaque,
    "builtins.set": .set,
    "__builtin__.set": .set,
    "torch._utils._rebuild_tensor": .rebuildTensor,
    "torch._utils._rebuild_tensor_v2": .rebuildTensor,
    "torch._utils._rebuild_tensor_v3": .rebuildTensorV3,
    "torch._utils._rebuild_parameter": .rebuildParameter,
    "torch._utils._rebuild_parameter_with_state": .rebuildParameter,
    "argparse.Namespace": .opaque,
    "numpy.dtype": .opaque,
    "numpy.ndarray": .opaque,
    "numpy.core.multiarray.scalar": .opaque,
    "numpy._core.multiarray.scalar": .opaque,
    "numpy.core.multiarray._reconstruct": .opaque,
    "numpy._core.multiarray._reconstruct": .opaque,
    "_codecs.encode": .opaque,
  ]
}

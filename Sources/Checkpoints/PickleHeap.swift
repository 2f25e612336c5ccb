/// A handle to a node of a ``PickleHeap``.
struct PickleReference: Hashable, Sendable {
  let index: Int32
}

/// What a pickle can describe here: plain values, containers, PyTorch's tensors and NumPy's arrays. Nothing with behaviour.
enum PickleNode: Sendable {
  case none
  case bool(Bool)
  case int(Int)
  /// An integer beyond `Int`, little-endian two's complement.
  case bigInt([UInt8])
  case float(Double)
  case string(String)
  /// A text too long for a name, as the bytes of its UTF-8 in the pickle.
  case longText(Range<Int>)
  case bytes(PickledBytes)
  case tuple([PickleReference])
  case list([PickleReference])
  case dictionary([(key: PickleReference, value: PickleReference)])
  case global(PickleGlobal)
  case storage(TorchStorage)
  case tensor(TorchTensor)
  case elementType(name: String, isBigEndian: Bool)
  case array(PickledArray)
  /// An allowed value that no tensor depends on (a device, a NumPy scalar).
  case opaque
}

/// Bytes in a pickle. Short ones are copied; long ones stay where they lie, which is counted from the pickle's file.
package enum PickledBytes: Sendable, Hashable {
  case copied([UInt8])
  case stored(Range<Int>)
  /// UTF-8 of a text whose scalars are the bytes: how Python 3 writes bytes in protocol 2.
  case text(Range<Int>)
}

/// A NumPy array as its pickle describes it; nothing is checked against the bytes that are there.
package struct PickledArray: Sendable, Hashable {
  /// NumPy's name of the element type without its byte order: `u1`, `f4`.
  package let element: String
  package let isBigEndian: Bool
  package let shape: [Int]
  package let isColumnMajor: Bool
  package let data: PickledBytes
}

/// All values of one pickle. Containers hold handles, not values: a cycle does not leak, a deep nest does not recurse deeply,
/// and memory grows by at most one node an opcode.
struct PickleHeap: Sendable {
  /// The most nodes that a pickle may make.
  static let nodeLimit = 2_000_000

  private var nodes: [PickleNode] = []

  /// Every node, in the order of making.
  var allNodes: [PickleNode] { nodes }

  subscript(_ reference: PickleReference) -> PickleNode { nodes[Int(reference.index)] }

  mutating func insert(_ node: PickleNode) throws -> PickleReference {
    guard nodes.count < Self.nodeLimit else {
      throw CheckpointError(.tooLarge, "the pickle holds more than \(Self.nodeLimit) values")
    }
    nodes.append(node)
    return PickleReference(index: Int32(nodes.count - 1))
  }

  mutating func append(_ items: [PickleReference], toListAt reference: PickleReference) throws {
    guard case .list(var list) = take(reference) else {
      throw CheckpointError(.damaged, "the pickle appends to something that is not a list")
    }
    list += items
    nodes[Int(reference.index)] = .list(list)
  }

  /// Adds alternating keys and values. An opaque value swallows them.
  mutating func add(_ items: [PickleReference], toDictionaryAt reference: PickleReference) throws {
    guard items.count.isMultiple(of: 2) else { throw Self.notADictionary }
    switch take(reference) {
    case .dictionary(var pairs):
      for index in stride(from: 0, to: items.count, by: 2) {
        pairs.append((items[index], items[index + 1]))
      }
      nodes[Int(reference.index)] = .dictionary(pairs)
    case .opaque:
      nodes[Int(reference.index)] = .opaque
    default:
      throw Self.notADictionary
    }
  }

  /// Gives a value its state, for everything that refers to it.
  mutating func replace(_ reference: PickleReference, by node: PickleNode) {
    nodes[Int(reference.index)] = node
  }

  /// Moves a node out, so that a container grows in place instead of being copied.
  private mutating func take(_ reference: PickleReference) -> PickleNode {
    var node = PickleNode.none
    swap(&node, &nodes[Int(reference.index)])
    return node
  }

  private static var notADictionary: CheckpointError {
    CheckpointError(.damaged, "the pickle sets items of something that is not a dictionary")
  }
}

extension PickleHeap {
  /// A short text; Python 2 writes bytes for it.
  func string(_ reference: PickleReference) -> String? {
    switch self[reference] {
    case .string(let text): text
    case .bytes(.copied(let bytes)): String(decoding: bytes, as: UTF8.self)
    default: nil
    }
  }

  func int(_ reference: PickleReference) -> Int? {
    if case .int(let value) = self[reference] { return value }
    return nil
  }

  /// The elements of a tuple or list.
  func elements(_ reference: PickleReference) -> [PickleReference]? {
    switch self[reference] {
    case .tuple(let items), .list(let items): items
    default: nil
    }
  }

  func ints(_ reference: PickleReference) -> [Int]? {
    guard let items = elements(reference) else { return nil }
    let values = items.compactMap { int($0) }
    return values.count == items.count ? values : nil
  }
}

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
  case numPyType
  case numPyArray
  case emptyArray
  case arrayOfBuffer
  case numPyScalar
  case encode
  case bytes
  /// Builds something that no tensor depends on.
  case opaque

  init(module: String, name: String) throws {
    guard let known = Self.lookup(module, name) else {
      throw CheckpointError(
        .forbiddenGlobal,
        "the pickle refers to \(CheckpointError.printable(module + "." + name)), which is not allowed; nothing of it "
          + "was run"
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
    "numpy.dtype": .numPyType,
    "numpy.ndarray": .numPyArray,
    "numpy.core.multiarray.scalar": .numPyScalar,
    "numpy._core.multiarray.scalar": .numPyScalar,
    "numpy.core.multiarray._reconstruct": .emptyArray,
    "numpy._core.multiarray._reconstruct": .emptyArray,
    "numpy.core.numeric._frombuffer": .arrayOfBuffer,
    "numpy._core.numeric._frombuffer": .arrayOfBuffer,
    "_codecs.encode": .encode,
    "builtins.bytes": .bytes,
    "__builtin__.bytes": .bytes,
  ]
}

/// A handle to a node of a ``PickleHeap``.
struct PickleReference: Hashable, Sendable {
  let index: Int32
}

/// What a pickle can describe here: plain values, containers, and PyTorch's tensors. Nothing with behaviour.
enum PickleNode: Sendable {
  case none
  case bool(Bool)
  case int(Int)
  /// An integer beyond `Int`, little-endian two's complement.
  case bigInt([UInt8])
  case float(Double)
  case string(String)
  case bytes
  case tuple([PickleReference])
  case list([PickleReference])
  case dictionary([(key: PickleReference, value: PickleReference)])
  case global(PickleGlobal)
  case storage(TorchStorage)
  case tensor(TorchTensor)
  /// An allowed value that no tensor depends on (a device, a NumPy scalar).
  case opaque
}

/// All values of one pickle. Containers hold handles, not values: a cycle is no leak, a deep nest no deep recursion,
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
  func string(_ reference: PickleReference) -> String? {
    if case .string(let text) = self[reference] { return text }
    return nil
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

/// Finds the tensors in what a pickle left: the state dictionary at the top or under a usual key, nested ones joined
/// by dots.
enum StateDictionary {
  /// Keys under which training scripts keep the state dictionary, the preferred first.
  private static let usualKeys = [
    "state_dict", "model_state_dict", "model", "module", "net", "network", "model_ema", "state_dict_ema",
    "params",
    "teacher", "student",
  ]
  private static let depthLimit = 32
  private static let visitLimit = 200_000
  private static let nameByteLimit = 64 << 20

  static func tensors(
    in heap: PickleHeap,
    _ root: PickleReference
  ) throws -> [(name: String, tensor: TorchTensor)] {
    guard case .dictionary = heap[root] else {
      throw CheckpointError(
        .unsupported,
        "the checkpoint is not a dictionary of tensors; save model.state_dict()"
      )
    }
    var found = Finder(heap: heap)
    try found.collect(heap.stateDictionary(below: root, keys: usualKeys), prefix: "", depth: 0)
    guard !found.tensors.isEmpty else {
      throw CheckpointError(.unsupported, "the checkpoint holds no tensors; save model.state_dict()")
    }
    return found.tensors
  }

  private struct Finder {
    let heap: PickleHeap
    var tensors: [(name: String, tensor: TorchTensor)] = []
    private var visits = 0
    private var nameBytes = 0

    init(heap: PickleHeap) { self.heap = heap }

    mutating func collect(_ dictionary: PickleReference, prefix: String, depth: Int) throws {
      guard case .dictionary(let pairs) = heap[dictionary] else { return }
      visits += pairs.count
      guard depth <= depthLimit, visits <= visitLimit else { throw Self.tooDeep }
      for (key, value) in pairs {
        guard let name = heap.name(key) else { continue }
        switch heap[value] {
        case .tensor(let tensor):
          nameBytes += prefix.utf8.count + name.utf8.count
          guard nameBytes <= nameByteLimit else { throw Self.tooDeep }
          tensors.append((prefix + name, tensor))
        case .dictionary: try collect(value, prefix: prefix + name.prefix(1024) + ".", depth: depth + 1)
        default: break
        }
      }
    }

    private static var tooDeep: CheckpointError {
      CheckpointError(.tooLarge, "the checkpoint nests too many dictionaries; save model.state_dict()")
    }
  }
}

extension PickleHeap {
  /// The storages of the pickle, in its order.
  var storages: [TorchStorage] {
    allNodes.compactMap { node in
      if case .storage(let storage) = node { storage } else { nil }
    }
  }

  fileprivate func name(_ key: PickleReference) -> String? {
    switch self[key] {
    case .string(let text): text
    case .int(let number): String(number)
    default: nil
    }
  }

  /// The dictionary that holds tensors itself: `root`, or one under a usual key, or the only dictionary below.
  fileprivate func stateDictionary(below root: PickleReference, keys: [String]) -> PickleReference {
    var current = root
    for _ in 0..<8 {
      guard case .dictionary(let pairs) = self[current], !pairs.contains(where: { isTensor($0.value) }) else {
        return current
      }
      let inner = pairs.filter { isDictionary($0.value) }
      let preferred = keys.lazy.compactMap { key in inner.first { string($0.key) == key } }.first
      guard let next = preferred ?? (inner.count == 1 ? inner.first : nil) else { return current }
      current = next.value
    }
    return current
  }

  private func isTensor(_ reference: PickleReference) -> Bool {
    if case .tensor = self[reference] { return true }
    return false
  }

  private func isDictionary(_ reference: PickleReference) -> Bool {
    if case .dictionary = self[reference] { return true }
    return false
  }
}

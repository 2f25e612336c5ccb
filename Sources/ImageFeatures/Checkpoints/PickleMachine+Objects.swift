extension PickleMachine {
  mutating func performObject(_ operation: PickleOpcode, _ cursor: inout ByteCursor) throws {
    switch operation {
    case .global:
      let module = String(decoding: try cursor.line(), as: UTF8.self)
      let name = String(decoding: try cursor.line(), as: UTF8.self)
      try push(.global(try PickleGlobal(module: module, name: name)))
    case .stackGlobal:
      let name = heap.string(try pop())
      let module = heap.string(try pop())
      guard let module, let name else { throw Self.malformed("a global") }
      try push(.global(try PickleGlobal(module: module, name: name)))
    case .reduce, .newObject:
      let arguments = try pop()
      let callee = try pop()
      try push(try rebuild(callee, heap.elements(arguments) ?? []))
    case .binPersistentID:
      try push(.storage(try storage(try pop())))
    default:
      try build(state: try pop(), on: try top())
    }
  }

  /// What PyTorch's rebuild functions and the few allowed classes make of their arguments.
  private func rebuild(_ callee: PickleReference, _ arguments: [PickleReference]) throws -> PickleNode {
    guard case .global(let global) = heap[callee] else { throw Self.malformed("a call") }
    switch global {
    case .orderedDictionary: return .dictionary(try pairs(arguments.first))
    case .defaultDictionary: return .dictionary([])
    case .size, .set: return .tuple(arguments.first.flatMap { heap.elements($0) } ?? [])
    case .rebuildTensor: return .tensor(try tensor(arguments, type: nil))
    case .rebuildTensorV3: return .tensor(try tensor(arguments, type: arguments.dropFirst(6).first))
    case .rebuildParameter:
      guard let data = arguments.first, case .tensor(let tensor) = heap[data] else {
        throw Self.malformed("a parameter")
      }
      return .tensor(tensor)
    case .opaque: return .opaque
    case .storageType, .untypedStorage, .elementType: throw Self.malformed("a call")
    }
  }

  /// Attributes of a dictionary (`_metadata`) and of opaque values are dropped.
  private func build(state: PickleReference, on target: PickleReference) throws {
    switch heap[target] {
    case .dictionary, .opaque: return
    default: throw Self.malformed("an object's state")
    }
  }

  private func pairs(_ list: PickleReference?) throws -> [(key: PickleReference, value: PickleReference)] {
    guard let list else { return [] }
    guard let items = heap.elements(list) else { throw Self.malformed("an OrderedDict") }
    return try items.map { item in
      guard let pair = heap.elements(item), pair.count == 2 else { throw Self.malformed("an OrderedDict") }
      return (pair[0], pair[1])
    }
  }

  private func tensor(_ arguments: [PickleReference], type: PickleReference?) throws -> TorchTensor {
    guard arguments.count >= 4, case .storage(let storage) = heap[arguments[0]],
      let offset = heap.int(arguments[1]), let shape = heap.ints(arguments[2]),
      let strides = heap.ints(arguments[3]), shape.count == strides.count
    else { throw Self.malformed("a tensor") }
    var elementType = storage.type
    if let type, case .global(.elementType(let named)) = heap[type] { elementType = named }
    guard let elementType else { throw Self.malformed("a tensor's type") }
    return TorchTensor(storage: storage, type: elementType, offset: offset, shape: shape, strides: strides)
  }

  /// A persistent id: `("storage", type, key, location, count)`, and in the legacy format the view behind it.
  private func storage(_ identifier: PickleReference) throws -> TorchStorage {
    guard let parts = heap.elements(identifier), parts.count >= 5, heap.string(parts[0]) == "storage",
      case .global(let global) = heap[parts[1]], let key = heap.string(parts[2]),
      let count = heap.int(parts[4]), count >= 0
    else { throw Self.malformed("a storage") }
    if parts.count >= 6, heap.elements(parts[5]) != nil {
      throw CheckpointError(
        .unsupported,
        "the checkpoint uses storage views of PyTorch before 0.4; save it anew"
      )
    }
    switch global {
    case .storageType(let type): return TorchStorage(key: key, type: type, count: count)
    case .untypedStorage: return TorchStorage(key: key, type: nil, count: count)
    default: throw Self.malformed("a storage's type")
    }
  }

  private static func malformed(_ what: String) -> CheckpointError {
    CheckpointError(.damaged, "the pickle describes \(what) in a form that PyTorch does not write")
  }
}

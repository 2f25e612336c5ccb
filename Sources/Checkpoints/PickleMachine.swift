import Basics

/// The stack machine of Python's pickle protocols 2 to 5 (`pickletools`), restricted to data.
///
/// It builds plain values, the tensors that PyTorch's own rebuild functions describe, and NumPy's arrays. A global outside the allowed
/// list, an opcode that would construct or call anything else, and every malformed input is an error.
struct PickleMachine {
  /// The most bytes of a checkpoint's pickle, whose tensors lie outside it.
  static let byteLimit = 64 << 20
  /// Texts and bytes up to this length are copied; longer ones are only located.
  private static let copiedLimit = 1 << 10

  var heap = PickleHeap()
  var stack: [PickleReference] = []
  var marks: [Int] = []
  var memo: [Int: PickleReference] = [:]

  /// Runs one pickle from the cursor's position to its STOP, and returns the value it leaves.
  static func run(
    _ cursor: inout ByteCursor,
    byteLimit: Int = byteLimit
  ) throws -> (heap: PickleHeap, value: PickleReference) {
    var machine = PickleMachine()
    let start = cursor.position
    while true {
      let opcode = try cursor.byte()
      guard cursor.position - start <= byteLimit else {
        throw CheckpointError(.tooLarge, "the pickle is longer than \(byteLimit >> 20) MiB")
      }
      guard let operation = PickleOpcode(rawValue: opcode) else {
        throw CheckpointError(.unsupported, "the pickle uses opcode \(opcode), which is not allowed")
      }
      if operation == .stop { return (machine.heap, try machine.pop()) }
      try machine.perform(operation, &cursor)
    }
  }

  mutating func push(_ node: PickleNode) throws {
    stack.append(try heap.insert(node))
  }

  mutating func pop() throws -> PickleReference {
    guard stack.count > (marks.last ?? 0), let top = stack.popLast() else { throw Self.underflow }
    return top
  }

  func top() throws -> PickleReference {
    guard stack.count > (marks.last ?? 0), let top = stack.last else { throw Self.underflow }
    return top
  }

  /// Takes everything above the latest mark, and the mark.
  mutating func popToMark() throws -> [PickleReference] {
    guard let mark = marks.popLast(), mark <= stack.count else { throw Self.underflow }
    let items = Array(stack[mark...])
    stack.removeSubrange(mark...)
    return items
  }

  static var underflow: CheckpointError {
    CheckpointError(.damaged, "the pickle takes more from its stack than is there")
  }
}

extension PickleMachine {
  mutating func perform(_ operation: PickleOpcode, _ cursor: inout ByteCursor) throws {
    switch operation {
    case .proto, .frame: try skipHeader(operation, &cursor)
    case .mark: marks.append(stack.count)
    case .pop: _ = try pop()
    case .popMark: _ = try popToMark()
    case .dup: stack.append(try top())
    case .get, .binGet, .longBinGet, .put, .binPut, .longBinPut, .memoize:
      try performMemo(operation, &cursor)
    case .emptyList, .append, .appends, .emptyTuple, .tuple, .tuple1, .tuple2, .tuple3,
      .emptyDict, .setItem, .setItems, .emptySet, .addItems, .frozenSet:
      try performContainer(operation)
    case .global, .stackGlobal, .reduce, .newObject, .build, .binPersistentID:
      try performObject(operation, &cursor)
    default:
      try performScalar(operation, &cursor)
    }
  }

  private func skipHeader(_ operation: PickleOpcode, _ cursor: inout ByteCursor) throws {
    guard operation == .proto else { return try cursor.skip(8) }
    let version = try cursor.byte()
    guard (2...5).contains(version) else {
      throw CheckpointError(.unsupported, "pickle protocol \(version) is not read; 2 to 5 are")
    }
  }

  private mutating func performScalar(_ operation: PickleOpcode, _ cursor: inout ByteCursor) throws {
    switch operation {
    case .none: try push(.none)
    case .newTrue: try push(.bool(true))
    case .newFalse: try push(.bool(false))
    case .binInt: try push(.int(Int(try cursor.littleEndian(Int32.self))))
    case .binInt1: try push(.int(Int(try cursor.byte())))
    case .binInt2: try push(.int(Int(try cursor.littleEndian(UInt16.self))))
    case .long1: try push(try Self.long(try cursor.take(Int(try cursor.byte()))))
    case .long4: try push(try Self.long(try cursor.take(Int(try cursor.littleEndian(Int32.self)))))
    case .binFloat: try push(.float(Double(bitPattern: try cursor.bigEndian(UInt64.self))))
    case .shortBinUnicode: try pushText(Int(try cursor.byte()), &cursor)
    case .binUnicode: try pushText(Int(try cursor.littleEndian(UInt32.self)), &cursor)
    case .binUnicode8: try pushText(try Self.longCount(&cursor), &cursor)
    case .shortBinString, .shortBinBytes: try pushBytes(Int(try cursor.byte()), &cursor)
    case .binString: try pushBytes(Int(try cursor.littleEndian(Int32.self)), &cursor)
    case .binBytes: try pushBytes(Int(try cursor.littleEndian(UInt32.self)), &cursor)
    // BINBYTES8 and BYTEARRAY8, the only ones left.
    default: try pushBytes(try Self.longCount(&cursor), &cursor)
    }
  }

  private static func longCount(_ cursor: inout ByteCursor) throws -> Int {
    guard let count = Int(exactly: try cursor.littleEndian(UInt64.self)) else {
      throw ByteCursor.OutOfBounds()
    }
    return count
  }

  private mutating func pushText(_ count: Int, _ cursor: inout ByteCursor) throws {
    let start = cursor.position
    let bytes = try cursor.take(count)
    try push(
      count <= Self.copiedLimit
        ? .string(String(decoding: bytes, as: UTF8.self)) : .longText(start..<cursor.position)
    )
  }

  private mutating func pushBytes(_ count: Int, _ cursor: inout ByteCursor) throws {
    let start = cursor.position
    let bytes = try cursor.take(count)
    try push(.bytes(count <= Self.copiedLimit ? .copied(Array(bytes)) : .stored(start..<cursor.position)))
  }

  /// Little-endian two's complement of any length.
  private static func long(_ bytes: UnsafeRawBufferPointer) throws -> PickleNode {
    guard bytes.count <= copiedLimit else {
      throw CheckpointError(.tooLarge, "the pickle holds an integer of \(bytes.count) bytes")
    }
    guard bytes.count <= 8 else { return .bigInt(Array(bytes)) }
    let isNegative = bytes.last.map { $0 & 0x80 != 0 } ?? false
    var value: UInt64 = isNegative ? .max : 0
    for byte in bytes.reversed() { value = value << 8 | UInt64(byte) }
    return .int(Int(Int64(bitPattern: value)))
  }

  private mutating func performMemo(_ operation: PickleOpcode, _ cursor: inout ByteCursor) throws {
    switch operation {
    case .binPut: memo[Int(try cursor.byte())] = try top()
    case .longBinPut: memo[Int(try cursor.littleEndian(UInt32.self))] = try top()
    case .put: memo[try Self.decimal(&cursor)] = try top()
    case .memoize: memo[memo.count] = try top()
    case .binGet: try recall(Int(try cursor.byte()))
    case .longBinGet: try recall(Int(try cursor.littleEndian(UInt32.self)))
    default: try recall(try Self.decimal(&cursor))
    }
  }

  private mutating func recall(_ key: Int) throws {
    guard let reference = memo[key] else {
      throw CheckpointError(.damaged, "the pickle recalls a value \(key) that it never stored")
    }
    stack.append(reference)
  }

  private static func decimal(_ cursor: inout ByteCursor) throws -> Int {
    guard let value = Int(String(decoding: try cursor.line(), as: UTF8.self)) else {
      throw CheckpointError(.damaged, "the pickle has a memo number that is not a number")
    }
    return value
  }

  private mutating func performContainer(_ operation: PickleOpcode) throws {
    switch operation {
    case .emptyList, .emptySet: try push(.list([]))
    case .emptyTuple: try push(.tuple([]))
    case .emptyDict: try push(.dictionary([]))
    case .tuple, .frozenSet: try push(.tuple(try popToMark()))
    case .tuple1: try pushTuple(of: 1)
    case .tuple2: try pushTuple(of: 2)
    case .tuple3: try pushTuple(of: 3)
    case .append:
      let item = try pop()
      try heap.append([item], toListAt: try top())
    case .appends, .addItems:
      let items = try popToMark()
      try heap.append(items, toListAt: try top())
    case .setItem:
      let value = try pop()
      let key = try pop()
      try heap.add([key, value], toDictionaryAt: try top())
    default:
      let items = try popToMark()
      try heap.add(items, toDictionaryAt: try top())
    }
  }

  private mutating func pushTuple(of count: Int) throws {
    guard stack.count - (marks.last ?? 0) >= count else { throw Self.underflow }
    let items = Array(stack.suffix(count))
    stack.removeLast(count)
    try push(.tuple(items))
  }
}

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
    case .numPyType, .numPyArray, .emptyArray, .arrayOfBuffer, .numPyScalar, .encode, .bytes:
      return rebuildArray(global, arguments)
    case .opaque: return .opaque
    case .storageType, .untypedStorage, .elementType: throw Self.malformed("a call")
    }
  }

  /// Attributes of a dictionary (`_metadata`) and of opaque values are dropped.
  private mutating func build(state: PickleReference, on target: PickleReference) throws {
    switch heap[target] {
    case .dictionary, .opaque: return
    case .elementType, .array: setState(state, ofArrayOrTypeAt: target)
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

/// The opcodes of Python's `pickletools` that only describe data.
enum PickleOpcode: UInt8 {
  case proto = 0x80
  case frame = 0x95
  case stop = 0x2E
  case mark = 0x28
  case pop = 0x30
  case popMark = 0x31
  case dup = 0x32
  case none = 0x4E
  case newTrue = 0x88
  case newFalse = 0x89
  case binInt = 0x4A
  case binInt1 = 0x4B
  case binInt2 = 0x4D
  case long1 = 0x8A
  case long4 = 0x8B
  case binFloat = 0x47
  case binString = 0x54
  case shortBinString = 0x55
  case binUnicode = 0x58
  case shortBinUnicode = 0x8C
  case binUnicode8 = 0x8D
  case binBytes = 0x42
  case shortBinBytes = 0x43
  case binBytes8 = 0x8E
  case byteArray8 = 0x96
  case emptyList = 0x5D
  case append = 0x61
  case appends = 0x65
  case emptyTuple = 0x29
  case tuple = 0x74
  case tuple1 = 0x85
  case tuple2 = 0x86
  case tuple3 = 0x87
  case emptyDict = 0x7D
  case setItem = 0x73
  case setItems = 0x75
  case emptySet = 0x8F
  case addItems = 0x90
  case frozenSet = 0x91
  case get = 0x67
  case binGet = 0x68
  case longBinGet = 0x6A
  case put = 0x70
  case binPut = 0x71
  case longBinPut = 0x72
  case memoize = 0x94
  case global = 0x63
  case stackGlobal = 0x93
  case reduce = 0x52
  case newObject = 0x81
  case build = 0x62
  case binPersistentID = 0x51
}

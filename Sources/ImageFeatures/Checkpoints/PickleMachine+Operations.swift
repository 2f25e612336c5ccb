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
    case .long1: try push(Self.long(try cursor.take(Int(try cursor.byte()))))
    case .long4: try push(Self.long(try cursor.take(Int(try cursor.littleEndian(Int32.self)))))
    case .binFloat: try push(.float(Double(bitPattern: try cursor.bigEndian(UInt64.self))))
    case .shortBinString, .shortBinUnicode: try pushText(try cursor.take(Int(try cursor.byte())))
    case .binString: try pushText(try cursor.take(Int(try cursor.littleEndian(Int32.self))))
    case .binUnicode: try pushText(try cursor.take(Int(try cursor.littleEndian(UInt32.self))))
    case .binUnicode8: try pushText(try Self.takeLong(&cursor))
    case .shortBinBytes: try pushBytes(try cursor.take(Int(try cursor.byte())))
    case .binBytes: try pushBytes(try cursor.take(Int(try cursor.littleEndian(UInt32.self))))
    default: try pushBytes(try Self.takeLong(&cursor))
    }
  }

  private static func takeLong(_ cursor: inout ByteCursor) throws -> UnsafeRawBufferPointer {
    guard let count = Int(exactly: try cursor.littleEndian(UInt64.self)) else {
      throw ByteCursor.OutOfBounds()
    }
    return try cursor.take(count)
  }

  private mutating func pushText(_ bytes: UnsafeRawBufferPointer) throws {
    try push(.string(String(decoding: bytes, as: UTF8.self)))
  }

  private mutating func pushBytes(_: UnsafeRawBufferPointer) throws {
    try push(.bytes)
  }

  /// Little-endian two's complement of any length.
  private static func long(_ bytes: UnsafeRawBufferPointer) -> PickleNode {
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
      throw CheckpointError(.damaged, "the pickle has a memo number that is no number")
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

internal import Basics

/// The dictionary that a pickle holds, as data sets are saved: numbers, texts, lists of them and NumPy arrays.
///
/// The pickle is read by `PickleMachine`, which runs nothing. Long bytes stay in the file, which is mapped: a data set
/// of gigabytes costs no memory.
package struct PickledDictionary: Sendable {
  private let image: FileImage
  private let heap: PickleHeap
  private let values: [String: PickleReference]

  /// Reads a pickle that fills a part of an open file.
  ///
  /// - Parameter name: the file, for messages.
  /// - Throws: `CheckpointError`, also when the value is not a dictionary with texts for keys.
  package init(in descriptor: Int32, at range: Range<Int>, name: String) throws {
    let image = try FileImage(mapping: descriptor, name: name)
    (heap, values) = try CheckpointError.naming(name) {
      guard range.upperBound <= image.bytes.count else { throw ByteCursor.OutOfBounds() }
      // Positions count from the file's start, so that what stays in the file can be found there.
      var cursor = ByteCursor(
        UnsafeRawBufferPointer(rebasing: image.bytes[..<range.upperBound]),
        at: range.lowerBound
      )
      guard cursor.remaining == 0 || image.bytes[range.lowerBound] == 0x80 else {
        throw CheckpointError(
          .unsupported,
          "it is a pickle of protocol 0 or 1, which is not read. Fix: save it with pickle.dump(value, file, 4)"
        )
      }
      let (heap, root) = try PickleMachine.run(&cursor, byteLimit: .max)
      guard case .dictionary(let pairs) = heap[root] else {
        throw CheckpointError(.unsupported, "the pickle does not hold a dictionary")
      }
      var values: [String: PickleReference] = [:]
      for (key, value) in pairs {
        if let name = heap.string(key) { values[name] = value }
      }
      return (heap, values)
    }
    self.image = image
  }

  /// The keys that are texts, sorted.
  package var keys: [String] { values.keys.sorted() }

  /// A list, tuple or one-dimensional array of integers.
  package func integers(_ key: String) -> [Int]? {
    guard let value = values[key] else { return nil }
    guard case .array(let array) = heap[value] else { return heap.ints(value) }
    guard array.shape.count == 1, let bytes = try? bytes(of: array.data) else { return nil }
    return array.integers(in: bytes)
  }

  /// A list or tuple of texts.
  package func texts(_ key: String) -> [String]? {
    guard let items = values[key].flatMap({ heap.elements($0) }) else { return nil }
    let texts = items.compactMap { heap.string($0) }
    return texts.count == items.count ? texts : nil
  }

  /// An array.
  package func array(_ key: String) -> PickledArray? {
    guard let value = values[key], case .array(let array) = heap[value] else { return nil }
    return array
  }

  private func bytes(of data: PickledBytes) throws -> [UInt8] {
    var bytes: [UInt8] = []
    try read(data) { bytes += $0 }
    return bytes
  }

  /// Hands the bytes on in pieces, text turned back into the bytes that it stands for.
  /// - Throws: `CheckpointError` for text that stands for no bytes, and what `body` throws.
  package func read(_ data: PickledBytes, _ body: (UnsafeRawBufferPointer) throws -> Void) throws {
    switch data {
    case .copied(let bytes): try bytes.withUnsafeBytes(body)
    case .stored(let range):
      try FileRegion(image, range).withBytes(body)
    case .text(let range):
      try FileRegion(image, range).withBytes { try Self.decode($0, body) }
    }
  }

  private static func decode(
    _ text: UnsafeRawBufferPointer,
    _ body: (UnsafeRawBufferPointer) throws -> Void
  ) throws {
    let pieceSize = 1 << 20
    var piece: [UInt8] = []
    piece.reserveCapacity(pieceSize)
    var index = 0
    while index < text.count {
      let byte = text[index]
      if byte < 0x80 {
        piece.append(byte)
        index += 1
      } else {
        guard byte == 0xC2 || byte == 0xC3, index + 1 < text.count, text[index + 1] & 0xC0 == 0x80 else {
          throw CheckpointError(.damaged, "the pickle holds text where bytes are expected")
        }
        piece.append(byte << 6 | text[index + 1] & 0x3F)
        index += 2
      }
      if piece.count == pieceSize {
        try piece.withUnsafeBytes(body)
        piece.removeAll(keepingCapacity: true)
      }
    }
    try piece.withUnsafeBytes(body)
  }
}

extension PickledArray {
  /// The elements of an array of integers; nil for another type, fewer bytes, or a value beyond `Int`.
  func integers(in bytes: [UInt8]) -> [Int]? {
    guard let kind = element.first, let size = Int(element.dropFirst()), [1, 2, 4, 8].contains(size),
      "iub".contains(kind), shape.count <= 1, shape.first.map({ bytes.count / size == $0 }) ?? true
    else { return nil }
    let values = stride(from: 0, to: bytes.count - size + 1, by: size).compactMap { start -> Int? in
      let word = bytes[start..<start + size]
      let bits = (isBigEndian ? Array(word) : word.reversed()).reduce(UInt64(0)) { $0 << 8 | UInt64($1) }
      let spare = 64 - 8 * size
      return kind == "i" ? Int(Int64(bitPattern: bits << spare) >> spare) : Int(exactly: bits)
    }
    return values.count == bytes.count / size ? values : nil
  }
}

extension PickleMachine {
  /// What NumPy's functions make of their arguments; opaque where a data set has no use for it.
  func rebuildArray(_ function: PickleGlobal, _ arguments: [PickleReference]) -> PickleNode {
    switch function {
    case .numPyType:
      return arguments.first.flatMap { heap.string($0) }.map {
        .elementType(name: $0, isBigEndian: false)
      } ?? .opaque
    case .emptyArray:
      guard let type = arguments.first, case .global(.numPyArray) = heap[type] else { return .opaque }
      return .array(
        PickledArray(element: "", isBigEndian: false, shape: [0], isColumnMajor: false, data: .copied([]))
      )
    case .arrayOfBuffer:
      guard arguments.count == 4, let order = heap.string(arguments[3]) else { return .opaque }
      return array(
        shape: arguments[2],
        type: arguments[1],
        isColumnMajor: order == "F",
        data: arguments[0]
      )
    case .numPyScalar:
      guard arguments.count == 2,
        case .array(let scalar) = array(
          shape: nil,
          type: arguments[0],
          isColumnMajor: false,
          data: arguments[1]
        ),
        case .copied(let bytes) = scalar.data, let values = scalar.integers(in: bytes), values.count == 1
      else { return .opaque }
      return .int(values[0])
    case .encode:
      guard arguments.count == 2, let encoding = heap.string(arguments[1]),
        ["latin1", "latin-1"].contains(encoding)
      else { return .opaque }
      switch heap[arguments[0]] {
      case .string(let text):
        let bytes = text.unicodeScalars.compactMap { UInt8(exactly: $0.value) }
        return bytes.count == text.unicodeScalars.count ? .bytes(.copied(bytes)) : .opaque
      case .longText(let range): return .bytes(.text(range))
      default: return .opaque
      }
    case .bytes: return arguments.isEmpty ? .bytes(.copied([])) : .opaque
    default: return .opaque
    }
  }

  /// The state that `__setstate__` of a NumPy array or element type takes.
  mutating func setState(_ state: PickleReference, ofArrayOrTypeAt target: PickleReference) {
    let parts = heap.elements(state) ?? []
    switch heap[target] {
    case .elementType(let name, _):
      // (version, byte order, …)
      let order = parts.count > 1 ? heap.string(parts[1]) : nil
      heap.replace(target, by: .elementType(name: name, isBigEndian: order == ">"))
    default:
      // (version, shape, element type, whether in Fortran order, bytes)
      guard parts.count == 5 else { return heap.replace(target, by: .opaque) }
      let isColumnMajor: Bool
      switch heap[parts[3]] {
      case .bool(let value): isColumnMajor = value
      case .int(let value): isColumnMajor = value != 0
      default: return heap.replace(target, by: .opaque)
      }
      let made = array(shape: parts[1], type: parts[2], isColumnMajor: isColumnMajor, data: parts[4])
      heap.replace(target, by: made)
    }
  }

  private func array(
    shape: PickleReference?,
    type: PickleReference,
    isColumnMajor: Bool,
    data: PickleReference
  ) -> PickleNode {
    guard case .elementType(let name, let isBigEndian) = heap[type], case .bytes(let bytes) = heap[data],
      let sizes = shape.map({ heap.ints($0) }) ?? [1], sizes.allSatisfy({ $0 >= 0 })
    else { return .opaque }
    return .array(
      PickledArray(
        element: name,
        isBigEndian: isBigEndian,
        shape: sizes,
        isColumnMajor: isColumnMajor,
        data: bytes
      )
    )
  }
}

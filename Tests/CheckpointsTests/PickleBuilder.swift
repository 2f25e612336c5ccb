/// Writes pickles of protocol 2 and PyTorch's legacy file around them, for tests of the reader.
struct PickleBuilder {
  private(set) var bytes: [UInt8] = [0x80, 2]

  mutating func raw(_ more: [UInt8]) { bytes += more }
  mutating func raw(_ text: String) { bytes += Array(text.utf8) }

  mutating func text(_ text: String) {
    bytes.append(UInt8(ascii: "X"))
    withUnsafeBytes(of: UInt32(text.utf8.count).littleEndian) { bytes += $0 }
    raw(text)
  }

  mutating func int(_ value: Int) {
    bytes += [0x8A, 8]
    withUnsafeBytes(of: Int64(value).littleEndian) { bytes += $0 }
  }

  mutating func ints(_ values: [Int]) {
    raw("(")
    for value in values { int(value) }
    raw("t")
  }

  mutating func global(_ module: String, _ name: String) { raw("c\(module)\n\(name)\n") }

  /// A float32 tensor that views the storage `key` of `count` elements.
  mutating func tensor(key: String = "k", count: Int, offset: Int = 0, shape: [Int], strides: [Int]) {
    global("torch._utils", "_rebuild_tensor_v2")
    raw("((")
    text("storage")
    global("torch", "FloatStorage")
    text(key)
    text("cpu")
    int(count)
    raw("NtQ")
    int(offset)
    ints(shape)
    ints(strides)
    raw([0x89])
    global("collections", "OrderedDict")
    raw(")RtR")
  }

  /// A legacy checkpoint whose object is the pickle that `build` writes, with one storage `k` of `values`.
  static func legacyFile(values: [Float] = [], _ build: (inout PickleBuilder) -> Void) -> [UInt8] {
    var object = PickleBuilder()
    build(&object)
    var file: [UInt8] = [0x80, 2, 0x8A, 10, 0x6C, 0xFC, 0x9C, 0x46, 0xF9, 0x20, 0x6A, 0xA8, 0x50, 0x19, 0x2E]
    file += [0x80, 2, UInt8(ascii: "M"), 0xE9, 0x03, 0x2E, 0x80, 2, UInt8(ascii: "}"), 0x2E]
    file += object.bytes + [0x2E]
    var keys = PickleBuilder()
    keys.raw("](")
    if !values.isEmpty { keys.text("k") }
    keys.raw("e.")
    file += keys.bytes
    if !values.isEmpty { withUnsafeBytes(of: Int64(values.count).littleEndian) { file += $0 } }
    for value in values { withUnsafeBytes(of: value.bitPattern.littleEndian) { file += $0 } }
    return file
  }
}

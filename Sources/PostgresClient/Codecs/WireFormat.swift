/// Bytes in network order, written front to back.
public struct WireBuffer: Sendable {
  /// What has been written.
  public private(set) var bytes: [UInt8]

  /// An empty buffer with capacity for `capacity` bytes.
  public init(capacity: Int = 0) {
    bytes = []
    bytes.reserveCapacity(capacity)
  }

  /// The number of bytes written.
  public var count: Int { bytes.count }

  /// Removes the content and keeps the capacity.
  public mutating func removeAll() {
    bytes.removeAll(keepingCapacity: true)
  }

  /// Appends an integer, most significant byte first.
  @inlinable
  public mutating func append<Value: FixedWidthInteger>(_ value: Value) {
    withUnsafeBytes(of: value.bigEndian) { append($0) }
  }

  /// Appends raw bytes.
  @inlinable
  public mutating func append(_ raw: UnsafeRawBufferPointer) {
    appendRaw(raw)
  }

  @usableFromInline
  mutating func appendRaw(_ raw: UnsafeRawBufferPointer) {
    bytes.append(contentsOf: raw)
  }

  /// Appends a text's UTF-8 bytes.
  public mutating func append(utf8 text: String) {
    bytes.append(contentsOf: text.utf8)
  }

  /// Appends a field as array elements, COPY fields and composite values carry it: four bytes of length, then what
  /// `encode` writes.
  public mutating func appendField(_ encode: (inout WireBuffer) -> Void) {
    let start = bytes.count
    append(Int32(0))
    encode(&self)
    let length = Int32(truncatingIfNeeded: bytes.count - start - 4)
    bytes.withUnsafeMutableBytes { $0.storeBytes(of: length.bigEndian, toByteOffset: start, as: Int32.self) }
  }

  /// Appends the mark of a NULL field: the length -1.
  public mutating func appendNullField() {
    append(Int32(-1))
  }

  /// Appends `count` bytes that `fill` writes.
  mutating func append(count: Int, _ fill: (UnsafeMutableRawBufferPointer) -> Void) {
    let start = bytes.count
    bytes.append(contentsOf: repeatElement(0, count: count))
    bytes.withUnsafeMutableBytes { fill(UnsafeMutableRawBufferPointer(rebasing: $0[start...])) }
  }
}

/// Reads network-order values front to back and never past the end.
struct WireReader {
  private let bytes: UnsafeRawBufferPointer
  private var offset = 0

  init(_ bytes: UnsafeRawBufferPointer) {
    self.bytes = bytes
  }

  var remaining: Int { bytes.count - offset }

  mutating func read<Value: FixedWidthInteger>(_ type: Value.Type = Value.self) throws -> Value {
    let size = MemoryLayout<Value>.size
    guard remaining >= size else {
      throw CellError(reason: "its value is \(bytes.count) bytes long, too short")
    }
    defer { offset += size }
    return Value(bigEndian: bytes.loadUnaligned(fromByteOffset: offset, as: Value.self))
  }

  mutating func read(count: Int) throws -> UnsafeRawBufferPointer {
    guard count >= 0, remaining >= count else {
      throw CellError(reason: "its value is \(bytes.count) bytes long, too short")
    }
    defer { offset += count }
    return UnsafeRawBufferPointer(rebasing: bytes[offset..<offset + count])
  }

  func expectEnd() throws {
    guard remaining == 0 else { throw CellError(reason: "its value has \(remaining) bytes too many") }
  }
}

/// Object ids of PostgreSQL's built-in types, from `pg_type.dat`; they are the same on every server.
enum TypeOID {
  static let unspecified: UInt32 = 0
  static let bool: UInt32 = 16
  static let bytea: UInt32 = 17
  static let char: UInt32 = 18
  static let name: UInt32 = 19
  static let int8: UInt32 = 20
  static let int2: UInt32 = 21
  static let int4: UInt32 = 23
  static let text: UInt32 = 25
  static let oid: UInt32 = 26
  static let json: UInt32 = 114
  static let float4: UInt32 = 700
  static let float8: UInt32 = 701
  static let unknown: UInt32 = 705
  static let bpchar: UInt32 = 1042
  static let varchar: UInt32 = 1043
  static let jsonArray: UInt32 = 199
  static let boolArray: UInt32 = 1000
  static let byteaArray: UInt32 = 1001
  static let int2Array: UInt32 = 1005
  static let int4Array: UInt32 = 1007
  static let textArray: UInt32 = 1009
  static let int8Array: UInt32 = 1016
  static let float4Array: UInt32 = 1021
  static let float8Array: UInt32 = 1022
  static let timestampArray: UInt32 = 1115
  static let dateArray: UInt32 = 1182
  static let timestamptzArray: UInt32 = 1185
  static let numericArray: UInt32 = 1231
  static let uuidArray: UInt32 = 2951
  static let jsonbArray: UInt32 = 3807
  static let date: UInt32 = 1082
  static let timestamp: UInt32 = 1114
  static let timestamptz: UInt32 = 1184
  static let bit: UInt32 = 1560
  static let varbit: UInt32 = 1562
  static let numeric: UInt32 = 1700
  static let uuid: UInt32 = 2950
  static let jsonb: UInt32 = 3802

  /// Whether a type was made after the server was: those of extensions have object ids from 16384 on.
  static func isExtension(_ type: UInt32) -> Bool { type >= 16384 }
}

/// Bytes in network order, written front to back.
public struct WireBuffer: Sendable {
  /// What has been written.
  public private(set) var bytes: [UInt8]

  /// An empty buffer with room for `capacity` bytes.
  public init(capacity: Int = 0) {
    bytes = []
    bytes.reserveCapacity(capacity)
  }

  /// The number of bytes written.
  public var count: Int { bytes.count }

  /// Forgets the content and keeps the room.
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

public import VectorSQL

/// The parameters of one execution, encoded one after another into a single buffer.
///
/// Reusable: `removeAll` keeps the memory, so that a loader encodes every batch into the same bytes.
public struct ParameterList: Sendable {
  private(set) var types: [UInt32] = []
  private var lengths: [Int32] = []
  private var offsets: [Int?] = []
  private var buffer: WireBuffer
  private var isTooLong = false

  /// An empty list with room for `capacity` bytes of values.
  public init(capacity: Int = 0) {
    buffer = WireBuffer(capacity: capacity)
  }

  /// The parameters of a statement.
  public init(_ values: [SQLValue]) {
    self.init()
    for value in values { append(value) }
  }

  /// The number of parameters.
  public var count: Int { types.count }

  /// Forgets the parameters and keeps the room.
  public mutating func removeAll() {
    types.removeAll(keepingCapacity: true)
    lengths.removeAll(keepingCapacity: true)
    offsets.removeAll(keepingCapacity: true)
    buffer.removeAll()
    isTooLong = false
  }

  /// Appends a value; NULL has neither bytes nor a length.
  public mutating func append(_ value: SQLValue) {
    if value == .null {
      appendNull(type: value.typeOID)
    } else {
      append(type: value.typeOID) { value.encode(into: &$0) }
    }
  }

  /// Appends a value that `encode` writes in the binary format of the type with this object id (0: the server decides).
  public mutating func append(type: UInt32, _ encode: (inout WireBuffer) -> Void) {
    let start = buffer.count
    encode(&buffer)
    types.append(type)
    offsets.append(start)
    let length = buffer.count - start
    isTooLong = isTooLong || length > Self.longestValue
    lengths.append(Int32(truncatingIfNeeded: length))
  }

  /// Appends NULL of a type.
  public mutating func appendNull(type: UInt32) {
    types.append(type)
    offsets.append(nil)
    lengths.append(0)
  }

  /// Lends the arrays that libpq's `PQexecParams` family takes; they are valid inside `body` only.
  /// - Throws: `PostgresError` with code `encoding` when a value is longer than PostgreSQL's limit of 1 GiB, or there are
  ///   more values than the protocol can count; what `body` throws.
  func withPointers<Result>(
    _ body: (_ values: [UnsafePointer<CChar>?], _ lengths: [Int32], _ formats: [Int32]) throws -> Result
  ) throws -> Result {
    guard !isTooLong, count <= Self.mostValues else {
      throw PostgresError(
        code: .encoding,
        message: isTooLong
          ? "a parameter is longer than 1 GiB"
          : "\(count) parameters are more than the \(Self.mostValues) of a statement"
      )
    }
    return try buffer.bytes.withUnsafeBytes { raw in
      // An empty value is a pointer to nothing of length 0; NULL is no pointer at all.
      let base = raw.baseAddress?.assumingMemoryBound(to: CChar.self) ?? Self.nothing
      let values = offsets.map { offset in offset.map { base + $0 } }
      return try body(values, lengths, [Int32](repeating: 1, count: count))
    }
  }

  private static let longestValue = 0x3FFF_FFFF
  private static let mostValues = 65_535

  /// A valid address for values without bytes, when the whole buffer has none.
  private static nonisolated(unsafe) let nothing = UnsafePointer(
    UnsafeMutablePointer<CChar>.allocate(capacity: 1)
  )
}

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

  /// An empty list with capacity for `capacity` bytes of values.
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

  /// Removes the parameters and keeps the capacity.
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
      // An empty value is a pointer to nothing of length 0; NULL is a null pointer.
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

extension SQLValue {
  /// The type that the parameter is declared as; 0 leaves it to the statement's cast.
  var typeOID: UInt32 {
    switch self {
    case .null, .vector, .halfvec, .sparsevec: TypeOID.unspecified
    case .bool: TypeOID.bool
    case .int2: TypeOID.int2
    case .int4: TypeOID.int4
    case .int8: TypeOID.int8
    case .float4: TypeOID.float4
    case .float8: TypeOID.float8
    case .numeric: TypeOID.numeric
    case .text: TypeOID.text
    case .bytea: TypeOID.bytea
    case .json: TypeOID.json
    case .jsonb: TypeOID.jsonb
    case .uuid: TypeOID.uuid
    case .date: TypeOID.date
    case .timestamp: TypeOID.timestamp
    case .timestamptz: TypeOID.timestamptz
    case .bit: TypeOID.bit
    case .boolArray: TypeOID.boolArray
    case .int2Array: TypeOID.int2Array
    case .int4Array: TypeOID.int4Array
    case .int8Array: TypeOID.int8Array
    case .textArray: TypeOID.textArray
    case .float4Array: TypeOID.float4Array
    case .float8Array: TypeOID.float8Array
    case .array(_, let element): element.arrayOID
    }
  }

  /// Appends the value in its type's binary format; NULL appends nothing.
  func encode(into buffer: inout WireBuffer) {
    switch self {
    case .null: break
    case .bool(let value): buffer.append(UInt8(value ? 1 : 0))
    case .int2(let value): buffer.append(value)
    case .int4(let value): buffer.append(value)
    case .int8(let value): buffer.append(value)
    case .float4(let value): buffer.append(value.bitPattern)
    case .float8(let value): buffer.append(value.bitPattern)
    case .numeric(let value): NumericFormat.append(value, to: &buffer)
    case .uuid(let high, let low):
      buffer.append(high)
      buffer.append(low)
    case .date(let days): buffer.append(days)
    case .timestamp(let microseconds), .timestamptz(let microseconds): buffer.append(microseconds)
    case .text(let value), .json(let value): buffer.append(utf8: value)
    case .bytea(let value): value.withUnsafeBytes { buffer.append($0) }
    case .jsonb(let value):
      // jsonb_recv reads a format version, 1, before the text.
      buffer.append(UInt8(1))
      buffer.append(utf8: value)
    case .boolArray(let values):
      buffer.append(array: values, elementType: TypeOID.bool) { $0.append(UInt8($1 ? 1 : 0)) }
    case .int2Array(let values): buffer.append(array: values, elementType: TypeOID.int2) { $0.append($1) }
    case .int4Array(let values): buffer.append(array: values, elementType: TypeOID.int4) { $0.append($1) }
    case .int8Array(let values): buffer.append(array: values, elementType: TypeOID.int8) { $0.append($1) }
    case .textArray(let values):
      buffer.append(array: values, elementType: TypeOID.text) { $0.append(utf8: $1) }
    case .float4Array(let values): buffer.append(float4Array: values)
    case .float8Array(let values):
      buffer.append(array: values, elementType: TypeOID.float8) { $0.append($1.bitPattern) }
    case .array(let values, let element):
      buffer.appendArrayHeader(elementType: element.oid, count: values.count)
      for value in values {
        if value == .null { buffer.appendNullField() } else { buffer.appendField { value.encode(into: &$0) } }
      }
    case .bit(let values): buffer.append(bits: values)
    case .sparsevec(let values): buffer.append(sparsevec: values)
    case .vector(let values): buffer.append(vector: values)
    case .halfvec(let values): buffer.append(halfvec: values)
    }
  }
}

extension WireBuffer {
  fileprivate mutating func append<Element>(
    array values: [Element],
    elementType: UInt32,
    _ encode: (inout WireBuffer, Element) -> Void
  ) {
    appendArrayHeader(elementType: elementType, count: values.count)
    for value in values { appendField { encode(&$0, value) } }
  }
}

extension SQLValue.ArrayElement {
  fileprivate var oid: UInt32 {
    switch self {
    case .numeric: TypeOID.numeric
    case .bytea: TypeOID.bytea
    case .json: TypeOID.json
    case .jsonb: TypeOID.jsonb
    case .uuid: TypeOID.uuid
    case .date: TypeOID.date
    case .timestamp: TypeOID.timestamp
    case .timestamptz: TypeOID.timestamptz
    }
  }

  fileprivate var arrayOID: UInt32 {
    switch self {
    case .numeric: TypeOID.numericArray
    case .bytea: TypeOID.byteaArray
    case .json: TypeOID.jsonArray
    case .jsonb: TypeOID.jsonbArray
    case .uuid: TypeOID.uuidArray
    case .date: TypeOID.dateArray
    case .timestamp: TypeOID.timestampArray
    case .timestamptz: TypeOID.timestamptzArray
    }
  }
}

internal import VectorSQL

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

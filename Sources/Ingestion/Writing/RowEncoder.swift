internal import ImageSources
internal import PostgresClient

/// Writes a row's values in the binary formats of its columns.
struct RowEncoder: Sendable {
  let check: TableCheck
  /// Whether the source column is written, too.
  let writesSource: Bool

  /// Appends the parameters of a row.
  func append(_ row: Int, of rows: FeatureBatch, to parameters: inout ParameterList) {
    parameters.append(type: idOID) { encodeID(rows.ids[row], into: &$0) }
    if let label = rows.labels[row] {
      parameters.append(type: Self.textOID) { $0.append(utf8: label) }
    } else {
      parameters.appendNull(type: Self.textOID)
    }
    rows.withVector(row) { vector in
      parameters.append(type: check.vectorOID) { encodeVector(vector, into: &$0) }
    }
    if writesSource {
      parameters.append(type: Self.textOID) { $0.append(utf8: rows.places[row].description) }
    }
  }

  /// Appends a row of COPY's binary format.
  func append(_ row: Int, of rows: FeatureBatch, to writer: inout BinaryCopyWriter) throws {
    try writer.row(fields: writesSource ? 4 : 3) { buffer in
      buffer.appendField { encodeID(rows.ids[row], into: &$0) }
      if let label = rows.labels[row] {
        buffer.appendField { $0.append(utf8: label) }
      } else {
        buffer.appendNullField()
      }
      rows.withVector(row) { vector in
        buffer.appendField { encodeVector(vector, into: &$0) }
      }
      if writesSource { buffer.appendField { $0.append(utf8: rows.places[row].description) } }
    }
  }

  /// The types of a row's parameters.
  var parameterTypes: [UInt32] {
    [idOID, Self.textOID, check.vectorOID] + (writesSource ? [Self.textOID] : [])
  }

  private var idOID: UInt32 {
    switch check.idType {
    case .int2: 21
    case .int4: 23
    case .int8: 20
    }
  }

  private static let textOID: UInt32 = 25

  private func encodeID(_ id: Int64, into buffer: inout WireBuffer) {
    switch check.idType {
    case .int2: buffer.append(Int16(truncatingIfNeeded: id))
    case .int4: buffer.append(Int32(truncatingIfNeeded: id))
    case .int8: buffer.append(id)
    }
  }

  private func encodeVector(_ vector: UnsafeBufferPointer<Float>, into buffer: inout WireBuffer) {
    switch check.vectorType {
    case .float4Array: buffer.append(float4Array: vector)
    case .float8Array: buffer.append(float8Array: vector)
    case .vector: buffer.append(vector: vector)
    case .halfvec: buffer.append(halfvec: vector)
    }
  }
}

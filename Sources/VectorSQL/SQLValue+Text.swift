extension SQLValue {
  /// The value in PostgreSQL's text format, as `COPY` text and string literals carry it; nil for NULL.
  ///
  /// Floats are written in their shortest form that reads back exactly.
  public var textFormat: String? {
    switch self {
    case .null: nil
    case .bool(let value): value ? "t" : "f"
    case .int2(let value): String(value)
    case .int4(let value): String(value)
    case .int8(let value): String(value)
    case .float4(let value): Self.text(of: value)
    case .float8(let value): Self.text(of: value)
    case .numeric(let text), .text(let text), .json(let text), .jsonb(let text): text
    case .bytea(let bytes): "\\x" + bytes.map { Self.hex(UInt64($0), digits: 2) }.joined()
    case .uuid(let high, let low): Self.uuidText(high: high, low: low)
    case .date(let days): CalendarDate(daysSince2000: Int(days)).description
    case .timestamp(let microseconds): CalendarDate.text(microsecondsSince2000: microseconds)
    case .timestamptz(let microseconds): CalendarDate.text(microsecondsSince2000: microseconds) + "+00"
    case .boolArray(let values): Self.array(values.map { $0 ? "t" : "f" })
    case .int2Array(let values): Self.array(values.map(String.init))
    case .int4Array(let values): Self.array(values.map(String.init))
    case .int8Array(let values): Self.array(values.map(String.init))
    case .float8Array(let values): Self.array(values.map(Self.text(of:)))
    case .textArray(let values): Self.array(values.map(Self.quotedArrayElement))
    case .float4Array(let values): Self.array(values.map(Self.text(of:)))
    case .vector(let values), .halfvec(let values):
      "[" + values.map(Self.text(of:)).joined(separator: ",") + "]"
    case .sparsevec(let values): Self.sparseText(values)
    case .array(let values, _):
      Self.array(values.map { $0.textFormat.map(Self.quotedArrayElement) ?? "NULL" })
    case .bit(let bits): bits.map { $0 ? "1" : "0" }.joined()
    }
  }

  static func text<Number: BinaryFloatingPoint & LosslessStringConvertible>(of value: Number) -> String {
    if value.isNaN { return "NaN" }
    if value.isInfinite { return value < 0 ? "-Infinity" : "Infinity" }
    let text = String(value)
    return text.hasSuffix(".0") ? String(text.dropLast(2)) : text
  }

  static func hex(_ value: UInt64, digits: Int) -> String {
    let text = String(value, radix: 16)
    return String(repeating: "0", count: max(0, digits - text.count)) + text
  }

  private static func array(_ elements: [String]) -> String {
    "{" + elements.joined(separator: ",") + "}"
  }

  static func quotedArrayElement(_ text: String) -> String {
    var result = "\""
    for scalar in text.unicodeScalars {
      if scalar == "\"" || scalar == "\\" { result += "\\" }
      result.unicodeScalars.append(scalar)
    }
    return result + "\""
  }

  private static func sparseText(_ values: [Float]) -> String {
    let entries = values.enumerated().lazy.filter { $0.element != 0 }
      .map { "\($0.offset + 1):\(text(of: $0.element))" }
    return "{" + entries.joined(separator: ",") + "}/\(values.count)"
  }

  private static func uuidText(high: UInt64, low: UInt64) -> String {
    let digits = Array(hex(high, digits: 16) + hex(low, digits: 16))
    return [0..<8, 8..<12, 12..<16, 16..<20, 20..<32].map { String(digits[$0]) }.joined(separator: "-")
  }
}

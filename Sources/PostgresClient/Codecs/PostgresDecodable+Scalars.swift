extension Bool: PostgresDecodable {
  /// Reads `boolean`.
  public init(cell: BinaryCell) throws {
    self = try cell.integer(UInt8.self) != 0
  }
}

extension Int16: PostgresDecodable {
  /// Reads `smallint`.
  public init(cell: BinaryCell) throws {
    self = try cell.integer()
  }
}

extension Int32: PostgresDecodable {
  /// Reads `integer`.
  public init(cell: BinaryCell) throws {
    self = try cell.integer()
  }
}

extension Int64: PostgresDecodable {
  /// Reads `bigint`.
  public init(cell: BinaryCell) throws {
    self = try cell.integer()
  }
}

extension Int: PostgresDecodable {
  /// Reads `smallint`, `integer`, `bigint` or `oid`, whichever the column is.
  public init(cell: BinaryCell) throws {
    switch cell.typeOID {
    case TypeOID.int2: self = Int(try cell.integer(Int16.self))
    case TypeOID.int4: self = Int(try cell.integer(Int32.self))
    case TypeOID.int8: self = Int(try cell.integer(Int64.self))
    case TypeOID.oid: self = Int(try cell.integer(UInt32.self))
    default: throw CellError(reason: "it is no integer")
    }
  }
}

extension UInt32: PostgresDecodable {
  /// Reads `oid`.
  public init(cell: BinaryCell) throws {
    self = try cell.integer()
  }
}

extension Float: PostgresDecodable {
  /// Reads `real`.
  public init(cell: BinaryCell) throws {
    self = Float(bitPattern: try cell.integer())
  }
}

extension Double: PostgresDecodable {
  /// Reads `double precision`, or `real` widened.
  public init(cell: BinaryCell) throws {
    if cell.typeOID == TypeOID.float4 {
      self = Double(try Float(cell: cell))
    } else {
      self = Double(bitPattern: try cell.integer())
    }
  }
}

extension String: PostgresDecodable {
  private static let textTypes: Set<UInt32> = [
    TypeOID.text, TypeOID.varchar, TypeOID.bpchar, TypeOID.name, TypeOID.char, TypeOID.unknown, TypeOID.json,
    TypeOID.jsonb,
  ]

  /// Reads `text`, `varchar`, `char`, `name`, `json` or `jsonb`.
  public init(cell: BinaryCell) throws {
    let bytes = try cell.requireBytes()
    guard Self.textTypes.contains(cell.typeOID) else { throw CellError(reason: "it is no text") }
    // jsonb_send writes a format version before the text.
    let text = cell.typeOID == TypeOID.jsonb ? UnsafeRawBufferPointer(rebasing: bytes.dropFirst()) : bytes
    self = String(decoding: text, as: UTF8.self)
  }
}

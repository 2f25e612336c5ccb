/// The header of a NumPy `.npy` file (numpy.lib.format, versions 1 to 3): a Python dictionary with the element type, the
/// order and the shape.
struct NumPyHeader: Sendable, Hashable {
  /// Element types that are read.
  enum Element: Sendable, Hashable {
    case float2, float4, float8, uint1
    var size: Int {
      switch self {
      case .float2: 2
      case .float4: 4
      case .float8: 8
      case .uint1: 1
      }
    }
  }

  let element: Element
  let isBigEndian: Bool
  let rows: Int
  let columns: Int
  /// Where the numbers start.
  let dataOffset: Int

  static let magic: [UInt8] = [0x93] + Array("NUMPY".utf8)

  /// Reads the header at the start of a stream and consumes it.
  /// - Throws: `CollectionError`.
  init(_ stream: ByteStream) throws {
    let damaged = { (reason: String) in CollectionError(.damaged, file: stream.name, reason) }
    guard try stream.require(12) else { throw damaged("it ends inside the .npy header") }
    let start = stream.withAvailable { Array($0.prefix(12)) }
    guard start.starts(with: Self.magic), (1...3).contains(start[6]) else {
      throw damaged("it does not start as a .npy file of version 1, 2 or 3")
    }
    let short = start[6] == 1
    let length =
      Int(start[8]) | Int(start[9]) << 8 | (short ? 0 : Int(start[10]) << 16 | Int(start[11]) << 24)
    dataOffset = (short ? 10 : 12) + length
    guard length < 1 << 20, try stream.require(dataOffset) else {
      throw damaged("it ends inside the .npy header")
    }
    let offset = dataOffset
    let text = stream.withAvailable { String(decoding: $0[(short ? 10 : 12)..<offset], as: UTF8.self) }
    stream.consume(dataOffset)
    guard let descr = Self.value("descr", in: text), let shape = Self.value("shape", in: text) else {
      throw damaged("its .npy header has no descr or no shape")
    }
    guard Self.value("fortran_order", in: text)?.hasPrefix("False") ?? false else {
      throw damaged("it is in Fortran order; save it with numpy.ascontiguousarray")
    }
    (element, isBigEndian) = try Self.element(descr, damaged)
    let sizes = shape.drop { $0 != "(" }.dropFirst().prefix { $0 != ")" }.split(separator: ",")
      .compactMap { Int($0.filter { $0 != " " }) }
    guard sizes.count == 2, sizes.allSatisfy({ $0 > 0 }) else {
      throw damaged(
        "its shape is \(shape.prefix { $0 != ")" })); a table of vectors has two dimensions, none of them 0"
      )
    }
    (rows, columns) = (sizes[0], sizes[1])
    let (rowBytes, isWide) = columns.multipliedReportingOverflow(by: element.size)
    let (size, isLong) = rows.multipliedReportingOverflow(by: rowBytes)
    guard !isWide, !isLong, size < Int.max - dataOffset else {
      throw damaged("its shape is (\(rows), \(columns)), which is more than any file holds")
    }
  }

  private static func value(_ key: String, in text: String) -> Substring? {
    guard let range = text.firstRange(of: "'\(key)'") else { return nil }
    return text[range.upperBound...].drop { $0 == ":" || $0 == " " }
  }

  private static func element(
    _ descr: Substring,
    _ damaged: (String) -> CollectionError
  ) throws -> (Element, Bool) {
    let name = descr.dropFirst().prefix { $0 != "'" }
    let known: [Substring: Element] = ["f2": .float2, "f4": .float4, "f8": .float8, "u1": .uint1]
    guard let element = known[name.dropFirst()], let order = name.first, "<>|=".contains(order) else {
      throw damaged("its numbers are \(name); f2, f4, f8 and u1 can be read (array.astype('float32'))")
    }
    return (element, order == ">")
  }
}

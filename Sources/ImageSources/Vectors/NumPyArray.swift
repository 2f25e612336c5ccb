/// Reads the rows of a two-dimensional NumPy array in C or Fortran order; ids are row numbers.
final class NumPyReader: FeatureReader {
  private let stream: ByteStream
  private let header: NumPyHeader
  private let labels: LabelLines?
  private let decoder: NumberDecoder
  private var position = 0
  /// For Fortran order: the file, read at random places, and the rows that were put together last.
  private var columnMajor: (file: BinaryFile, rows: Range<Int>, bytes: [UInt8])?

  var name: String { stream.name }
  var dimension: Int? { header.columns }
  var expectedCount: Int? { header.rows }
  let byteCount: Int?
  var carriesClasses: Bool { labels != nil }

  init(stream: ByteStream, byteCount: Int?, labels: LabelLines?) throws {
    self.stream = stream
    self.byteCount = byteCount
    self.labels = labels
    header = try NumPyHeader(stream)
    decoder = NumberDecoder(element: header.element, isBigEndian: header.isBigEndian)
    try labels?.check(count: header.rows)
    let rowBytes = header.columns * header.element.size
    let expected = header.dataOffset + header.rows * rowBytes
    if let byteCount, byteCount < expected {
      let whole = max(0, byteCount - header.dataOffset) / rowBytes
      throw CollectionError(
        .damaged,
        file: stream.name,
        "it is cut short: its header says \(header.rows) rows and only \(whole) are complete"
      )
    }
    if let byteCount, byteCount > expected {
      throw CollectionError(
        .damaged,
        file: stream.name,
        "\(byteCount - expected) bytes follow the array; more than one array in a file is not read. Fix: save each "
          + "array in a file of its own"
      )
    }
    guard header.isColumnMajor else { return }
    guard byteCount != nil else {
      throw CollectionError(
        .unknownFormat,
        file: stream.name,
        "it is in Fortran order, which is read from files only. Fix: save numpy.ascontiguousarray(array)"
      )
    }
    columnMajor = (try BinaryFile(path: stream.name), 0..<0, [])
  }

  func skip(to place: SourcePlace) throws {
    position = place.position
    if place.position > 0, !header.isColumnMajor { try stream.skip(to: place.offset) }
  }

  func read(into batch: inout FeatureBatch, limit: Int) throws -> Bool {
    guard !header.isColumnMajor else { return try readColumnMajor(into: &batch, limit: limit) }
    let rowBytes = header.columns * header.element.size
    for _ in 0..<limit {
      guard position < header.rows else { break }
      guard try stream.require(rowBytes) else {
        throw CollectionError(.damaged, file: name, "it ends inside row \(position) of \(header.rows)")
      }
      let label = try labels?.label(position)
      _ = batch.append(id: Int64(position), label: label) { values in
        stream.withAvailable {
          decoder.append(UnsafeRawBufferPointer(rebasing: $0[..<rowBytes]), to: &values)
        }
      }
      stream.consume(rowBytes)
      position += 1
    }
    batch.endOffset = stream.offset
    return position < header.rows
  }
}

extension NumPyReader {
  /// Rows that are put together at once: every column is read for so many rows.
  private static let rowsAtOnce = 4096

  private func readColumnMajor(into batch: inout FeatureBatch, limit: Int) throws -> Bool {
    for _ in 0..<limit {
      guard position < header.rows else { break }
      let rowBytes = header.columns * header.element.size
      let (rows, bytes) = try block(holding: position)
      let start = (position - rows.lowerBound) * rowBytes
      let label = try labels?.label(position)
      _ = batch.append(id: Int64(position), label: label) { values in
        bytes.withUnsafeBytes {
          decoder.append(UnsafeRawBufferPointer(rebasing: $0[start..<start + rowBytes]), to: &values)
        }
      }
      position += 1
    }
    return position < header.rows
  }

  private func block(holding position: Int) throws -> (rows: Range<Int>, bytes: [UInt8]) {
    guard let known = columnMajor else { return (0..<0, []) }
    if known.rows.contains(position) { return (known.rows, known.bytes) }
    let rows = position..<min(position + Self.rowsAtOnce, header.rows)
    let size = header.element.size
    var bytes = [UInt8](repeating: 0, count: rows.count * header.columns * size)
    for column in 0..<header.columns {
      let offset = header.dataOffset + (column * header.rows + rows.lowerBound) * size
      let values = try known.file.read(offset: offset, count: rows.count * size)
      for row in 0..<rows.count {
        for byte in 0..<size {
          bytes[(row * header.columns + column) * size + byte] = values[row * size + byte]
        }
      }
    }
    columnMajor = (known.file, rows, bytes)
    return (rows, bytes)
  }
}

/// The header of a NumPy `.npy` file (numpy.lib.format, versions 1 to 3): a Python dictionary with the element type, the
/// order and the shape.
struct NumPyHeader: Sendable, Hashable {
  /// Element types that are read.
  enum Element: Sendable, Hashable {
    case float2, float4, float8, uint1, uint2, uint4, uint8, int1, int2, int4, int8
    var size: Int {
      switch self {
      case .uint1, .int1: 1
      case .float2, .uint2, .int2: 2
      case .float4, .uint4, .int4: 4
      case .float8, .uint8, .int8: 8
      }
    }
  }

  let element: Element
  let isBigEndian: Bool
  /// Whether columns follow each other in the file, not rows.
  let isColumnMajor: Bool
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
    isColumnMajor = Self.value("fortran_order", in: text)?.hasPrefix("True") ?? false
    (element, isBigEndian) = try Self.element(descr, damaged)
    var sizes = shape.drop { $0 != "(" }.dropFirst().prefix { $0 != ")" }.split(separator: ",")
      .compactMap { Int($0.filter { $0 != " " }) }
    // One dimension is one vector.
    if sizes.count == 1 { sizes.insert(1, at: 0) }
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
    let known: [Substring: Element] = [
      "f2": .float2, "f4": .float4, "f8": .float8, "u1": .uint1, "u2": .uint2, "u4": .uint4, "u8": .uint8,
      "i1": .int1, "i2": .int2, "i4": .int4, "i8": .int8,
    ]
    guard let element = known[name.dropFirst()], let order = name.first, "<>|=".contains(order) else {
      throw damaged("its numbers are \(name), which are not real numbers. Fix: save array.astype('float32')")
    }
    return (element, order == ">")
  }
}

/// Turns the bytes of numbers into floats.
struct NumberDecoder: Sendable {
  let element: NumPyHeader.Element
  let isBigEndian: Bool

  func append(_ bytes: UnsafeRawBufferPointer, to values: inout [Float]) {
    let count = bytes.count / element.size
    let start = values.count
    values.append(contentsOf: repeatElement(0, count: count))
    values.withUnsafeMutableBufferPointer { buffer in
      let room = UnsafeMutableBufferPointer(rebasing: buffer[start...])
      switch element {
      case .uint1: for index in 0..<count { room[index] = Float(bytes[index]) }
      case .int1: for index in 0..<count { room[index] = Float(Int8(bitPattern: bytes[index])) }
      case .uint2: for index in 0..<count { room[index] = Float(word(bytes, index) as UInt16) }
      case .int2: for index in 0..<count { room[index] = Float(word(bytes, index) as Int16) }
      case .uint4: for index in 0..<count { room[index] = Float(word(bytes, index) as UInt32) }
      case .int4: for index in 0..<count { room[index] = Float(word(bytes, index) as Int32) }
      case .uint8: for index in 0..<count { room[index] = Float(word(bytes, index) as UInt64) }
      case .int8: for index in 0..<count { room[index] = Float(word(bytes, index) as Int64) }
      case .float2: for index in 0..<count { room[index] = Float(Float16(bitPattern: word(bytes, index))) }
      case .float4: for index in 0..<count { room[index] = Float(bitPattern: word(bytes, index)) }
      case .float8: for index in 0..<count { room[index] = Float(Double(bitPattern: word(bytes, index))) }
      }
    }
  }

  @inline(__always)
  private func word<Word: FixedWidthInteger>(_ bytes: UnsafeRawBufferPointer, _ index: Int) -> Word {
    let word = bytes.loadUnaligned(fromByteOffset: index &* MemoryLayout<Word>.size, as: Word.self)
    return isBigEndian ? Word(bigEndian: word) : Word(littleEndian: word)
  }
}

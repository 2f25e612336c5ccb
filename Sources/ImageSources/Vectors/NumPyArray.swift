import Basics

/// Reads the rows of a two-dimensional NumPy array in C or Fortran order; ids are row numbers.
final class NumPyReader: FeatureReader {
  private let stream: ByteStream
  private let header: NumPyHeader
  private let labels: LabelLines?
  private let ids: NumPyColumn?
  private let classes: NumPyColumn?
  private let decoder: NumberDecoder
  private var position = 0
  /// For Fortran order: the file, read at random places, and the rows that were put together last.
  private var columnMajor: (file: BinaryFile, rows: Range<Int>, bytes: [UInt8])?

  var name: String { stream.name }
  var dimension: Int? { header.columns }
  var expectedCount: Int? { header.rows }
  let byteCount: Int?
  var carriesClasses: Bool { labels != nil || classes != nil }

  /// - Parameters:
  ///   - byteCount: the size of the source where it is known, for progress.
  ///   - ids: the rows' ids, where they lie beside the vectors.
  ///   - classes: the rows' classes, where they lie beside the vectors.
  ///   - file: the array's file, which can be read at random places; nil for what comes once.
  /// - Throws: `CollectionError`.
  init(
    stream: ByteStream,
    byteCount: Int?,
    labels: LabelLines?,
    ids: NumPyColumn? = nil,
    classes: NumPyColumn? = nil,
    file: BinaryFile?
  ) throws {
    self.stream = stream
    self.byteCount = byteCount
    self.labels = labels
    self.ids = ids
    self.classes = classes
    header = try NumPyHeader(stream)
    decoder = NumberDecoder(element: header.element, isBigEndian: header.isBigEndian)
    try labels?.check(count: header.rows)
    for column in [ids, classes].compactMap({ $0 }) where column.count != header.rows {
      throw CollectionError(
        .damaged,
        file: column.name,
        "it has \(column.count) elements and the vectors \(header.rows) rows"
      )
    }
    if let file {
      let rowBytes = header.columns * header.element.size
      let expected = header.dataOffset + header.rows * rowBytes
      guard file.size >= expected else {
        let whole = max(0, file.size - header.dataOffset) / rowBytes
        throw CollectionError(
          .damaged,
          file: stream.name,
          "it is cut short: its header says \(header.rows) rows and only \(whole) are complete"
        )
      }
      guard file.size == expected else { throw Self.severalArrays(stream, file.size - expected) }
    }
    guard header.isColumnMajor else { return }
    guard let file else {
      throw CollectionError(
        .unknownFormat,
        file: stream.name,
        "it is in Fortran order, which is read from uncompressed files only. Fix: save "
          + "numpy.ascontiguousarray(array)"
      )
    }
    columnMajor = (file, 0..<0, [])
  }

  private static func severalArrays(_ stream: ByteStream, _ count: Int) -> CollectionError {
    CollectionError(
      .damaged,
      file: stream.name,
      "\(count) bytes follow the array; more than one array in a file is not read. Fix: save each "
        + "array in a file of its own"
    )
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
      let (id, label) = try identity(of: position)
      _ = batch.append(id: id, label: label) { values in
        stream.withAvailable {
          decoder.append(UnsafeRawBufferPointer(rebasing: $0[..<rowBytes]), to: &values)
        }
      }
      stream.consume(rowBytes)
      position += 1
    }
    batch.endOffset = stream.offset
    return try goesOn()
  }

  private func identity(of row: Int) throws -> (ImageID, String?) {
    let label = try classes?.text(row) ?? labels?.label(row)
    guard let ids else { return (ImageID(Int64(row)), label) }
    guard !ids.isInteger else { return (ImageID(try ids.integer(row)), label) }
    do {
      return (try RowProblem.id(ids.text(row)), label)
    } catch let problem as RowProblem {
      throw CollectionError(.damaged, file: ids.name, "row \(row): \(problem.reason)")
    }
  }

  /// Whether rows are left; where none is, whether the source ends with them.
  private func goesOn() throws -> Bool {
    guard position == header.rows else { return true }
    if !header.isColumnMajor {
      let rest = try stream.drain()
      guard rest == 0 else { throw Self.severalArrays(stream, rest) }
    }
    try ids?.finish()
    try classes?.finish()
    return false
  }
}

extension NumPyReader {
  /// Rows that are put together at once: every column is read for this many rows.
  private static let rowsAtOnce = 4096

  private func readColumnMajor(into batch: inout FeatureBatch, limit: Int) throws -> Bool {
    for _ in 0..<limit {
      guard position < header.rows else { break }
      let rowBytes = header.columns * header.element.size
      let (rows, bytes) = try block(holding: position)
      let start = (position - rows.lowerBound) * rowBytes
      let (id, label) = try identity(of: position)
      _ = batch.append(id: id, label: label) { values in
        bytes.withUnsafeBytes {
          decoder.append(UnsafeRawBufferPointer(rebasing: $0[start..<start + rowBytes]), to: &values)
        }
      }
      position += 1
    }
    return try goesOn()
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
struct NumPyDescription {
  /// NumPy's name of the element type with its byte order: `<f4`; the whole text for a structured one.
  let type: String
  /// Whether columns follow each other in the file, not rows.
  let isColumnMajor: Bool
  let shape: [Int]
  /// Where the elements start.
  let dataOffset: Int
  private let file: String

  /// Reads the header at the start of a stream and consumes it.
  /// - Throws: `CollectionError`.
  init(_ stream: ByteStream) throws {
    file = stream.name
    let damaged = { (reason: String) in CollectionError(.damaged, file: stream.name, reason) }
    guard try stream.require(12) else { throw damaged("it ends inside the .npy header") }
    let start = stream.withAvailable { Array($0.prefix(12)) }
    guard start.starts(with: NumPyHeader.magic), (1...3).contains(start[6]) else {
      throw damaged("it does not start as a .npy file of version 1, 2 or 3")
    }
    let short = start[6] == 1
    let length =
      Int(start[8]) | Int(start[9]) << 8 | (short ? 0 : Int(start[10]) << 16 | Int(start[11]) << 24)
    let offset = (short ? 10 : 12) + length
    guard length < 1 << 20, try stream.require(offset) else {
      throw damaged("it ends inside the .npy header")
    }
    let text = stream.withAvailable { String(decoding: $0[(short ? 10 : 12)..<offset], as: UTF8.self) }
    stream.consume(offset)
    guard let descr = Self.value("descr", in: text), let shape = Self.value("shape", in: text) else {
      throw damaged("its .npy header has no descr or no shape")
    }
    dataOffset = offset
    isColumnMajor = Self.value("fortran_order", in: text)?.hasPrefix("True") ?? false
    type = String(descr.first == "'" ? descr.dropFirst().prefix { $0 != "'" } : descr.prefix { $0 != "]" })
    let written = shape.drop { $0 != "(" }.dropFirst().prefix { $0 != ")" }.split(separator: ",")
      .map { $0.filter { $0 != " " } }
    let sizes = written.filter { !$0.isEmpty }.compactMap { Int($0) }
    guard sizes.count == written.count(where: { !$0.isEmpty }), sizes.allSatisfy({ $0 >= 0 }) else {
      throw damaged("its shape is \(shape.prefix { $0 != ")" })), which is none")
    }
    self.shape = sizes
  }

  private static func value(_ key: String, in text: String) -> Substring? {
    guard let range = text.firstRange(of: "'\(key)'") else { return nil }
    return text[range.upperBound...].drop { $0 == ":" || $0 == " " }
  }

  /// The type of an array of real numbers.
  /// - Throws: `CollectionError`.
  func element() throws -> (NumPyHeader.Element, isBigEndian: Bool) {
    let known: [Substring: NumPyHeader.Element] = [
      "f2": .float2, "f4": .float4, "f8": .float8, "u1": .uint1, "u2": .uint2, "u4": .uint4, "u8": .uint8,
      "i1": .int1, "i2": .int2, "i4": .int4, "i8": .int8,
    ]
    if let element = known[type.dropFirst()], let order = type.first, "<>|=".contains(order) {
      return (element, order == ">")
    }
    let fix =
      type.hasPrefix("[")
      ? "it is a table of records, not of numbers. Fix: save numpy.stack(array['NAME OF THE VECTORS'])"
      : type.dropFirst() == "O"
        ? "it holds Python objects, which are not read. Fix: save numpy.stack(array).astype('float32')"
        : "its numbers are \(type), which are not real numbers. Fix: save array.astype('float32')"
    throw CollectionError(.damaged, file: file, fix)
  }
}

/// What the header of an array of vectors says.
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
    let description = try NumPyDescription(stream)
    (element, isBigEndian) = try description.element()
    isColumnMajor = description.isColumnMajor
    dataOffset = description.dataOffset
    // One dimension is one vector.
    let sizes = description.shape.count == 1 ? [1] + description.shape : description.shape
    guard sizes.count == 2, sizes.allSatisfy({ $0 > 0 }) else {
      let shape = description.shape.map(String.init).joined(separator: ", ")
      throw CollectionError(
        .damaged,
        file: stream.name,
        "its shape is (\(shape)); a table of vectors has two dimensions, none of them 0"
      )
    }
    (rows, columns) = (sizes[0], sizes[1])
    let (rowBytes, isWide) = columns.multipliedReportingOverflow(by: element.size)
    let (size, isLong) = rows.multipliedReportingOverflow(by: rowBytes)
    guard !isWide, !isLong, size < Int.max - dataOffset else {
      throw CollectionError(
        .damaged,
        file: stream.name,
        "its shape is (\(rows), \(columns)), which is more than any file holds"
      )
    }
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
      case .float4 where isBigEndian == (1.bigEndian == 1):
        UnsafeMutableRawBufferPointer(room).copyMemory(
          from: UnsafeRawBufferPointer(rebasing: bytes[..<(count * element.size)])
        )
      case .float4: for index in 0..<count { room[index] = Float(bitPattern: word(bytes, index)) }
      case .float8: for index in 0..<count { room[index] = Float(Double(bitPattern: word(bytes, index))) }
      }
    }
  }

  /// An element of an integer type; nil for one beyond `Int64`.
  func integer(_ bytes: UnsafeRawBufferPointer) -> Int64? {
    switch element {
    case .uint1: Int64(bytes[0])
    case .int1: Int64(Int8(bitPattern: bytes[0]))
    case .uint2: Int64(word(bytes, 0) as UInt16)
    case .int2: Int64(word(bytes, 0) as Int16)
    case .uint4: Int64(word(bytes, 0) as UInt32)
    case .int4: Int64(word(bytes, 0) as Int32)
    case .uint8: Int64(exactly: word(bytes, 0) as UInt64)
    case .int8: word(bytes, 0)
    case .float2, .float4, .float8: nil
    }
  }

  @inline(__always)
  private func word<Word: FixedWidthInteger>(_ bytes: UnsafeRawBufferPointer, _ index: Int) -> Word {
    let word = bytes.loadUnaligned(fromByteOffset: index &* MemoryLayout<Word>.size, as: Word.self)
    return isBigEndian ? Word(bigEndian: word) : Word(littleEndian: word)
  }
}

internal import Basics
internal import Checkpoints

/// Reads the arrays of a NumPy `.npz` file: vectors, and ids and classes where arrays of the usual names hold them.
///
/// The arrays are read side by side, so that memory does not grow with them.
enum NPZReader {
  /// - Parameter array: the name of the vectors' array; nil for the usual ones, or the only one there is.
  /// - Throws: `CollectionError`.
  static func open(
    path: String,
    byteCount: Int?,
    array: String?,
    labels: LabelLines?,
    textIDs: TextIDs = .none
  ) throws -> any FeatureReader {
    let file = try BinaryFile(path: path)
    let members = try members(file)
    guard !members.isEmpty else {
      throw CollectionError(
        .unknownFormat,
        file: path,
        try otherArchive(file)
      )
    }
    let vectors = try choose(array, members, file)
    let ids = try column(ArrayNames.ids, members, file)
    let classes = labels == nil ? try column(ArrayNames.classes, members, file) : nil
    if let ids, !ids.isInteger, textIDs == .none {
      throw CollectionError(
        .damaged,
        file: ids.name,
        "its ids are texts, and the table's are integers. Fix: save integers, or leave the array out, so that rows are "
          + "numbered"
      )
    }
    return try NumPyReader(
      stream: stream(vectors, file),
      byteCount: byteCount,
      labels: labels,
      ids: ids,
      classes: classes,
      // A deflated member cannot be read at random places.
      file: vectors.isDeflated ? nil : BinaryFile(vectors.range, of: file, path: place(vectors, file))
    )
  }

  /// What a zip archive without arrays is.
  private static func otherArchive(_ file: BinaryFile) throws -> String {
    let names = try ZipMember.all(in: file.descriptor, name: file.path).map(\.name)
    if names.contains(where: { $0 == "data.pkl" || $0.hasSuffix("/data.pkl") }) {
      return
        "it is a file of PyTorch. Fix: write the tensor with numpy.save('v.npy', torch.load(FILE).numpy())"
    }
    if names.contains("[Content_Types].xml") {
      return "it is an Office document. Fix: save its table as CSV (UTF-8)"
    }
    return "it is a zip archive without arrays (.npy). Fix: unzip it, then name what it holds"
  }

  private static func members(_ file: BinaryFile) throws -> [ZipMember] {
    do {
      return try ZipMember.all(in: file.descriptor, name: file.path).filter { $0.name.hasSuffix(".npy") }
    } catch let error as CheckpointError {
      throw CollectionError(.damaged, file: file.path, error.reason)
    }
  }

  private static func place(_ member: ZipMember, _ file: BinaryFile) -> String {
    "\(file.path):\(member.name)"
  }

  private static func stream(_ member: ZipMember, _ file: BinaryFile) throws -> ByteStream {
    try ByteStream(
      part: member.range,
      of: file.path,
      name: place(member, file),
      isDeflated: member.isDeflated,
      checksum: member.checksum
    )
  }

  private static func named(_ names: [String], _ members: [ZipMember]) -> ZipMember? {
    names.lazy.compactMap { name in members.first { $0.name.dropLast(4).lowercased() == name.lowercased() } }
      .first
  }

  private static func column(_ names: [String], _ members: [ZipMember], _ file: BinaryFile) throws
    -> NumPyColumn?
  {
    try named(names, members).map { try NumPyColumn(try stream($0, file)) }
  }

  private static func choose(_ array: String?, _ members: [ZipMember], _ file: BinaryFile) throws -> ZipMember
  {
    if let known = named(array.map { [$0] } ?? ArrayNames.vectors, members) { return known }
    let tables = members.compactMap { member -> (member: ZipMember, header: NumPyHeader)? in
      guard let stream = try? stream(member, file), let header = try? NumPyHeader(stream), header.rows > 1
      else {
        return nil
      }
      return (member, header)
    }
    if array == nil, tables.count == 1 { return tables[0].member }
    let reason =
      array.map { "it has no array \"\($0)\"" }
      ?? "none of its arrays has a name that says it holds the vectors"
    let shown = tables.map { "\($0.member.name.dropLast(4)) \($0.header.rows) × \($0.header.columns)" }
    throw ArrayNames.unknown(file.path, reason, shown)
  }
}

/// An array of one dimension that goes with the rows: integers, or texts of one width (`<U8`, `|S8`).
final class NumPyColumn {
  private enum Element {
    case number(NumberDecoder)
    /// UTF-32, that many characters.
    case text(isBigEndian: Bool)
    case bytes
  }

  let name: String
  let count: Int
  private let stream: ByteStream
  private let width: Int
  private let element: Element
  private var position = 0

  private static let widest = 1 << 20

  /// - Throws: `CollectionError`.
  init(_ stream: ByteStream) throws {
    self.stream = stream
    name = stream.name
    let description = try NumPyDescription(stream)
    let type = description.type
    let digits = Int(type.dropFirst(2))
    switch (type.dropFirst().first, digits) {
    case ("U", let length?) where (1...Self.widest).contains(length):
      (element, width) = (.text(isBigEndian: type.first == ">"), 4 * length)
    case ("S", let length?) where (1...Self.widest).contains(length): (element, width) = (.bytes, length)
    case ("i", let size?) where [1, 2, 4, 8].contains(size),
      ("u", let size?) where [1, 2, 4, 8].contains(size):
      let (kind, isBigEndian) = try description.element()
      let decoder = NumberDecoder(element: kind, isBigEndian: isBigEndian)
      (element, width) = (.number(decoder), size)
    default:
      throw CollectionError(
        .damaged,
        file: stream.name,
        "its elements are \(type), neither integers nor text. Fix: save array.astype('int64') or array.astype(str)"
      )
    }
    let sizes = description.shape
    guard sizes.count == 1 || sizes.count == 2 && sizes[1] == 1 else {
      throw CollectionError(.damaged, file: stream.name, "ids and classes are arrays of one dimension")
    }
    count = sizes[0]
  }

  var isInteger: Bool {
    if case .number = element { return true }
    return false
  }

  /// The bytes of a row; rows are asked for in order, and may be passed over.
  private func withRow<Result>(_ row: Int, _ body: (UnsafeRawBufferPointer) throws -> Result) throws -> Result
  {
    guard row < count else {
      throw CollectionError(.damaged, file: name, "it has \(count) elements and the vectors have more rows")
    }
    while position <= row {
      guard try stream.require(width) else {
        throw CollectionError(.damaged, file: name, "it ends inside element \(position) of \(count)")
      }
      position += 1
      if position <= row { stream.consume(width) }
    }
    defer { stream.consume(width) }
    return try stream.withAvailable { try body(UnsafeRawBufferPointer(rebasing: $0[..<width])) }
  }

  /// - Throws: `CollectionError`, also for an unsigned number beyond the range of a bigint.
  func integer(_ row: Int) throws -> Int64 {
    try withRow(row) { bytes in
      guard case .number(let decoder) = element, let number = decoder.integer(bytes) else {
        throw CollectionError(.damaged, file: name, "element \(row) is not a bigint")
      }
      return number
    }
  }

  /// - Throws: `CollectionError`, also for text that is not Unicode.
  func text(_ row: Int) throws -> String {
    try withRow(row) { bytes in
      let text: String?
      switch element {
      case .number(let decoder): text = decoder.integer(bytes).map(String.init)
      case .bytes:
        let end = bytes.lastIndex { $0 != 0 }.map { $0 + 1 } ?? 0
        text = String(validating: bytes[..<end], as: UTF8.self)
      case .text(let isBigEndian):
        let words = stride(from: 0, to: bytes.count, by: 4).map { offset in
          let word = bytes.loadUnaligned(fromByteOffset: offset, as: UInt32.self)
          return isBigEndian ? UInt32(bigEndian: word) : UInt32(littleEndian: word)
        }
        let end = words.lastIndex { $0 != 0 }.map { $0 + 1 } ?? 0
        text = String(validating: words[..<end], as: UTF32.self)
      }
      guard let text else { throw CollectionError(.damaged, file: name, "element \(row) is not Unicode") }
      return text
    }
  }

  /// Reads to the end, which a compressed or damaged array only shows there.
  func finish() throws { _ = try stream.drain() }
}

import Basics

/// Reads `.fvecs` and `.bvecs` (http://corpus-texmex.irisa.fr): a record is its dimension, four bytes little-endian, and
/// that many floats or unsigned bytes. Ids are record numbers.
final class VecsReader: FeatureReader {
  private let stream: ByteStream
  private let decoder: NumberDecoder
  private let labels: LabelLines?
  private var position = 0
  private(set) var dimension: Int?
  private(set) var expectedCount: Int?

  var name: String { stream.name }
  let byteCount: Int?
  var carriesClasses: Bool { labels != nil }

  init(stream: ByteStream, element: NumPyHeader.Element, byteCount: Int?, labels: LabelLines?) throws {
    self.stream = stream
    self.byteCount = byteCount
    self.labels = labels
    decoder = NumberDecoder(element: element, isBigEndian: false)
    guard try stream.require(4) else {
      throw CollectionError(.empty, file: stream.name, "there is no record in it")
    }
    let dimension = try peekDimension()
    self.dimension = dimension
    let recordBytes = 4 + dimension * element.size
    guard let byteCount else { return }
    guard byteCount % recordBytes == 0 else {
      throw CollectionError(
        .damaged,
        file: stream.name,
        "its \(byteCount) bytes are not a whole number of \(recordBytes)-byte records of \(dimension) numbers; "
          + "it is cut short or another format"
      )
    }
    expectedCount = byteCount / recordBytes
    if let expectedCount { try labels?.check(count: expectedCount) }
  }

  func skip(to place: SourcePlace) throws {
    try stream.skip(to: place.offset)
    position = place.position
  }

  func read(into batch: inout FeatureBatch, limit: Int) throws -> Bool {
    for _ in 0..<limit {
      guard try stream.require(4) else {
        guard stream.availableCount == 0 else { throw cutShort() }
        batch.endOffset = stream.offset
        return false
      }
      let count = try peekDimension()
      guard count == dimension ?? count else {
        throw CollectionError(
          .damaged,
          file: name,
          "record \(position) has \(count) numbers where the records before have \(dimension ?? 0)"
        )
      }
      let end = 4 + count * decoder.element.size
      guard try stream.require(end) else { throw cutShort() }
      let label = try labels?.label(position)
      _ = batch.append(id: ImageID(Int64(position)), label: label) { values in
        stream.withAvailable { decoder.append(UnsafeRawBufferPointer(rebasing: $0[4..<end]), to: &values) }
      }
      stream.consume(end)
      position += 1
    }
    batch.endOffset = stream.offset
    return true
  }

  private func cutShort() -> CollectionError {
    CollectionError(.damaged, file: name, "it ends inside record \(position)")
  }

  private func peekDimension() throws -> Int {
    let count = stream.withAvailable { Int32(littleEndian: $0.loadUnaligned(as: Int32.self)) }
    guard (1...1_000_000).contains(count) else {
      throw CollectionError(.damaged, file: name, "record \(position) says it has \(count) numbers")
    }
    return Int(count)
  }
}

/// Classes for a format that carries none: a line each, in the order of the rows. An empty line is NULL.
///
/// The file is read in step with the rows, so that memory does not grow with them.
final class LabelLines {
  private let stream: ByteStream
  private let count: Int
  /// The line that is read next.
  private var position = 0

  private static let newline = UInt8(ascii: "\n")
  private static let bufferSize = 1 << 16

  /// - Throws: `CollectionError` with code `unreadable`, or `labels` for a pipe.
  init(path: String) throws {
    guard try FileSystem.regularSize(path) != nil else {
      throw CollectionError(.labels, file: path, "classes are read twice, which needs a regular file")
    }
    stream = try ByteStream(path: path, bufferSize: Self.bufferSize)
    count = try Self.countLines(stream)
    try stream.skip(to: 0)
    try stream.skipByteOrderMark()
  }

  /// The class of a row; rows are asked for in order, and may be passed over.
  /// - Throws: `CollectionError` with code `labels` when there are fewer lines than rows.
  func label(_ row: Int) throws -> String? {
    guard row < count else {
      throw CollectionError(.labels, file: stream.name, "it has \(count) lines and the source has more rows")
    }
    while position < row { _ = try nextLine() }
    return try nextLine()
  }

  /// - Throws: `CollectionError` with code `labels` when the counts differ.
  func check(count rows: Int) throws {
    guard count == rows else {
      throw CollectionError(.labels, file: stream.name, "it has \(count) lines and the source \(rows) rows")
    }
  }

  private func nextLine() throws -> String? {
    var length = availableLine()
    while length == nil, !stream.reachedEnd {
      try stream.fill()
      length = availableLine()
    }
    let line = stream.withAvailable { bytes in
      let line = bytes.prefix(length ?? bytes.count)
      return String(validating: line.last == UInt8(ascii: "\r") ? line.dropLast() : line, as: UTF8.self)
    }
    stream.consume(length.map { $0 + 1 } ?? stream.availableCount)
    position += 1
    guard let text = line else {
      throw CollectionError(.labels, file: stream.name, line: position, "it is not UTF-8")
    }
    return text.isEmpty ? nil : text
  }

  /// The length of the line at hand; nil when its end is not there yet.
  private func availableLine() -> Int? {
    stream.withAvailable { $0.firstIndex(of: Self.newline) }
  }

  private static func countLines(_ stream: ByteStream) throws -> Int {
    var lines = 0
    var last = newline
    while try stream.require(1) {
      stream.withAvailable { bytes in
        for byte in bytes where byte == newline { lines += 1 }
        last = bytes.last ?? last
      }
      stream.consume(stream.availableCount)
    }
    return last == newline ? lines : lines + 1
  }
}

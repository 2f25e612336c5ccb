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
        "its \(byteCount) bytes are no whole number of \(recordBytes)-byte records of \(dimension) numbers; "
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
      _ = batch.append(id: Int64(position), label: label) { values in
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

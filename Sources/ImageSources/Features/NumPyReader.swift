/// Reads the rows of a two-dimensional NumPy array; ids are row numbers.
final class NumPyReader: FeatureReader {
  private let stream: ByteStream
  private let header: NumPyHeader
  private let labels: LabelLines?
  private let decoder: NumberDecoder
  private var position = 0

  var name: String { stream.name }
  var dimension: Int? { header.columns }
  var expectedCount: Int? { header.rows }
  let byteCount: Int?

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
  }

  func skip(to place: SourcePlace) throws {
    position = place.position
    if place.position > 0 { try stream.skip(to: place.offset) }
  }

  func read(into batch: inout FeatureBatch, limit: Int) throws -> Bool {
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

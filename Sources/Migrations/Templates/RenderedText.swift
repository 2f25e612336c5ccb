internal import SQLLexer

/// Rendered SQL that knows, for each byte, where in the file it came from.
struct RenderedText: Hashable {
  /// A run of bytes with one origin.
  struct Segment: Hashable {
    var rendered: Range<Int>
    var source: Range<Int>
    /// The parameter whose value this is; nil for text of the file.
    var parameter: String?
  }

  private(set) var utf8: [UInt8] = []
  private(set) var segments: [Segment] = []

  var string: String { String(decoding: utf8, as: UTF8.self) }

  mutating func append(_ bytes: some Collection<UInt8>, from source: Range<Int>, parameter: String? = nil) {
    let start = utf8.count
    utf8 += bytes
    segments.append(Segment(rendered: start..<utf8.count, source: source, parameter: parameter))
  }

  /// The offset in the file of a byte of the rendered text; a value's bytes are its tag's.
  func sourceOffset(of offset: Int) -> Int {
    var low = 0
    var high = segments.count
    while low < high {
      let middle = (low + high) / 2
      if segments[middle].rendered.upperBound <= offset { low = middle + 1 } else { high = middle }
    }
    guard low < segments.count else { return segments.last?.source.upperBound ?? 0 }
    let segment = segments[low]
    guard segment.parameter == nil else { return segment.source.lowerBound }
    return segment.source.lowerBound + offset - segment.rendered.lowerBound
  }
}

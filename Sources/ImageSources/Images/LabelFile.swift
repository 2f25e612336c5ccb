internal import Basics

/// Classes of images by relative path, from a CSV file with the columns `path,label`.
///
/// A first line of exactly `path,label` or `file,label` is a header.
public struct LabelFile: Sendable {
  private let labels: [String: String]
  /// What tells this file's content from another's.
  let fingerprint: SourceFingerprint

  /// Reads the file.
  /// - Throws: `CollectionError` with code `unreadable`, or `labels` for a line without two fields or a path named twice.
  public init(path: String) throws {
    guard try FileSystem.regularSize(path) != nil else {
      throw CollectionError(.labels, file: path, "it is not a regular file")
    }
    let bytes = try WholeFile.read(PathText.bytes(path), limit: 1 << 30)
    var hash = ContentHash()
    hash.combine(bytes)
    fingerprint = SourceFingerprint(hash)
    var known: [String: String] = [:]
    var scanner = DelimitedScanner(delimiter: UInt8(ascii: ","))
    var line = 1
    try bytes.withUnsafeBytes { raw in
      let mark = raw.starts(with: ByteOrderMark.bytes) ? ByteOrderMark.bytes.count : 0
      var rest = UnsafeRawBufferPointer(rebasing: raw[mark...])
      while !rest.isEmpty {
        let record = try scanner.record(in: rest, final: true, file: path, line: line)
        guard let record else { break }
        let fields = try record.fields.map { field in
          guard let text = field.validText(in: rest) else {
            throw CollectionError(.labels, file: path, line: line, "it is not UTF-8")
          }
          return text
        }
        rest = UnsafeRawBufferPointer(rebasing: rest[record.end...])
        defer { line += record.lines }
        if fields.count == 1, fields[0].isEmpty { continue }
        guard fields.count == 2 else {
          throw CollectionError(
            .labels,
            file: path,
            line: line,
            "expected path,label and found \(fields.count) fields"
          )
        }
        if line == 1, fields[1].lowercased() == "label" { continue }
        guard known.updateValue(fields[1], forKey: fields[0]) == nil else {
          throw CollectionError(.labels, file: path, line: line, "the path \(fields[0]) is named twice")
        }
      }
    }
    labels = known
  }

  /// The paths that the file names.
  var paths: Set<String> { Set(labels.keys) }

  /// The class of an image, nil when the file does not name it.
  public subscript(path: String) -> String? { labels[path] }
}

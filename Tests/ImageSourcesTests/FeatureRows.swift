import TestSupport

@testable import ImageSources

/// Every row of a source, as `id|class|numbers`.
func rows(of source: FeatureSource, batch limit: Int = 2) throws -> [String] {
  let reader = try source.open()
  var rows: [String] = []
  var more = true
  while more {
    var batch = FeatureBatch(firstPosition: rows.count)
    more = try reader.read(into: &batch, limit: limit)
    for row in 0..<batch.count {
      let numbers = batch.withVector(row) { $0.map { "\($0)" }.joined(separator: ",") }
      rows.append("\(batch.ids[row])|\(batch.labels[row] ?? "NULL")|\(numbers)")
    }
  }
  return rows
}

/// The rows of a text, read as a file.
func rows(of text: String, name: String) throws -> [String] {
  let scratch = try TemporaryFolder()
  return try rows(of: FeatureSource(path: scratch.file(name, text)))
}

/// The one line that reading a text ends with.
func complaint(_ text: String, name: String) throws -> String? {
  do {
    _ = try rows(of: text, name: name)
    return nil
  } catch let error as CollectionError {
    return error.line.map { "line \($0): \(error.reason)" } ?? error.reason
  }
}

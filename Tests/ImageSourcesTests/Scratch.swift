import Foundation

@testable import ImageSources

/// A folder that is gone with the test.
final class Scratch: Sendable {
  let path: String

  init() throws {
    path = FileManager.default.temporaryDirectory.appendingPathComponent(UUID().uuidString).path
    try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
  }

  deinit {
    try? FileManager.default.removeItem(atPath: path)
  }

  /// Writes a file, and the folders on the way to it.
  func file(_ name: String, _ bytes: [UInt8]) throws -> String {
    let file = path + "/" + name
    let folder = (file as NSString).deletingLastPathComponent
    try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
    try Data(bytes).write(to: URL(fileURLWithPath: file))
    return file
  }

  func file(_ name: String, _ text: String) throws -> String {
    try file(name, Array(text.utf8))
  }
}

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
  let scratch = try Scratch()
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

internal import Foundation

/// Writes the tutorial's feature file: a line `id|class|{v1,v2,…}` a row, floats in their shortest exact form.
///
/// The file appears under its name when it is finished; until then it has a name of its own beside it.
public struct FeatureFileOutput {
  private let path: String
  private let unfinished: String
  private let file: FileHandle
  private let dimension: Int
  private var rows = 0

  /// A file to be written.
  /// - Throws: `CollectionError` when the folder cannot be written.
  public init(path: String, dimension: Int) throws {
    self.path = path
    self.dimension = dimension
    unfinished = path + ".unfinished"
    guard FileManager.default.createFile(atPath: unfinished, contents: nil),
      let file = FileHandle(forWritingAtPath: unfinished)
    else {
      throw CollectionError(.unreadable, file: path, "cannot be written; is its folder there?")
    }
    self.file = file
  }

  /// Appends a row.
  /// - Throws: `CollectionError` for a label that the format cannot hold: one with a line break or `|`.
  public mutating func append(id: Int64, label: String?, vector: UnsafeBufferPointer<Float>) throws {
    let label = label ?? ""
    guard !label.contains(where: { $0.isNewline || $0 == "|" }) else {
      throw CollectionError(.labels, file: path, "the class of id \(id) has a line break or | in it")
    }
    var line = "\(id)|\(label)|{"
    for (index, value) in vector.enumerated() {
      if index > 0 { line += "," }
      line += value.description
    }
    line += "}\n"
    try file.write(contentsOf: Data(line.utf8))
    rows += 1
  }

  /// Gives the file its name.
  /// - Returns: the number of rows.
  public mutating func finish() throws -> Int {
    try file.close()
    guard rename(unfinished, path) == 0 else {
      throw CollectionError(.unreadable, file: path, "cannot be written")
    }
    return rows
  }
}

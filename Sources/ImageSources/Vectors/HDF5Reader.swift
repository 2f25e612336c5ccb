internal import Basics
internal import CHDF5

/// Reads a table of numbers in an HDF5 file, such as those of ann-benchmarks; ids are row numbers.
final class HDF5Reader: FeatureReader {
  let name: String
  let byteCount: Int?
  let dimension: Int?
  let expectedCount: Int?
  var carriesClasses: Bool { labels != nil }

  private let file: OpaquePointer
  private let table: Int64
  private let rows: Int
  private let columns: Int
  private let labels: LabelLines?
  private var position = 0

  /// The tables that are looked for, in this order, where none is named.
  private static let usualNames = ["train"] + ArrayNames.vectors

  /// - Parameter array: the table's name; nil for the usual ones, or the only one there is.
  /// - Throws: `CollectionError`.
  init(path: String, byteCount: Int?, array: String?, labels: LabelLines?) throws {
    name = path
    self.byteCount = byteCount
    self.labels = labels
    if let problem = adbvec_hdf5_problem() {
      throw CollectionError(
        .unreadable,
        file: path,
        "it is HDF5, and \(String(cString: problem)). Fix: install it, or write the vectors with h5py: "
          + "numpy.save('v.npy', h5py.File(…)['train'][:])"
      )
    }
    guard let opened = adbvec_hdf5_open(FileSystem.terminated(path)) else {
      throw CollectionError(
        .damaged,
        file: path,
        "as HDF5, it is damaged or cut short; copy or download it again"
      )
    }
    do {
      let found = try Self.choose(array, in: opened, path)
      (table, rows, columns) = found
      try labels?.check(count: rows)
    } catch {
      adbvec_hdf5_close(opened)
      throw error
    }
    file = opened
    dimension = columns
    expectedCount = rows
  }

  deinit {
    adbvec_hdf5_close(file)
  }

  func skip(to place: SourcePlace) { position = place.position }

  func read(into batch: inout FeatureBatch, limit: Int) throws -> Bool {
    let count = min(limit, rows - position)
    var values = [Float](repeating: 0, count: count * columns)
    let isRead = values.withUnsafeMutableBufferPointer {
      adbvec_hdf5_read(file, table, UInt64(position), UInt64(count), UInt64(columns), $0.baseAddress) != 0
    }
    guard isRead || count == 0 else {
      throw CollectionError(
        .damaged,
        file: name,
        "rows from \(position) on cannot be read; the file is damaged or uses a compression that libhdf5 lacks"
      )
    }
    for row in 0..<count {
      let vector = values[row * columns..<(row + 1) * columns]
      batch.append(id: ImageID(Int64(position)), label: try labels?.label(position), vector: vector)
      position += 1
    }
    return position < rows
  }

  private typealias Table = (table: Int64, rows: Int, columns: Int)

  private static func choose(_ array: String?, in file: OpaquePointer, _ path: String) throws -> Table {
    let names = names(in: file)
    if let array {
      guard let table = open(array, in: file) else {
        throw unknown(path, "it has no table of numbers \"\(array)\"", names, file)
      }
      return table
    }
    for usual in usualNames where names.contains(usual) {
      if let table = open(usual, in: file) { return table }
    }
    let tables = names.compactMap { open($0, in: file) }
    guard tables.count == 1 else {
      tables.forEach { adbvec_hdf5_close_table(file, $0.table) }
      throw unknown(path, "none of its tables has a name that says it holds the vectors", names, file)
    }
    return tables[0]
  }

  private static func unknown(
    _ path: String,
    _ reason: String,
    _ names: [String],
    _ file: OpaquePointer
  ) -> CollectionError {
    let tables = names.compactMap { name -> String? in
      guard let found = open(name, in: file) else { return nil }
      adbvec_hdf5_close_table(file, found.table)
      return "\(name) \(found.rows) × \(found.columns)"
    }
    return ArrayNames.unknown(path, reason, tables)
  }

  /// Nil for anything but a two-dimensional table of numbers with rows.
  private static func open(_ name: String, in file: OpaquePointer) -> Table? {
    var rank: Int32 = 0
    var sizes: [UInt64] = [0, 0]
    var isNumber: Int32 = 0
    let table = adbvec_hdf5_table(file, name, &rank, &sizes, &isNumber)
    guard table >= 0 else { return nil }
    guard rank == 2, isNumber != 0, let rows = Int(exactly: sizes[0]), rows > 0,
      let columns = Int(exactly: sizes[1]), (1...largestRow).contains(columns)
    else {
      adbvec_hdf5_close_table(file, table)
      return nil
    }
    return (table, rows, columns)
  }

  private static let largestRow = 1_000_000
  private static let mostNames: UInt64 = 1000

  private static func names(in file: OpaquePointer) -> [String] {
    (0..<min(adbvec_hdf5_count(file), mostNames)).compactMap { index in
      var name = [CChar](repeating: 0, count: 256)
      let length = adbvec_hdf5_name(file, index, &name, name.count)
      return length > 0
        ? String(validating: name[..<length].map { UInt8(bitPattern: $0) }, as: UTF8.self) : nil
    }
  }
}

/// The names by which arrays are known in files that hold several.
enum ArrayNames {
  static let vectors = [
    "vectors", "vector", "embeddings", "embedding", "features", "feature", "image_vector", "emb", "data", "x",
    "arr_0",
  ]
  static let ids = ["ids", "id", "image_ids", "image_id"]
  static let classes = ["classes", "class", "labels", "label", "categories", "category", "y"]

  /// - Parameter tables: names and sizes of what could be meant.
  static func unknown(_ path: String, _ reason: String, _ tables: [String]) -> CollectionError {
    let shown = tables.prefix(8).joined(separator: ", ") + (tables.count > 8 ? ", …" : "")
    let known =
      tables.isEmpty ? "it has none of two dimensions" : "it has \(shown). Fix: name one with --array"
    return CollectionError(.unknownFormat, file: path, "\(reason); \(known)")
  }
}

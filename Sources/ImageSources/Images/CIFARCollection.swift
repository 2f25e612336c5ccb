import FoundationEssentials
public import ImageCodecs

/// CIFAR-10 or CIFAR-100 as it is downloaded: the binary version or Python's, a file, a folder or the archive itself.
///
/// Ids are record numbers, counted through the files in the official order (CIFAR-100: train, test); they are the same
/// in every version. The class is the fine label, by name when the official names lie beside the records, else by number.
public struct CIFARCollection: ImageCollection {
  /// The file or folder.
  public let name: String
  /// The number of records.
  public let count: Int

  private let absolutePath: String
  private let format: CIFARFormat
  private let parts: [CIFARPart]
  private let classNames: [String]
  private let coarseNames: [String]
  /// What is read to tell the content from another's.
  private let fingerprinted: [String]

  /// Opens a file of records, an archive of them, or every such file of a folder.
  /// - Throws: `CollectionError` when there is none, or a length is not a whole number of records.
  public init(path: String) throws {
    try self.init(CIFARFiles(path: path))
  }

  init(_ files: CIFARFiles) throws {
    name = files.path
    absolutePath = FileSystem.absolute(files.path)
    let (format, parts) = try files.parts()
    self.format = format
    self.parts = parts
    count = parts.reduce(0) { $0 + $1.count }
    guard count > 0 else {
      throw CollectionError(.empty, file: files.path, "there is no \(format.name) record in it")
    }
    classNames = try files.names(format.names, format)
    coarseNames = try format.coarse.map { try files.names($0, format) } ?? []
    fingerprinted = files.isArchive ? [files.path] : parts.map(\.file.path)
  }

  /// Whether a file of a folder may hold records, by its name.
  package static func isRecordFile(_ name: String) -> Bool {
    name.hasSuffix(".bin") || CIFARFormat.all.contains { $0.pickleOrder.contains(name) }
  }

  /// What is known of an image without decoding it.
  public func entry(at position: Int) throws -> ImageEntry {
    let (part, record) = try locate(position)
    let label = try part.classes(of: record, format).fine
    return ImageEntry(
      id: position,
      label: label < classNames.count ? classNames[label] : String(label),
      name: "\(part.file.path) record \(record)",
      place: .record(collection: absolutePath, number: position)
    )
  }

  /// The coarse label of CIFAR-100, by name when the official names lie beside the records, else by number.
  public func coarseLabel(at position: Int) throws -> String? {
    let (part, record) = try locate(position)
    return try part.classes(of: record, format).coarse.map {
      $0 < coarseNames.count ? coarseNames[$0] : String($0)
    }
  }

  /// Reads and decodes an image.
  public func image(at position: Int) throws -> Image {
    let (part, record) = try locate(position)
    return try Image(
      width: CIFARFormat.side,
      height: CIFARFormat.side,
      rgb: CIFARFormat.interleave(part.pixels(of: record))
    )
  }

  /// What tells the content from another's.
  public func fingerprint() throws -> SourceFingerprint {
    var hash = ContentHash()
    for path in fingerprinted { try FileFingerprint.combine(path, into: &hash) }
    return SourceFingerprint(hash)
  }

  private func locate(_ position: Int) throws -> (CIFARPart, record: Int) {
    var record = position
    for part in parts where record >= 0 {
      if record < part.count { return (part, record) }
      record -= part.count
    }
    throw CollectionError(.outOfRange, file: name, "it has no record \(position); the last is \(count - 1)")
  }
}

/// Records of one file.
struct CIFARPart: Sendable {
  /// Where the classes of the records are.
  enum Classes: Sendable {
    /// In front of each record's pixels.
    case inRecords
    /// Apart from the pixels, a number for each record; coarse ones in CIFAR-100.
    case apart(fine: [UInt8], coarse: [UInt8]?)
  }

  let file: BinaryFile
  let count: Int
  let classes: Classes

  func classes(of record: Int, _ format: CIFARFormat) throws -> (fine: Int, coarse: Int?) {
    switch classes {
    case .inRecords:
      let labels = try file.read(offset: record * format.recordBytes, count: format.labelBytes)
      return (Int(labels[format.labelBytes - 1]), format.coarse.map { _ in Int(labels[0]) })
    case .apart(let fine, let coarse): return (Int(fine[record]), coarse.map { Int($0[record]) })
    }
  }

  /// The planes of a record.
  func pixels(of record: Int) throws -> [UInt8] {
    let size = CIFARFormat.pixelBytes
    switch classes {
    case .inRecords:
      let recordBytes = file.size / count
      return try file.read(offset: (record + 1) * recordBytes - size, count: size)
    case .apart: return try file.read(offset: record * size, count: size)
    }
  }
}

/// The two layouts of the CIFAR images (https://www.cs.toronto.edu/~kriz/cifar.html).
///
/// A record of the binary version is its label bytes, then 32 × 32 red, green and blue planes, row by row. Python's
/// version is a pickle for each file: a dictionary with the planes of all records in one array and the labels in lists.
struct CIFARFormat: Sendable {
  /// What names the classes, in the order of their numbers.
  struct Names: Sendable {
    let classes: Int
    /// The file of the binary version, a name a line.
    let file: String
    /// The pickle of Python's version, and the key in it.
    let pickle: String
    let key: String
  }

  let name: String
  /// Bytes before the pixels: one label (CIFAR-10), or coarse and fine (CIFAR-100).
  let labelBytes: Int
  /// The names of the classes that the last label byte counts.
  let names: Names
  /// The names of the coarser classes that the first label byte counts; nil where there are none.
  let coarse: Names?
  /// The keys of the labels in Python's version.
  let fineKey: String
  let coarseKey: String?
  /// The official order of the files in a folder; others follow in byte order.
  let fileOrder: [String]
  /// The same of Python's version.
  let pickleOrder: [String]

  static let pixelBytes = 3 * 32 * 32
  static let side = 32

  var recordBytes: Int { labelBytes + Self.pixelBytes }

  static let cifar100 = CIFARFormat(
    name: "CIFAR-100",
    labelBytes: 2,
    names: Names(classes: 100, file: "fine_label_names.txt", pickle: "meta", key: "fine_label_names"),
    coarse: Names(classes: 20, file: "coarse_label_names.txt", pickle: "meta", key: "coarse_label_names"),
    fineKey: "fine_labels",
    coarseKey: "coarse_labels",
    fileOrder: ["train.bin", "test.bin"],
    pickleOrder: ["train", "test"]
  )

  static let cifar10 = CIFARFormat(
    name: "CIFAR-10",
    labelBytes: 1,
    names: Names(classes: 10, file: "batches.meta.txt", pickle: "batches.meta", key: "label_names"),
    coarse: nil,
    fineKey: "labels",
    coarseKey: nil,
    fileOrder: (1...5).map { "data_batch_\($0).bin" } + ["test_batch.bin"],
    pickleOrder: (1...5).map { "data_batch_\($0)" } + ["test_batch"]
  )

  static let all = [cifar100, cifar10]

  /// The planes of a record as pixels, red, green, blue of each.
  static func interleave(_ record: [UInt8]) -> [UInt8] {
    let plane = side * side
    return [UInt8](unsafeUninitializedCapacity: pixelBytes) { pixels, count in
      for pixel in 0..<plane {
        pixels[pixel * 3] = record[pixel]
        pixels[pixel * 3 + 1] = record[plane + pixel]
        pixels[pixel * 3 + 2] = record[2 * plane + pixel]
      }
      count = pixelBytes
    }
  }
}

internal import Basics
import FoundationEssentials
public import ImageCodecs

/// CIFAR-10 or CIFAR-100 in its binary version: one file, or a folder of them.
///
/// Ids are record numbers, counted through the files in the official order (CIFAR-100: train, test). The class is the
/// fine label, by name when the official names file lies beside the records, else by number.
public struct CIFARCollection: ImageCollection {
  /// The file or folder.
  public let name: String
  /// The number of records.
  public let count: Int

  private let absolutePath: String
  private let format: CIFARFormat
  private let files: [BinaryFile]
  private let classNames: [String]
  private let coarseNames: [String]

  /// Opens a `.bin` file, or every `.bin` file of a folder.
  /// - Throws: `CollectionError` when there is none, or a length is not a whole number of records.
  public init(path: String) throws {
    name = path
    absolutePath = FileSystem.absolute(path)
    let folder = try FileSystem.isFolder(path)
    let parent = folder ? path : FileSystem.folder(of: path)
    let paths = folder ? try Self.binaryFiles(in: path) : [path]
    let opened = try paths.map { try BinaryFile(path: $0) }
    let format = try Self.format(of: opened, folder: parent)
    self.format = format
    files = try opened.sorted { try format.rank($0) < format.rank($1) }
    count = opened.reduce(0) { $0 + $1.size / format.recordBytes }
    classNames = try Self.names(format.namesFile, format.classes, format, folder: parent)
    coarseNames =
      try format.coarse.map { try Self.names($0.namesFile, $0.classes, format, folder: parent) } ?? []
    guard count > 0 else {
      throw CollectionError(.empty, file: path, "there is no \(format.name) record in it")
    }
  }

  /// What is known of an image without decoding it.
  public func entry(at position: Int) throws -> ImageEntry {
    let (file, record) = try locate(position)
    let labels = try file.read(offset: record * format.recordBytes, count: format.labelBytes)
    let label = Int(labels[format.labelBytes - 1])
    return ImageEntry(
      id: position,
      label: label < classNames.count ? classNames[label] : String(label),
      name: "\(file.path) record \(record)",
      place: .record(collection: absolutePath, number: position)
    )
  }

  /// The coarse label of CIFAR-100, by name when the official names file lies beside the records, else by number.
  public func coarseLabel(at position: Int) throws -> String? {
    guard format.coarse != nil else { return nil }
    let (file, record) = try locate(position)
    let label = Int(try file.read(offset: record * format.recordBytes, count: 1)[0])
    return label < coarseNames.count ? coarseNames[label] : String(label)
  }

  /// Reads and decodes an image.
  public func image(at position: Int) throws -> Image {
    let (file, record) = try locate(position)
    let bytes = try file.read(offset: record * format.recordBytes, count: format.recordBytes)
    return try Image(
      width: CIFARFormat.side,
      height: CIFARFormat.side,
      rgb: CIFARFormat.interleave(bytes[format.labelBytes...])
    )
  }

  /// What tells the content from another's.
  public func fingerprint() throws -> SourceFingerprint {
    var hash = ContentHash()
    for file in files { try FileFingerprint.combine(file.path, into: &hash) }
    return SourceFingerprint(hash)
  }

  private func locate(_ position: Int) throws -> (BinaryFile, record: Int) {
    var record = position
    for file in files where record >= 0 {
      let records = file.size / format.recordBytes
      if record < records { return (file, record) }
      record -= records
    }
    throw CollectionError(.outOfRange, file: name, "it has no record \(position); the last is \(count - 1)")
  }
}

extension CIFARCollection {
  static func binaryFiles(in folder: String) throws -> [String] {
    do {
      return try binaryNames(in: folder)
    } catch let error as FileSystem.Failure {
      throw CollectionError(.unreadable, file: folder, FileSystem.reason(error.code))
    }
  }

  private static func binaryNames(in folder: String) throws -> [String] {
    try FileSystem.names(inFolder: PathText.bytes(folder)).compactMap {
      String(validating: $0, as: UTF8.self)
    }
    .filter { $0.hasSuffix(".bin") }
    .sorted { Array($0.utf8).lexicographicallyPrecedes(Array($1.utf8)) }
    .map { folder + "/" + $0 }
  }

  /// Whether a file has one of the names that CIFAR's archives give.
  static func isOfficial(_ path: String) -> Bool {
    let name = FileSystem.name(of: path)
    return [CIFARFormat.cifar100, .cifar10].contains { $0.fileOrder.contains(name) }
  }

  /// The layout whose record length divides every file and whose classes the records have; where both do, the names
  /// beside the files decide.
  private static func format(of files: [BinaryFile], folder: String) throws -> CIFARFormat {
    let fitting = [CIFARFormat.cifar100, .cifar10].filter { format in
      files.allSatisfy { $0.size % format.recordBytes == 0 }
    }
    guard let first = fitting.first else {
      let odd = files.first { $0.size % CIFARFormat.cifar100.recordBytes != 0 } ?? files[0]
      throw CollectionError(
        .damaged,
        file: odd.path,
        "its \(odd.size) bytes are not a whole number of CIFAR records (3,074 bytes each in CIFAR-100, 3,073 in "
          + "CIFAR-10); it is cut short or another format"
      )
    }
    let valid = try fitting.filter { format in try files.allSatisfy { try format.holds($0) } }
    let named = valid.first { FileManager.default.fileExists(atPath: folder + "/" + $0.namesFile) }
    guard let format = named ?? valid.first else {
      let odd = try files.first { try !first.holds($0) } ?? files[0]
      throw CollectionError(
        .damaged,
        file: odd.path,
        "its records have classes that \(first.name) does not have; it is another format"
      )
    }
    return format
  }

  /// The names beside the records; an absent file means numbers.
  private static func names(
    _ file: String,
    _ classes: Int,
    _ format: CIFARFormat,
    folder: String
  ) throws -> [String] {
    let path = (folder.isEmpty ? "." : folder) + "/" + file
    guard let text = try? String(contentsOfFile: path, encoding: .utf8) else { return [] }
    let names = text.split(whereSeparator: \.isNewline).map { $0.trimmingWhitespace() }
    let known = names.filter { !$0.isEmpty }
    guard known.count == classes else {
      throw CollectionError(
        .labels,
        file: path,
        "it names \(known.count) classes where \(format.name) has \(classes)"
      )
    }
    return known
  }
}

extension CIFARFormat {
  private static let sampledRecords = 1000

  /// Whether records of the file, the first and the last among them, have classes that the layout counts.
  fileprivate func holds(_ file: BinaryFile) throws -> Bool {
    let records = file.size / recordBytes
    let step = max(1, records / Self.sampledRecords)
    for record in Array(stride(from: 0, to: records, by: step)) + (records > 0 ? [records - 1] : []) {
      let labels = try file.read(offset: record * recordBytes, count: labelBytes)
      guard Int(labels[labelBytes - 1]) < classes, coarse.map({ Int(labels[0]) < $0.classes }) ?? true else {
        return false
      }
    }
    return true
  }

  /// Sorts files into the official order, unknown ones behind.
  fileprivate func rank(_ file: BinaryFile) throws -> String {
    let fileName = FileSystem.name(of: file.path)
    let place = fileOrder.firstIndex(of: fileName) ?? fileOrder.count
    return "\(place) \(fileName)"
  }
}

/// The two binary layouts of the CIFAR images (https://www.cs.toronto.edu/~kriz/cifar.html, "Binary version").
///
/// A record is its label bytes, then 32 × 32 red, green and blue planes, row by row.
struct CIFARFormat: Sendable {
  let name: String
  /// Bytes before the pixels: one label (CIFAR-10), or coarse and fine (CIFAR-100).
  let labelBytes: Int
  /// The classes that the last label byte counts.
  let classes: Int
  /// The file beside the records that names the classes, one a line.
  let namesFile: String
  /// How many coarser classes the first label byte counts, and the file that names them; nil where there are none.
  let coarse: (classes: Int, namesFile: String)?
  /// The official order of the files in a folder; others follow in byte order.
  let fileOrder: [String]

  static let pixelBytes = 3 * 32 * 32
  static let side = 32

  var recordBytes: Int { labelBytes + Self.pixelBytes }

  static let cifar100 = CIFARFormat(
    name: "CIFAR-100",
    labelBytes: 2,
    classes: 100,
    namesFile: "fine_label_names.txt",
    coarse: (20, "coarse_label_names.txt"),
    fileOrder: ["train.bin", "test.bin"]
  )

  static let cifar10 = CIFARFormat(
    name: "CIFAR-10",
    labelBytes: 1,
    classes: 10,
    namesFile: "batches.meta.txt",
    coarse: nil,
    fileOrder: (1...5).map { "data_batch_\($0).bin" } + ["test_batch.bin"]
  )

  /// The planes of a record as pixels, red, green, blue of each.
  static func interleave(_ record: ArraySlice<UInt8>) -> [UInt8] {
    let plane = side * side
    let start = record.startIndex
    return [UInt8](unsafeUninitializedCapacity: pixelBytes) { pixels, count in
      for pixel in 0..<plane {
        pixels[pixel * 3] = record[start + pixel]
        pixels[pixel * 3 + 1] = record[start + plane + pixel]
        pixels[pixel * 3 + 2] = record[start + 2 * plane + pixel]
      }
      count = pixelBytes
    }
  }
}

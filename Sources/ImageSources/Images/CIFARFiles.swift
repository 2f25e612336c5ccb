internal import Basics
internal import Checkpoints

/// The files of a CIFAR data set, wherever they lie: a folder, an archive of one, or one file with its neighbours.
struct CIFARFiles {
  /// The folder, archive or file that was named.
  let path: String
  /// Whether they come out of an archive, so that only that can be read again.
  let isArchive: Bool
  /// The files with records, in no order.
  private let records: [BinaryFile]
  /// The files that name the classes, by name.
  private let naming: [String: BinaryFile]
  private let isPickled: Bool

  private static let largestNames = 1 << 20
  private static let binaryOrder = CIFARFormat.all.flatMap(\.fileOrder)
  private static let pickleOrder = CIFARFormat.all.flatMap(\.pickleOrder)
  private static let namingFiles = Set(
    CIFARFormat.all.flatMap { [$0.names.file, $0.coarse?.file].compactMap { $0 } }
  )
  private static let namingPickles = Set(CIFARFormat.all.map(\.names.pickle))

  /// A folder, in which binary files win over pickles, or one file.
  /// - Throws: `CollectionError`.
  init(path: String) throws {
    self.path = path
    isArchive = false
    if try FileSystem.isFolder(path) {
      let binary = try Self.binaryFiles(in: path)
      let files = try binary.isEmpty ? Self.pickles(in: path) : binary
      records = try files.map { try BinaryFile(path: $0) }
      naming = Self.neighbours(in: path)
      isPickled = binary.isEmpty
    } else {
      let file = try BinaryFile(path: path)
      records = [file]
      isPickled = Self.isPickle(file)
      naming = Self.neighbours(in: FileSystem.folder(of: path))
    }
  }

  /// The files of a tar archive, compressed or not. What is needed is unpacked into a file that is gone with the process.
  /// - Throws: `CollectionError`, `unknownFormat` when it holds no CIFAR file.
  init(archive path: String) throws {
    self.path = path
    isArchive = true
    let wanted = Self.namingFiles.union(Self.namingPickles).union(Self.binaryOrder).union(Self.pickleOrder)
    let unpacked = try TarArchive.unpack(path) { wanted.contains(FileSystem.name(of: $0)) }
    let files = unpacked.files
    func named(_ names: some Sequence<String>) -> [BinaryFile] {
      names.flatMap { name in files.filter { FileSystem.name(of: $0.name) == name }.map(\.file) }
    }
    let binary = named(Self.binaryOrder)
    isPickled = binary.isEmpty
    records = binary.isEmpty ? named(Self.pickleOrder).filter(Self.isPickle) : binary
    naming = Dictionary(files.map { (FileSystem.name(of: $0.name), $0.file) }) { first, _ in first }
    guard !records.isEmpty else {
      let example = unpacked.example.map { ", \($0) among them" } ?? ""
      throw CollectionError(
        .unknownFormat,
        file: path,
        "it is an archive without CIFAR's files (\(unpacked.count) \(unpacked.count == 1 ? "file" : "files")\(example)). Fix: unpack it with tar xf and "
          + "name the folder"
      )
    }
  }

  /// Whether a folder holds Python's version of CIFAR.
  static func holdsPickles(_ folder: String) -> Bool {
    (try? pickles(in: folder))?.isEmpty == false
  }

  /// Whether a file has one of the names that CIFAR's archives give.
  static func isOfficial(_ path: String) -> Bool {
    binaryOrder.contains(FileSystem.name(of: path))
  }

  static func binaryFiles(in folder: String) throws -> [String] {
    var names: [String] = []
    do {
      try Files.forEachName(inFolder: FileSystem.terminated(folder)) { name, _ in
        if let name = String(validating: name, as: UTF8.self), name.hasSuffix(".bin") { names.append(name) }
      }
    } catch {
      throw CollectionError(.unreadable, file: folder, FileSystem.reason(error.code))
    }
    return names.sorted { Array($0.utf8).lexicographicallyPrecedes(Array($1.utf8)) }
      .map { FileSystem.path($0, in: folder) }
  }

  private static func pickles(in folder: String) throws -> [String] {
    pickleOrder.map { FileSystem.path($0, in: folder) }.filter { path in
      guard (try? FileSystem.regularSize(path)) != nil, let file = try? BinaryFile(path: path) else {
        return false
      }
      return isPickle(file)
    }
  }

  private static func neighbours(in folder: String) -> [String: BinaryFile] {
    var files: [String: BinaryFile] = [:]
    for name in namingFiles.union(namingPickles) {
      let path = folder.isEmpty ? name : FileSystem.path(name, in: folder)
      if (try? FileSystem.regularSize(path)) != nil { files[name] = try? BinaryFile(path: path) }
    }
    return files
  }

  private static func isPickle(_ file: BinaryFile) -> Bool {
    guard let head = try? file.read(offset: 0, count: min(file.size, 512)) else { return false }
    return FileKind(head) == .pickle
  }

  /// The records in the official order.
  /// - Throws: `CollectionError`.
  func parts() throws -> (CIFARFormat, [CIFARPart]) {
    if isPickled { return try CIFARPickles.parts(records) }
    let format = try binaryFormat()
    let ordered = try records.sorted { try format.rank($0) < format.rank($1) }
    return (
      format,
      ordered.map { CIFARPart(file: $0, count: $0.size / format.recordBytes, classes: .inRecords) }
    )
  }

  /// The names of classes; none when the file that has them is absent, which means numbers.
  /// - Throws: `CollectionError` with code `labels`.
  func names(_ names: CIFARFormat.Names, _ format: CIFARFormat) throws -> [String] {
    guard let file = naming[isPickled ? names.pickle : names.file] else { return [] }
    let known: [String]
    if isPickled {
      known = try CIFARPickles.dictionary(file).texts(names.key) ?? []
    } else {
      let bytes = try file.read(offset: 0, count: min(file.size, Self.largestNames))
      guard let text = String(validating: bytes, as: UTF8.self) else { return [] }
      known = text.split(whereSeparator: \.isNewline).map { $0.trimmingWhitespace() }.filter { !$0.isEmpty }
    }
    guard known.count == names.classes else {
      throw CollectionError(
        .labels,
        file: file.path,
        "it names \(known.count) classes where \(format.name) has \(names.classes)"
      )
    }
    return known
  }

  /// The layout whose record length divides every file and whose classes the records have; where both do, the names
  /// beside the files decide.
  private func binaryFormat() throws -> CIFARFormat {
    let fitting = CIFARFormat.all.filter { format in records.allSatisfy { $0.size % format.recordBytes == 0 }
    }
    guard let first = fitting.first else {
      let odd = records.first { $0.size % CIFARFormat.cifar100.recordBytes != 0 } ?? records[0]
      throw CollectionError(
        .damaged,
        file: odd.path,
        "its \(odd.size) bytes are not a whole number of CIFAR records (3,074 bytes each in CIFAR-100, 3,073 in "
          + "CIFAR-10); it is cut short or another format"
      )
    }
    let valid = try fitting.filter { format in try records.allSatisfy { try format.holds($0) } }
    guard let format = valid.first(where: { naming[$0.names.file] != nil }) ?? valid.first else {
      let odd = try records.first { try !first.holds($0) } ?? records[0]
      throw CollectionError(
        .damaged,
        file: odd.path,
        "its records have classes that \(first.name) does not have; it is another format"
      )
    }
    return format
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
      guard Int(labels[labelBytes - 1]) < names.classes, coarse.map({ Int(labels[0]) < $0.classes }) ?? true
      else {
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

/// CIFAR's files as Python wrote them.
private enum CIFARPickles {
  private static let pixelKey = "data"

  static func dictionary(_ file: BinaryFile) throws -> PickledDictionary {
    do {
      return try PickledDictionary(
        in: file.descriptor,
        at: file.start..<file.start + file.size,
        name: file.path
      )
    } catch let error as CheckpointError {
      throw CollectionError(error.code == .unreadable ? .unreadable : .damaged, file: file.path, error.reason)
    }
  }

  /// All files have the layout of the first. They keep their order, which is the official one.
  static func parts(_ files: [BinaryFile]) throws -> (CIFARFormat, [CIFARPart]) {
    var format: CIFARFormat?
    var parts: [CIFARPart] = []
    for file in files {
      let batch = try dictionary(file)
      let known = CIFARFormat.all.filter { batch.keys.contains($0.fineKey) }
      guard let found = known.first, batch.keys.contains(pixelKey) else {
        let keys = batch.keys.isEmpty ? "" : " (\(batch.keys.prefix(8).joined(separator: ", ")))"
        throw CollectionError(
          .unknownFormat,
          file: file.path,
          "it is a Python pickle without CIFAR's keys, data and fine_labels or labels\(keys); images are read from "
            + "image files or CIFAR's own"
        )
      }
      guard format.map({ $0.name == found.name }) ?? true else {
        throw CollectionError(
          .damaged,
          file: file.path,
          "it is \(found.name) beside files of \(format?.name ?? ""). Fix: keep each data set in a folder of its own"
        )
      }
      format = found
      parts.append(try part(batch, found, file))
    }
    guard let format else { throw CollectionError(.empty, file: "", "there is no file of records") }
    return (format, parts)
  }

  private static func part(
    _ batch: PickledDictionary,
    _ format: CIFARFormat,
    _ file: BinaryFile
  ) throws -> CIFARPart {
    func damaged(_ reason: String) -> CollectionError { CollectionError(.damaged, file: file.path, reason) }
    guard let array = batch.array(pixelKey), array.element == "u1", !array.isColumnMajor,
      let count = array.shape.first,
      [[CIFARFormat.pixelBytes], [3, CIFARFormat.side, CIFARFormat.side]].contains(
        Array(array.shape.dropFirst())
      )
    else {
      throw damaged("its data is not an array of bytes with 3,072 for each image")
    }
    func labels(_ key: String, _ classes: Int) throws -> [UInt8] {
      guard let values = batch.integers(key), values.count == count else {
        throw damaged("its \(key) are not a number for each of the \(count) images")
      }
      guard values.allSatisfy({ (0..<classes).contains($0) }) else {
        throw damaged("its \(key) have a class that \(format.name) does not have")
      }
      return values.map { UInt8($0) }
    }
    let fine = try labels(format.fineKey, format.names.classes)
    let coarse = try format.coarseKey.flatMap { key in
      batch.keys.contains(key) ? try labels(key, format.coarse?.classes ?? 0) : nil
    }
    let (size, isLong) = count.multipliedReportingOverflow(by: CIFARFormat.pixelBytes)
    let pixels = try self.pixels(array.data, batch, file)
    guard !isLong, pixels.size == size else {
      throw damaged("its data has \(pixels.size) bytes and not 3,072 for each of \(count) images")
    }
    return CIFARPart(file: pixels, count: count, classes: .apart(fine: fine, coarse: coarse))
  }

  /// The array's bytes where they lie in the file, or decoded into a file of their own.
  private static func pixels(
    _ data: PickledBytes,
    _ batch: PickledDictionary,
    _ file: BinaryFile
  ) throws -> BinaryFile {
    if case .stored(let range) = data {
      return BinaryFile(
        range.lowerBound - file.start..<range.upperBound - file.start,
        of: file,
        path: file.path
      )
    }
    let decoded = try TemporaryFile()
    do {
      try batch.read(data) { try decoded.append($0) }
    } catch let error as CheckpointError {
      throw CollectionError(.damaged, file: file.path, error.reason)
    }
    return try decoded.reader(path: file.path)
  }
}

internal import Basics
import FoundationEssentials
internal import ImageCodecs

/// A file of vectors, or standard input, and how it is to be read.
public struct FeatureSource: Sendable, Hashable {
  /// A format that rows are read from; open, so that a new one breaks nobody's switch.
  public struct Format: Sendable, Hashable, CustomStringConvertible {
    /// The format's name, as options spell it.
    public let description: String

    /// The tutorial's `id|class|{…}`.
    public static let features = Format(description: "features")
    /// A NumPy array of two dimensions; ids are row numbers.
    public static let npy = Format(description: "npy")
    /// NumPy arrays of vectors and, by their names, ids and classes.
    public static let npz = Format(description: "npz")
    /// A table of numbers in an HDF5 file, such as those of ann-benchmarks; ids are row numbers.
    public static let hdf5 = Format(description: "hdf5")
    /// Records of a 4-byte length and that many floats; ids are record numbers.
    public static let fvecs = Format(description: "fvecs")
    /// Records of a 4-byte length and that many unsigned bytes; ids are record numbers.
    public static let bvecs = Format(description: "bvecs")
    /// Comma-separated values: id, class and the vector in one column or in many.
    public static let csv = Format(description: "csv")
    /// One JSON object per line with id, class and vector.
    public static let jsonl = Format(description: "jsonl")

    /// Every format.
    public static let all: [Format] = [.features, .npy, .npz, .hdf5, .fvecs, .bvecs, .csv, .jsonl]
    /// The formats that can be written.
    public static let written: [Format] = [.features, .npy, .fvecs, .bvecs, .csv, .jsonl]

    /// The format with a name, or nil.
    public init?(_ name: String) {
      guard let known = Self.all.first(where: { $0.description == name }) else { return nil }
      self = known
    }

    private init(description: String) {
      self.description = description
    }
  }

  /// The file; nil is standard input.
  public let path: String?
  /// The format; nil is found out from the file's name and first bytes.
  public var format: Format?
  /// A text file with one class per line, for the formats that carry none.
  public var labels: String?

  /// Which array of an .npz or HDF5 file holds the vectors; nil for the usual names, or the only one.
  public var array: String?

  /// The byte between the fields of CSV.
  public var delimiter = UInt8(ascii: ",")

  /// Which texts may be ids.
  public var textIDs = TextIDs.none

  /// A source by its path; `-` is standard input.
  public init(path: String, format: Format? = nil, labels: String? = nil) {
    self.path = path == "-" ? nil : path
    self.format = format
    self.labels = labels
  }

  /// The path for messages.
  public var name: String { path ?? "standard input" }

  /// The absolute path behind links, which is the same from any working folder.
  public var identity: String { path.map(FileSystem.identity) ?? name }

  /// Opens the source and reads what tells its format.
  /// - Throws: `CollectionError`.
  public func open() throws -> any FeatureReader {
    if let path, try FileSystem.isFolder(path) {
      throw CollectionError(
        .unreadable,
        file: path,
        "it is a folder where a file of vectors was expected. Fix: for a folder of images, adbvec embed-load"
      )
    }
    let stream = try ByteStream(path: path, decompresses: true)
    guard try stream.require(1) else { throw CollectionError(.empty, file: name, "there is nothing in it") }
    let size = try stream.isCompressed ? nil : path.flatMap { try FileSystem.regularSize($0) }
    let format = try format ?? detectFormat(stream)
    if Self.texts.contains(format) { try checkLineEnds(stream) }
    return try reader(format, stream, size)
  }

  private func reader(_ format: Format, _ stream: ByteStream, _ size: Int?) throws -> any FeatureReader {
    guard labels == nil || !Self.texts.contains(format) else {
      throw CollectionError(
        .labels,
        file: name,
        "the format \(format) carries its classes; leave --labels out"
      )
    }
    guard array == nil || [.npz, .hdf5].contains(format) else {
      throw CollectionError(
        .unknownFormat,
        file: name,
        "the format \(format) has one array; leave --array out"
      )
    }
    let lines = try labels.map(LabelLines.init)
    switch format {
    case .npy:
      let file = try size == nil ? nil : path.map { try BinaryFile(path: $0) }
      return try NumPyReader(stream: stream, byteCount: size, labels: lines, file: file)
    case .npz:
      return try NPZReader.open(
        path: try wholeFile(size, format),
        byteCount: size,
        array: array,
        labels: lines,
        textIDs: textIDs
      )
    case .hdf5:
      return try HDF5Reader(path: try wholeFile(size, format), byteCount: size, array: array, labels: lines)
    case .fvecs: return try VecsReader(stream: stream, element: .float4, byteCount: size, labels: lines)
    case .bvecs: return try VecsReader(stream: stream, element: .uint1, byteCount: size, labels: lines)
    case .csv:
      return try CSVReader(
        stream: stream,
        byteCount: size,
        delimiter: delimiter,
        textIDs: textIDs
      )
    case .jsonl:
      return try JSONLinesReader(stream: stream, byteCount: size, textIDs: textIDs)
    default: return FeatureFileReader(stream: stream, byteCount: size, textIDs: textIDs)
    }
  }

  /// The path of a file that is read at random places.
  private func wholeFile(_ size: Int?, _ format: Format) throws -> String {
    guard let path, size != nil else {
      throw CollectionError(
        .unknownFormat,
        file: name,
        "\(format) is read from uncompressed files only. Fix: write it to a file and name that"
      )
    }
    return path
  }

  /// What tells this source's content, format and labels from another's; nil for standard input and
  /// pipes, which cannot be read twice.
  /// - Throws: `CollectionError`.
  public func fingerprint() throws -> SourceFingerprint? {
    guard let path else { return nil }
    var hash = ContentHash()
    hash.combine(Array((format?.description ?? "").utf8))
    if delimiter != UInt8(ascii: ",") { hash.combine(Int(delimiter)) }
    if let array { hash.combine(Array(array.utf8)) }
    guard try FileSystem.regularSize(path) != nil else { return nil }
    try FileFingerprint.combine(path, into: &hash)
    if let labels { try FileFingerprint.combine(labels, into: &hash) }
    return SourceFingerprint(hash)
  }

  private static let formatsByExtension: [String: Format] = [
    "npy": .npy, "npz": .npz, "hdf5": .hdf5, "h5": .hdf5, "fvecs": .fvecs, "bvecs": .bvecs, "jsonl": .jsonl,
    "ndjson": .jsonl, "csv": .csv,
  ]

  /// The format that a file's extension names.
  /// - Parameter isCompressed: whether an extension of the compression stands behind it.
  static func format(ofExtension path: String, isCompressed: Bool = false) -> Format? {
    var extensions = FileSystem.name(of: path).split(separator: ".").dropFirst().map { $0.lowercased() }
    if isCompressed, let last = extensions.last, ["gz", "zst", "zstd"].contains(last) {
      extensions.removeLast()
    }
    return extensions.last.flatMap { formatsByExtension[$0] }
  }

  /// The formats of lines, which carry their classes.
  private static let texts: [Format] = [.features, .csv, .jsonl]

  /// Lines that end with CR alone would all be one.
  private func checkLineEnds(_ stream: ByteStream) throws {
    _ = try stream.require(512)
    let isOneLine = stream.withAvailable { bytes in
      guard !bytes.contains(UInt8(ascii: "\n")), let end = bytes.firstIndex(of: UInt8(ascii: "\r")) else {
        return false
      }
      // Between quotes it is part of a class.
      return end + 1 < bytes.count && bytes[..<end].count { $0 == UInt8(ascii: "\"") }.isMultiple(of: 2)
    }
    guard isOneLine else { return }
    throw CollectionError(
      .unknownFormat,
      file: name,
      "its lines end with CR alone. Fix: \(piped(stream.decompressor, through: "tr '\\r' '\\n'", "< "))"
    )
  }

  private func detectFormat(_ stream: ByteStream) throws -> Format {
    let known = path.flatMap { Self.format(ofExtension: $0, isCompressed: stream.isCompressed) }
    // The tutorial's file may well be called .csv, so there the delimiter decides.
    if let known, known != .csv, known != .jsonl { return known }
    _ = try stream.require(512)
    return try stream.withAvailable { bytes in
      switch FileKind(bytes) {
      case .zip?: return .npz
      case .hdf5?: return .hdf5
      case let kind?:
        throw CollectionError(.unknownFormat, file: name, kind.refusal(of: name, asImages: false))
      case nil: break
      }
      if bytes.starts(with: NumPyHeader.magic) { return .npy }
      let newline = UInt8(ascii: "\n")
      let firstLine = bytes.drop { $0 == newline }.prefix { $0 != newline }
      if let problem = refusal(bytes, firstLine, stream.decompressor) {
        throw CollectionError(.unknownFormat, file: name, problem)
      }
      if known == .jsonl || firstLine.first == UInt8(ascii: "{") { return .jsonl }
      if firstLine.contains(UInt8(ascii: "|")), delimiter == UInt8(ascii: ",") { return .features }
      if [UInt8(ascii: ","), UInt8(ascii: ";"), UInt8(ascii: "\t"), delimiter].contains(
        where: firstLine.contains
      )
        || known == .csv
      {
        return .csv
      }
      throw CollectionError(
        .unknownFormat,
        file: name,
        "it is none of \(Format.all.map(\.description).joined(separator: ", ")) by its first bytes. Fix: write CSV "
          + "(id,class,vector), or JSON lines; --input-format names a format that is not recognised"
      )
    }
  }

  /// What is known to be none of the formats though it looks like one, with the way out.
  private func refusal(
    _ bytes: UnsafeRawBufferPointer,
    _ firstLine: Slice<UnsafeRawBufferPointer>,
    _ decompressor: String?
  ) -> String? {
    let file = Quoting.shellWord(path ?? "FILE")
    func piped(_ command: String) -> String { self.piped(decompressor, through: command) }
    let letters = bytes.prefix(512).filter { $0 != 0x20 && !(0x09...0x0D).contains($0) }
    // A header may begin with the two letters of BMP.
    if ImageFormat(signatureOf: bytes) != nil, bytes.contains(0) || !bytes.starts(with: Array("BM".utf8)) {
      return decompressor.map {
        "it is a compressed image. Fix: \($0) \(file) > IMAGE && adbvec embed-load IMAGE"
      }
        ?? "it is an image. Fix: adbvec embed-load \(file)"
    }
    if bytes.starts(with: [0xFF, 0xFE]) || bytes.starts(with: [0xFE, 0xFF]) {
      return "it is UTF-16. Fix: \(piped("iconv -f UTF-16 -t UTF-8"))"
    }
    if letters.starts(with: Array("[{".utf8)) {
      return "it is a JSON array, not one JSON object per line. Fix: \(piped("jq -c '.[]'"))"
    }
    if firstLine.elementsEqual([UInt8(ascii: "{")]) {
      return "its JSON object goes over several lines. Fix: \(piped("jq -c ."))"
    }
    if bytes.starts(with: Array("sep=".utf8)) {
      return "its first line is Excel's sep=, not a row. Fix: \(piped("tail -n +2")) --delimiter ';'"
    }
    return nil
  }

  /// The command line that loads what another program makes of the file.
  private func piped(_ decompressor: String?, through command: String, _ redirection: String = "") -> String {
    let file = Quoting.shellWord(path ?? "FILE")
    let made = decompressor.map { "\($0) \(file) | \(command)" } ?? "\(command) \(redirection)\(file)"
    return made + " | adbvec load -"
  }
}

/// What a file with one vector holds.
package enum VectorFile: Sendable, Hashable {
  /// The first row of a NumPy array; empty when there is none.
  case row([Float])
  /// Anything else, as text without a byte order mark.
  case text(String)

  /// Reads a file, which is a NumPy array by its name or its first bytes.
  /// - Returns: nil when the file cannot be read.
  /// - Throws: `CollectionError` for an array that cannot be read.
  package init?(path: String) throws {
    let isNamed = path.lowercased().hasSuffix(".npy")
    let content = isNamed ? nil : FileManager.default.contents(atPath: path)
    if isNamed || content?.starts(with: NumPyHeader.magic) ?? false {
      let array = try FeatureSource(path: path, format: .npy).open()
      var rows = FeatureBatch()
      _ = try array.read(into: &rows, limit: 1)
      self = .row(rows.count > 0 ? rows.withVector(0) { Array($0) } : [])
    } else {
      guard let content else { return nil }
      let isMarked = content.starts(with: [0xEF, 0xBB, 0xBF])
      self = .text(String(decoding: isMarked ? content.dropFirst(3) : content, as: UTF8.self))
    }
  }
}

/// Reads rows of (id, class, vector) front to back in bounded memory.
///
/// A reader is used by one thread at a time.
public protocol FeatureReader: AnyObject {
  /// Where the rows come from, for messages.
  var name: String { get }
  /// The length of the vectors, once it is known.
  var dimension: Int? { get }
  /// The number of rows where the format says it beforehand.
  var expectedCount: Int? { get }
  /// The size of the source in bytes where it is known, for progress.
  var byteCount: Int? { get }
  /// Whether rows have classes; where not, a load leaves the table's classes as they are.
  var carriesClasses: Bool { get }
  /// What a reader of the results should know of the file.
  var notice: String? { get }
  /// Goes to a place that a batch of the same source ended at.
  /// - Throws: `CollectionError`.
  func skip(to place: SourcePlace) throws
  /// Appends up to `limit` rows to a batch that was reset to the next position.
  ///
  /// - Returns: false when the source ended; the batch may hold its last rows all the same.
  /// - Throws: `CollectionError` with file and line; rows before it are lost.
  func read(into batch: inout FeatureBatch, limit: Int) throws -> Bool
}

extension FeatureReader {
  /// The format has classes.
  public var carriesClasses: Bool { true }
  /// There is nothing to say.
  public var notice: String? { nil }
}

/// Where a reader goes on.
public struct SourcePlace: Sendable, Hashable {
  /// Rows before the place.
  public var position: Int
  /// Bytes before the place.
  public var offset: Int
  /// The line of the place, counted from 1, in text.
  public var line: Int

  /// A place from its parts.
  public init(position: Int, offset: Int, line: Int) {
    self.position = position
    self.offset = offset
    self.line = line
  }
}

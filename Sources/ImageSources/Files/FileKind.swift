internal import Basics
internal import CZstandard

/// Files that are not read here, known by their first bytes, and what to do with them.
enum FileKind: Hashable {
  case gzip, zstandard, xz, bzip2, zip, tar, parquet, arrow, hdf5, pickle, safetensors
  case pdf, photoshop, svg, video

  /// The kind of a file that starts with these bytes; nil for any other.
  init?(_ head: some Collection<UInt8>) {
    let head = Array(head.prefix(512))
    let starts: [(FileKind, [UInt8])] = [
      (.gzip, [0x1F, 0x8B]), (.zstandard, [0x28, 0xB5, 0x2F, 0xFD]),
      (.xz, [0xFD, 0x37, 0x7A, 0x58, 0x5A, 0]),
      (.bzip2, Array("BZh".utf8)), (.zip, [0x50, 0x4B, 3, 4]), (.parquet, Array("PAR1".utf8)),
      (.arrow, Array("ARROW1".utf8)), (.arrow, Array("FEA1".utf8)),
      (.hdf5, [0x89, 0x48, 0x44, 0x46, 0x0D, 0x0A, 0x1A, 0x0A]), (.pdf, Array("%PDF-".utf8)),
      (.photoshop, Array("8BPS".utf8)), (.svg, Array("<svg".utf8)), (.video, [0x1A, 0x45, 0xDF, 0xA3]),
    ]
    if let known = starts.first(where: { head.starts(with: $0.1) }) {
      self = known.0
    } else if head.dropFirst(4).starts(with: Array("ftyp".utf8)),
      ["mp4", "iso", "qt ", "M4V", "avc"].contains(where: { head.dropFirst(8).starts(with: Array($0.utf8)) })
    {
      self = .video
    } else if head.count >= 262, head[257..<262].elementsEqual("ustar".utf8) {
      self = .tar
    } else if head.count > 2,
      head[0] == 0x80 && (2...5).contains(head[1]) || head.starts(with: Array("(dp".utf8))
    {
      self = .pickle
    } else if head.starts(with: Array("<?xml".utf8)), head.contains(Array("<svg".utf8)) {
      self = .svg
    } else if head.count > 10, head[3..<8].allSatisfy({ $0 == 0 }),
      head[8] == UInt8(ascii: "{"), head[9] == UInt8(ascii: "\"")
    {
      self = .safetensors
    } else {
      return nil
    }
  }

  private var name: String {
    switch self {
    case .gzip: "gzip"
    case .zstandard: "Zstandard"
    case .xz: "xz"
    case .bzip2: "bzip2"
    case .zip: "zip"
    case .tar: "tar"
    case .parquet: "Parquet"
    case .arrow: "Arrow"
    case .hdf5: "HDF5"
    case .pickle: "a Python pickle"
    case .safetensors: "safetensors"
    case .pdf: "PDF"
    case .photoshop: "Photoshop's PSD"
    case .svg: "SVG"
    case .video: "a video"
    }
  }

  /// Why the file is not read, and what makes one that is.
  ///
  /// - Parameter asImages: whether images were expected, not vectors.
  func refusal(of path: String, asImages: Bool) -> String {
    let command = asImages ? "embed-load" : "load"
    let file = Quoting.shellWord(path.hasPrefix("-") ? "./" + path : path)
    // Inside quotes of the shell and of Python the path stands as it is.
    let inner = path.unicodeScalars.contains { "'\"\\$`\n".unicodeScalars.contains($0) } ? "FILE" : path
    let fix: String =
      switch self {
      case .gzip, .zstandard: "unpack it, then name what it holds"
      case .xz where !asImages: "xz -dc \(file) | adbvec \(command) -"
      case .bzip2 where !asImages: "bzip2 -dc \(file) | adbvec \(command) -"
      case .xz, .bzip2, .tar: "tar xf \(file), then name what it holds"
      case .zip where asImages && path.hasSuffix(".npz"): "for a file of vectors, adbvec load"
      case .zip: "unzip \(file), then name what it holds"
      case .parquet where !asImages:
        Self.conversion("import pyarrow.parquet as p", "p.ParquetFile('\(inner)').iter_batches()")
      case .arrow where !asImages:
        Self.conversion("import pyarrow.feather as f", "f.read_table('\(inner)').to_batches()")
      case .parquet, .arrow: "write its images to files, and name their folder"
      case .hdf5: "for vectors, adbvec load; write images to files, and name their folder"
      case .pickle: "write the vectors with numpy.save"
      case .safetensors where asImages: "name images; weights are given with --weights"
      case .safetensors: "write the tensor with numpy.save"
      case .pdf, .photoshop, .video, .svg: asImages ? "write it as PNG or JPEG" : "name a file of vectors"
      }
    return "it is \(name), which is not read here. Fix: \(fix)"
  }

  /// A pipe from Python that gives a JSON object for each row.
  private static func conversion(_ library: String, _ batches: String) -> String {
    "python3 -c \"import json; \(library); [print(json.dumps(r, default=str)) for b in \(batches) for r in "
      + "b.to_pylist()]\" | adbvec load -"
  }
}

/// Decompresses a file on the way: gzip of any number of members, Zstandard of any number of frames.
///
/// The end of the data is only the end of the content when a member ends there with its right checksum.
final class Decompression {
  /// The formats. Those of files are known by their first bytes; raw deflate stands in a ZIP archive.
  enum Kind {
    case gzip, zstandard, deflate

    init?(_ head: some Collection<UInt8>) {
      if head.starts(with: [0x1F, 0x8B, 8]) {
        self = .gzip
      } else if head.starts(with: [0x28, 0xB5, 0x2F, 0xFD]) {
        self = .zstandard
      } else {
        return nil
      }
    }
  }

  /// The command that writes the content to standard output; nil where the source is not a file.
  var command: String? {
    switch kind {
    case .gzip: "gzip -dc"
    case .zstandard: "zstd -dc"
    case .deflate: nil
    }
  }

  private let kind: Kind
  private let name: String
  private var inflater: Inflater?
  private let zstandard: OpaquePointer?
  private var input: [UInt8]
  private var start = 0
  private var end: Int
  private var sourceEnded = false
  /// Whether what was decompressed so far ends where a member ends.
  private var isComplete = false

  private static let inputSize = 1 << 18

  /// - Parameter head: what was read of the file already.
  /// - Throws: `CollectionError` when the format's library is missing.
  init(_ kind: Kind, head: [UInt8], name: String) throws {
    self.kind = kind
    self.name = name
    end = head.count
    input = head + [UInt8](repeating: 0, count: max(0, Self.inputSize - head.count))
    switch kind {
    case .gzip, .deflate: zstandard = nil
    case .zstandard:
      if let problem = adbvec_zstandard_problem() {
        throw CollectionError(
          .unreadable,
          file: name,
          "it is Zstandard, and \(String(cString: problem)). Fix: install it, or zstd -dc FILE | adbvec load -"
        )
      }
      zstandard = adbvec_zstandard_open()
      guard zstandard != nil else {
        throw CollectionError(.unreadable, file: name, "no memory for Zstandard")
      }
    }
  }

  deinit { zstandard.map { adbvec_zstandard_close($0) } }

  /// Decompresses into `room`, which is not empty; 0 bytes are the end of the content.
  /// - Throws: `CollectionError` with code `damaged`.
  func read(
    into room: UnsafeMutableRawBufferPointer,
    from source: (UnsafeMutableRawBufferPointer) throws -> Int
  ) throws -> Int {
    while true {
      if start == end, !sourceEnded {
        end = try input.withUnsafeMutableBytes(source)
        start = 0
        sourceEnded = end == 0
      }
      if start == end, isComplete { return 0 }
      let (consumed, produced) = try kind == .zstandard ? decompress(room) : inflate(room)
      start += consumed
      if produced > 0 { return produced }
      guard consumed > 0 || start == end, consumed > 0 || !sourceEnded || isComplete else {
        throw damaged("it ends before its content does; copy or download it again")
      }
    }
  }

  private func inflate(_ room: UnsafeMutableRawBufferPointer) throws -> (Int, Int) {
    if isComplete {
      // gzip pads with zeros, and joins files by writing one behind the other.
      let zeros = input[start..<end].prefix { $0 == 0 }.count
      if zeros > 0 { return (zeros, 0) }
      inflater = nil
      isComplete = false
    }
    do {
      let inflater = try inflater ?? Inflater(kind == .gzip ? .gzip : .none)
      self.inflater = inflater
      let used = try input.withUnsafeBytes {
        try inflater.inflate(UnsafeRawBufferPointer(rebasing: $0[start..<end]), into: room)
      }
      isComplete = inflater.isFinished
      return used
    } catch let failure as Inflater.Failure {
      throw damaged("\(kind == .gzip ? "as gzip, " : "")\(failure.reason); copy or download it again")
    }
  }

  private func decompress(_ room: UnsafeMutableRawBufferPointer) throws -> (Int, Int) {
    var (consumed, produced) = (0, 0)
    let rest = input.withUnsafeBytes {
      let part = UnsafeRawBufferPointer(rebasing: $0[start..<end])
      return adbvec_zstandard_read(
        zstandard,
        part.baseAddress,
        part.count,
        &consumed,
        room.baseAddress,
        room.count,
        &produced
      )
    }
    guard rest >= 0 else {
      let reason = String(cString: adbvec_zstandard_message(zstandard))
      throw damaged("as Zstandard, it is damaged (\(reason)); copy or download it again")
    }
    if consumed + produced > 0 { isComplete = rest == 0 }
    return (consumed, produced)
  }

  private func damaged(_ reason: String) -> CollectionError {
    CollectionError(.damaged, file: name, reason)
  }
}

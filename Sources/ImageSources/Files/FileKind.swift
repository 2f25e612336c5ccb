internal import Basics

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

/// Files that are not read here, known by their first bytes, and what to do with them.
enum FileKind: Hashable {
  case gzip, zstandard, xz, bzip2, zip, tar, parquet, arrow, hdf5, pickle, safetensors

  /// The kind of a file that starts with these bytes; nil for any other.
  init?(_ head: some Collection<UInt8>) {
    let head = Array(head.prefix(512))
    let starts: [(FileKind, [UInt8])] = [
      (.gzip, [0x1F, 0x8B]), (.zstandard, [0x28, 0xB5, 0x2F, 0xFD]),
      (.xz, [0xFD, 0x37, 0x7A, 0x58, 0x5A, 0]),
      (.bzip2, Array("BZh".utf8)), (.zip, [0x50, 0x4B, 3, 4]), (.parquet, Array("PAR1".utf8)),
      (.arrow, Array("ARROW1".utf8)), (.arrow, Array("FEA1".utf8)),
      (.hdf5, [0x89, 0x48, 0x44, 0x46, 0x0D, 0x0A, 0x1A, 0x0A]),
    ]
    if let known = starts.first(where: { head.starts(with: $0.1) }) {
      self = known.0
    } else if head.count >= 262, head[257..<262].elementsEqual("ustar".utf8) {
      self = .tar
    } else if head.count > 2, head[0] == 0x80, (2...5).contains(head[1]) {
      self = .pickle
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
    case .zip: "zip (.npz among them)"
    case .tar: "tar"
    case .parquet: "Parquet"
    case .arrow: "Arrow"
    case .hdf5: "HDF5"
    case .pickle: "a Python pickle"
    case .safetensors: "safetensors"
    }
  }

  /// Why the file is not read, and what makes one that is.
  ///
  /// - Parameter asImages: whether images were expected, not vectors.
  func refusal(of path: String, asImages: Bool) -> String {
    let command = asImages ? "embed-load" : "load"
    let file = path.hasPrefix("/") || !path.hasPrefix("-") ? path : "./" + path
    let fix: String =
      switch self {
      case .gzip where asImages: "tar xzf \(file), then name the folder"
      case .gzip: "gunzip -c \(file) | adbvec \(command) -"
      case .zstandard where !asImages: "zstd -dc \(file) | adbvec \(command) -"
      case .xz where !asImages: "xz -dc \(file) | adbvec \(command) -"
      case .bzip2 where !asImages: "bzip2 -dc \(file) | adbvec \(command) -"
      case .zstandard, .xz, .bzip2, .tar: "tar xf \(file), then name what it holds"
      case .zip: "unzip \(file), then name what it holds"
      case .parquet, .arrow:
        "write the vectors with pandas: numpy.save('v.npy', numpy.stack(df['embedding']))"
      case .hdf5: "write the vectors with h5py: numpy.save('v.npy', h5py.File(…)['train'][:])"
      case .pickle where asImages:
        "of CIFAR, take the binary version, cifar-100-binary.tar.gz or cifar-10-binary.tar.gz, and name its folder"
      case .pickle: "write the vectors with numpy.save"
      case .safetensors where asImages: "name images; weights are given with --weights"
      case .safetensors: "write the tensor with numpy.save"
      }
    return "it is \(name), which is not read here. Fix: \(fix)"
  }
}

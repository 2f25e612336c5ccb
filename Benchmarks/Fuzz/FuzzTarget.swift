// A libFuzzer target over the readers of files that strangers write; built and run by `scripts/fuzz`.
// It is compiled in one module with the readers' sources and the tests' sample files.

import CJPEG
import Foundation

/// libFuzzer's own mutator.
@_silgen_name("LLVMFuzzerMutate")
private func libFuzzerMutate(_ data: UnsafeMutablePointer<UInt8>, _ size: Int, _ maximum: Int) -> Int

private enum Target: String {
  case image
  case pickle
  case safetensors
  case json
  case features, csv, jsonl, npy, npz, hdf5, fvecs, bvecs
  case gzip, zstandard
  case labels
  case cifar, dataset, archive
  case multipart
  case sql
  case yaml

  static let current =
    Target(rawValue: ProcessInfo.processInfo.environment["ADBVEC_FUZZ_TARGET"] ?? "") ?? .image
}

/// Writes the sample files into the folder that `ADBVEC_FUZZ_SEEDS` names.
@_cdecl("LLVMFuzzerInitialize")
public func initialize(_: UnsafeMutablePointer<Int32>, _: UnsafeMutableRawPointer) -> Int32 {
  guard let folder = ProcessInfo.processInfo.environment["ADBVEC_FUZZ_SEEDS"] else { return 0 }
  for (index, seed) in seeds(for: Target.current).enumerated() {
    try? Data(seed).write(to: URL(filePath: folder).appending(path: "seed-\(index)"))
  }
  return 0
}

/// Reads one input; the reader returns or throws, and never traps.
@_cdecl("LLVMFuzzerTestOneInput")
public func testOneInput(_ start: UnsafePointer<UInt8>?, _ count: Int) -> Int32 {
  let bytes = UnsafeRawBufferPointer(start: start, count: count)
  switch Target.current {
  case .image: readImage(bytes)
  case .pickle, .safetensors: readCheckpoint(Array(bytes))
  case .json: readJSON(bytes)
  case .features, .csv, .jsonl, .npy, .npz, .hdf5, .fvecs, .bvecs:
    readRows(bytes, format: Target.current.rawValue)
  case .gzip, .zstandard: readRows(FeatureSource(path: file("rows", bytes)))
  case .labels: readLabels(bytes)
  case .cifar: readCIFAR(file("train.bin", bytes))
  case .dataset: readCIFAR(file("train", bytes))
  case .archive: readImages(try? ImageSource.open(file("images.tar", bytes)))
  case .multipart: readForm(Array(bytes))
  case .sql: readScript(bytes)
  case .yaml: _ = try? YAMLNode(String(decoding: bytes, as: UTF8.self))
  }
  return 0
}

private func readImage(_ bytes: UnsafeRawBufferPointer) {
  let options = Image.DecodingOptions(
    // Most inputs are small ones, of which there are many a second.
    maximumPixels: bytes.count.isMultiple(of: 16) ? 1 << 20 : 1 << 15,
    background: .white,
    appliesOrientation: true,
    convertsColours: true
  )
  // Reduced by anything that fits the input, and by nothing.
  var reduced = options
  (reduced.background, reduced.fidelity) = (nil, .fast)
  let side = Int(bytes.last ?? 0)
  reduced.coverage = .init(side: side / 2 + 1, crop: side.isMultiple(of: 2) ? nil : side / 3 + 1)
  if let image = try? Image(decoding: bytes, options: reduced) {
    precondition(image.rgb.count == image.width * image.height * 3)
  }
  if bytes.starts(with: [0xFF, 0xD8]), let means = eighth(bytes, allowsMeans: true) {
    precondition(means == eighth(bytes, allowsMeans: false))
  }
  guard let image = try? Image(decoding: bytes, options: options) else { return }
  precondition(image.rgb.count == image.width * image.height * 3)
  var resampler = Resampler()
  precondition(PerceptualHash(image, &resampler).distance(to: .blank) == 64)
  if image.width * image.height <= 1 << 14,
    var preprocessor = try? Preprocessor(Preprocessing(resize: 32, crop: 28))
  {
    _ = try? preprocessor.values(of: image)
  }
}

/// The rows of an eighth of a JPEG's size, which are the same whether means are allowed or not.
private func eighth(_ bytes: UnsafeRawBufferPointer, allowsMeans: Bool) -> [UInt8]? {
  var header = adbvec_jpeg_header()
  guard adbvec_jpeg_problem() == nil, let reader = adbvec_jpeg_open(bytes.baseAddress, bytes.count) else {
    return nil
  }
  defer { adbvec_jpeg_close(reader) }
  guard adbvec_jpeg_start(reader, 8, allowsMeans ? 1 : 0, &header) == 0, header.width < 256,
    header.height < 256
  else { return nil }
  var rows = [UInt8](repeating: 0, count: Int(header.width) * Int(header.height) * Int(header.channels))
  let status = rows.withUnsafeMutableBufferPointer {
    adbvec_jpeg_read_rows(reader, $0.baseAddress, header.height)
  }
  return status == 0 ? rows : nil
}

private func readCheckpoint(_ bytes: [UInt8]) {
  guard let checkpoint = try? Checkpoint(decoding: bytes) else { return }
  for entry in checkpoint.entries.prefix(64)
  where entry.shape.reduce(1, { $0.multipliedReportingOverflow(by: $1).partialValue }) <= 1 << 20 {
    let tensor = try? checkpoint.tensor(named: entry.name)
    precondition(tensor?.shape == entry.shape)
  }
}

private func readJSON(_ bytes: UnsafeRawBufferPointer) {
  var scanner = JSONScanner(bytes)
  _ = try? scanner.skipValue()
  precondition(scanner.index <= bytes.count)
}

/// The readers take paths: the input goes into a file of this process, in memory.
private let folder: String = {
  let path = "/dev/shm/adbvec-fuzz-\(ProcessInfo.processInfo.processIdentifier)"
  try? FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
  return path
}()

private func file(_ name: String, _ bytes: UnsafeRawBufferPointer) -> String {
  let path = folder + "/" + name
  guard let file = fopen(path, "wb") else { return path }
  fwrite(bytes.baseAddress, 1, bytes.count, file)
  fclose(file)
  return path
}

private func readRows(_ bytes: UnsafeRawBufferPointer, format: String) {
  readRows(FeatureSource(path: file("rows." + format, bytes), format: .init(format)))
}

private func readRows(_ source: FeatureSource) {
  guard let reader = try? source.open() else { return }
  var batch = FeatureBatch()
  var total = 0
  while total < 4096, (try? reader.read(into: &batch, limit: 64)) == true {
    precondition(batch.values.count == batch.count * batch.dimension)
    total += batch.count
    batch = FeatureBatch(firstPosition: total)
  }
}

private func readLabels(_ bytes: UnsafeRawBufferPointer) {
  let labels = file("labels", bytes)
  let rows: [UInt8] = [1, 0, 0, 0, 7, 1, 0, 0, 0, 8]
  let path = rows.withUnsafeBytes { file("rows.bvecs", $0) }
  readRows(FeatureSource(path: path, format: .bvecs, labels: labels))
  _ = try? LabelFile(path: labels)
}

private func readCIFAR(_ path: String) {
  readImages(try? CIFARCollection(path: path))
}

private func readImages(_ found: (any ImageCollection)?) {
  guard let found else { return }
  for position in 0..<min(found.count, 8) {
    _ = try? found.entry(at: position)
    _ = try? found.image(at: position)
  }
}

private func readForm(_ bytes: [UInt8]) {
  guard let form = try? MultipartForm(bytes, boundary: "x") else { return }
  precondition(form.parts.reduce(0) { $0 + $1.bytes.count } <= bytes.count)
}

private func readScript(_ bytes: UnsafeRawBufferPointer) {
  let script = Script(String(decoding: bytes, as: UTF8.self))
  var end = 0
  for token in script.tokens {
    precondition(token.range.lowerBound >= end)
    end = token.range.upperBound
  }
}

/// Stands in for the server's own error, which comes with its HTTP library.
struct HTTPError: Error {
  static func invalid(_: String) -> HTTPError { HTTPError() }
}

/// The files of the tests' folders of fixtures whose names end so.
private func fixtures(_ folder: String, _ suffix: String) -> [[UInt8]] {
  let path = "Tests/Fixtures/" + folder
  let names = (try? FileManager.default.contentsOfDirectory(atPath: path)) ?? []
  return names.filter { $0.hasSuffix(suffix) }.sorted().compactMap {
    FileManager.default.contents(atPath: path + "/" + $0).map { Array($0) }
  }
}

/// What a compressed file holds.
private func unpacked(_ bytes: [UInt8]) -> [UInt8] {
  let path = bytes.withUnsafeBytes { file("seed", $0) }
  guard let stream = try? ByteStream(path: path, decompresses: true) else { return [] }
  while (try? stream.require(stream.availableCount + 1)) == true {}
  return stream.withAvailable { Array($0) }
}

private func seeds(for target: Target) -> [[UInt8]] {
  switch target {
  case .image:
    let encoded = EncodedFixture.gradients + EncodedFixture.displayP3 + EncodedFixture.jpegs
    return PillowFixture.all.map(\.bytes) + encoded.map(\.bytes)
  case .pickle:
    let shared = ["odd-zip.pth", "odd-legacy.pth"].compactMap {
      FileManager.default.contents(atPath: "../shared/data/weights/" + $0).map { Array($0) }
    }
    let made = PickleBuilder.legacyFile(values: [1, 2]) {
      $0.raw("}")
      $0.text("w")
      $0.tensor(count: 2, shape: [2], strides: [1])
      $0.raw("s")
    }
    return shared + [made]
  case .safetensors:
    let tensors = [
      "a": try? Tensor(shape: [2, 2], values: [1, 2, 3, 4]), "b": try? Tensor(shape: [], values: [7]),
    ]
    return [(try? Safetensors.encode(tensors.compactMapValues { $0 }, metadata: ["k": "v"])) ?? []]
  case .json:
    return [Array(#"{"a": [1, -2.5e3, true, null], "b\n\u00e9": {"c": {}}}"#.utf8)]
  case .features: return [Array("7|cat|{0.5,-1.25e2,3}\n8||{1,2,3}\n9|a\\|b|{4,5,6}\n".utf8)]
  case .csv:
    return ["id,class,vector\n3,cat,\"{1,2}\"\n4,\"a \"\"b\",\"[3, 4]\"\r\n", "3,cat,1,2\n4,dog,3,4\n"].map {
      Array($0.utf8)
    }
  case .jsonl:
    return [
      Array("{\"id\": 1, \"class\": \"x\", \"y\": [{}], \"vector\": [1, -2.5e1]}\n{\"vector\":[3,4]}\n".utf8)
    ]
  case .npy:
    return ["<f4", "<f8", "<f2", "<i8", "|u1"].map { type in
      let text = "{'descr': '\(type)', 'fortran_order': False, 'shape': (2, 3), }"
      let header = text + String(repeating: " ", count: 117 - text.utf8.count) + "\n"
      return [0x93] + Array("NUMPY".utf8) + [1, 0, 118, 0] + Array(header.utf8)
        + [UInt8](repeating: 1, count: 48)
    }
  case .npz: return fixtures("vectors", ".npz")
  case .hdf5: return fixtures("vectors", ".hdf5") + fixtures("vectors", ".h5")
  case .gzip: return fixtures("vectors", ".gz")
  case .zstandard: return fixtures("vectors", ".zst")
  case .archive: return fixtures("cifar", ".tar.gz") + fixtures("cifar", ".tar.gz").map(unpacked)
  case .dataset:
    // The pickles lie in the archive as they are.
    return fixtures("cifar", ".tar.gz").map(unpacked).flatMap { archive in
      stride(from: 0, to: archive.count, by: 512).filter {
        archive[$0] == 0x80 && (2...5).contains(archive[$0 + 1])
      }
      .map { Array(archive[$0...].prefix(16_000)) }
    }
  case .yaml:
    let parameters = FileManager.default.contents(atPath: "migrations/parameters.yaml").map { Array($0) }
    return [
      Array("url: postgres://x\nlist: [1, {a: b}]\nparameters:\n  dim: 3\n  'n': \"t\\n\"\n".utf8),
      parameters ?? [],
    ]
  case .fvecs: return [[2, 0, 0, 0, 0, 0, 128, 63, 0, 0, 0, 64, 2, 0, 0, 0, 0, 0, 64, 64, 0, 0, 128, 64]]
  case .bvecs: return [[3, 0, 0, 0, 1, 2, 3, 3, 0, 0, 0, 4, 5, 6]]
  case .labels: return ["cat\ndog\n", "path,class\na/1.png,cat\n\"b\",\"d\"\"og\"\n"].map { Array($0.utf8) }
  case .cifar: return [[UInt8](repeating: 7, count: 3074), [UInt8](repeating: 7, count: 2 * 3073)]
  case .multipart:
    return [Array("--x\r\nContent-Disposition: form-data; name=\"k\"\r\n\r\n9\r\n--x--\r\n".utf8)]
  case .sql:
    return [
      "SELECT $1, 'a''b', E'\\n', U&\"d\\0061\", $q$ ; $q$ /* a /* b */ */ -- c\n; COPY t FROM stdin;\n1\t\\N\n\\.\nSELECT 2;",
      "CREATE FUNCTION f() RETURNS int BEGIN ATOMIC SELECT CASE WHEN true THEN 1 END; END;\nDO $$ BEGIN END $$;",
    ].map { Array($0.utf8) }
  }
}

/// Mutates, then makes the checksums of a PNG file right again, so that mutants get past them.
@_cdecl("LLVMFuzzerCustomMutator")
public func mutate(_ data: UnsafeMutablePointer<UInt8>, _ size: Int, _ maximum: Int, _ seed: UInt32) -> Int {
  let count = libFuzzerMutate(data, size, maximum)
  if Target.current == .image, !seed.isMultiple(of: 8) {
    PNGChecksums.repair(UnsafeMutableRawBufferPointer(start: data, count: count))
  }
  return count
}

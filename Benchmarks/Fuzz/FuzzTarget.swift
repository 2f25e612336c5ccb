// A libFuzzer target over the readers of files that strangers write; built and run by `scripts/fuzz`.
// It is compiled in one module with the readers' sources and the tests' sample files.

import Foundation

/// libFuzzer's own mutator.
@_silgen_name("LLVMFuzzerMutate")
private func libFuzzerMutate(_ data: UnsafeMutablePointer<UInt8>, _ size: Int, _ maximum: Int) -> Int

private enum Target: String {
  case image
  case pickle
  case safetensors
  case numpy

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

/// Reads one input; whatever it holds, the reader returns or throws.
@_cdecl("LLVMFuzzerTestOneInput")
public func testOneInput(_ start: UnsafePointer<UInt8>?, _ count: Int) -> Int32 {
  let bytes = UnsafeRawBufferPointer(start: start, count: count)
  switch Target.current {
  case .image: readImage(bytes)
  case .pickle, .safetensors: readCheckpoint(Array(bytes))
  case .numpy: readArray(Array(bytes))
  }
  return 0
}

private func readImage(_ bytes: UnsafeRawBufferPointer) {
  let options = Image.DecodingOptions(maximumPixels: 1 << 20, background: .white, appliesOrientation: true)
  guard let image = try? Image(decoding: bytes, options: options) else { return }
  precondition(image.rgb.count == image.width * image.height * 3)
  if image.width * image.height <= 1 << 14,
    var preprocessor = try? Preprocessor(Preprocessing(resize: 32, crop: 28))
  {
    _ = try? preprocessor.values(of: image)
  }
}

private func readCheckpoint(_ bytes: [UInt8]) {
  guard let checkpoint = try? Checkpoint(decoding: bytes) else { return }
  for entry in checkpoint.entries.prefix(64)
  where entry.shape.reduce(1, { $0.multipliedReportingOverflow(by: $1).partialValue }) <= 1 << 20 {
    let tensor = try? checkpoint.tensor(named: entry.name)
    precondition(tensor?.shape == entry.shape)
  }
}

private func readArray(_ bytes: [UInt8]) {
  guard let array = try? NumpyFile(decoding: bytes) else { return }
  _ = try? array.tensor()
  _ = try? array.rows(0..<1)
  _ = try? array.integers()
}

private func seeds(for target: Target) -> [[UInt8]] {
  switch target {
  case .image:
    return PillowFixture.all.map(\.bytes)
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
  case .numpy:
    let tensor = try? Tensor(shape: [2, 3], values: [1, 2, 3, 4, 5, 6])
    return [
      tensor.flatMap { try? NumpyFile.encode($0) } ?? [], (try? NumpyFile.encode(integers: [1, 2])) ?? [],
    ]
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

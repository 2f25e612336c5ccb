/// PyTorch's two file forms: a ZIP archive with one pickle and one entry a storage (since 1.6), and before that
/// several pickles one after another with the storages' bytes behind them.
enum TorchCheckpoint {
  /// The legacy format's first pickle: 0x1950a86a20f9469cfc6c, little-endian.
  private static let legacyMagic: [UInt8] = [0x6C, 0xFC, 0x9C, 0x46, 0xF9, 0x20, 0x6A, 0xA8, 0x50, 0x19]

  static func readZip(_ image: FileImage) throws -> [(name: String, tensor: StoredTensor)] {
    let archive = try ZipArchive(image)
    guard
      let pickle = archive.entries.keys.filter({ $0 == "data.pkl" || $0.hasSuffix("/data.pkl") })
        .min(by: { ($0.utf8.count, $0) < ($1.utf8.count, $1) })
    else {
      throw CheckpointError(.unknownFormat, "a ZIP archive without data.pkl is no PyTorch checkpoint")
    }
    let folder = pickle.dropLast("data.pkl".count)
    try checkByteOrder(archive, entry: folder + "byteorder")
    let (heap, root) = try archive.region(of: pickle).withBytes { bytes in
      var cursor = ByteCursor(bytes)
      return try PickleMachine.run(&cursor)
    }
    var regions: [String: FileRegion] = [:]
    return try StateDictionary.tensors(in: heap, root).map { name, tensor in
      let key = tensor.storage.key
      let region = try regions[key] ?? archive.region(of: folder + "data/" + key)
      regions[key] = region
      return (name, try stored(tensor, region))
    }
  }

  static func isLegacy(_ bytes: UnsafeRawBufferPointer) -> Bool {
    bytes.prefix(64).count > 4 && bytes[0] == 0x80 && bytes[2] == PickleOpcode.long1.rawValue
      && bytes[3] == 10 && bytes.dropFirst(4).starts(with: legacyMagic)
  }

  static func readLegacy(_ image: FileImage) throws -> [(name: String, tensor: StoredTensor)] {
    var cursor = ByteCursor(image.bytes)
    for _ in 0..<3 { _ = try PickleMachine.run(&cursor) }
    let (heap, root) = try PickleMachine.run(&cursor)
    let tensors = try StateDictionary.tensors(in: heap, root)
    let (keyHeap, keyList) = try PickleMachine.run(&cursor)
    let keys = (keyHeap.elements(keyList) ?? []).compactMap { keyHeap.string($0) }
    let sizes = elementSizes(heap)
    var regions: [String: FileRegion] = [:]
    for key in keys {
      let count = try cursor.littleEndian(Int64.self)
      let (size, overflow) = Int(count).multipliedReportingOverflow(by: sizes[key] ?? 0)
      guard sizes[key] != nil, count >= 0, !overflow else {
        throw CheckpointError(.damaged, "the checkpoint holds a storage that its pickle does not describe")
      }
      let start = cursor.position
      try cursor.skip(size)
      regions[key] = try FileRegion(image, start..<start + size)
    }
    return try tensors.map { name, tensor in
      guard let region = regions[tensor.storage.key] else {
        throw CheckpointError(
          .damaged,
          "the checkpoint lacks the storage of \(CheckpointError.printable(name))"
        )
      }
      return (name, try stored(tensor, region))
    }
  }

  private static func elementSizes(_ heap: PickleHeap) -> [String: Int] {
    var sizes: [String: Int] = [:]
    for storage in heap.storages { sizes[storage.key] = storage.type?.size ?? 1 }
    return sizes
  }

  private static func stored(_ tensor: TorchTensor, _ region: FileRegion) throws -> StoredTensor {
    let needed = tensor.storage.count.multipliedReportingOverflow(by: tensor.storage.type?.size ?? 1)
    guard !needed.overflow, needed.partialValue <= region.range.count else {
      throw CheckpointError(
        .truncated,
        "a storage is shorter than the pickle says; copy or download the file again"
      )
    }
    return try StoredTensor(
      type: tensor.type,
      shape: tensor.shape,
      strides: tensor.strides,
      offset: tensor.offset,
      region: region
    )
  }

  private static func checkByteOrder(_ archive: ZipArchive, entry: String) throws {
    guard archive.entries[entry] != nil else { return }
    let order = try archive.region(of: entry).withBytes { String(decoding: $0.prefix(16), as: UTF8.self) }
    guard order == "little" else {
      throw CheckpointError(
        .unsupported,
        "the checkpoint was saved big-endian; save it anew on a little-endian machine"
      )
    }
  }
}

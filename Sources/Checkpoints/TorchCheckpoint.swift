import Basics

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
      throw CheckpointError(.unknownFormat, "a ZIP archive without data.pkl is not a PyTorch checkpoint")
    }
    let folder = pickle.dropLast("data.pkl".count)
    try checkByteOrder(archive, entry: folder + "byteorder")
    let (heap, root) = try archive.region(of: pickle).withBytes { bytes in
      var cursor = ByteCursor(bytes)
      return try unpickle(&cursor)
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
    for _ in 0..<3 { _ = try unpickle(&cursor) }
    let (heap, root) = try unpickle(&cursor)
    let tensors = try StateDictionary.tensors(in: heap, root)
    let (keyHeap, keyList) = try unpickle(&cursor)
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

  private static func unpickle(_ cursor: inout ByteCursor) throws -> (PickleHeap, PickleReference) {
    do {
      return try PickleMachine.run(&cursor)
    } catch let error as CheckpointError where error.code == .forbiddenGlobal {
      throw CheckpointError(error.code, error.reason + ". Save the state_dict alone, or as .safetensors")
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

/// A storage as PyTorch's pickle names it.
struct TorchStorage: Sendable, Hashable {
  let key: String
  /// Nil for an untyped storage, whose tensors say their type.
  let type: ElementType?
  /// Elements (bytes when untyped).
  let count: Int
}

/// A tensor as PyTorch's pickle describes it: a view of a storage.
struct TorchTensor: Sendable, Hashable {
  let storage: TorchStorage
  let type: ElementType
  let offset: Int
  let shape: [Int]
  let strides: [Int]
}

/// Finds the tensors in what a pickle left: the state dictionary at the top or below it, nested ones joined by dots.
///
/// Training scripts keep the state dictionary under a key and other things beside it: counters, the optimizer's
/// state, random generators' states, figures as tensors. A usual key wins over all others.
enum StateDictionary {
  /// Keys under which training scripts keep the state dictionary, the preferred first.
  fileprivate static let usualKeys = [
    "state_dict", "model_state_dict", "model_state", "model", "module", "net", "network", "weights",
    "model_ema",
    "state_dict_ema", "ema_state_dict", "params", "params_ema", "teacher", "student",
  ]
  /// Keys of what else a training script saves; their tensors are not weights.
  fileprivate static let otherKeys: Set<String> = [
    "optimizer", "optimizers", "optimizer_state", "optimizer_state_dict", "optimizer_states", "optim",
    "optim_state",
    "scheduler", "schedulers", "scheduler_state_dict", "lr_scheduler", "lr_schedulers",
    "lr_scheduler_state_dict",
    "scaler", "scaler_state_dict", "amp", "amp_scaler", "grad_scaler", "callbacks", "loops", "rng",
    "rng_state",
    "rng_states", "random_state", "random_states", "hyper_parameters", "args", "config", "metrics", "history",
  ]
  private static let depthLimit = 32
  private static let visitLimit = 200_000
  private static let nameByteLimit = 64 << 20

  static func tensors(
    in heap: PickleHeap,
    _ root: PickleReference
  ) throws -> [(name: String, tensor: TorchTensor)] {
    guard case .dictionary = heap[root] else {
      throw CheckpointError(
        .unsupported,
        "the checkpoint is not a dictionary of tensors; save model.state_dict()"
      )
    }
    var found = Finder(heap: heap)
    try found.collect(try heap.stateDictionary(below: root), prefix: "", depth: 0)
    guard !found.tensors.isEmpty else {
      throw CheckpointError(.unsupported, "the checkpoint holds no tensors; save model.state_dict()")
    }
    return found.tensors
  }

  private struct Finder {
    let heap: PickleHeap
    var tensors: [(name: String, tensor: TorchTensor)] = []
    private var visits = 0
    private var nameBytes = 0

    init(heap: PickleHeap) { self.heap = heap }

    mutating func collect(_ dictionary: PickleReference, prefix: String, depth: Int) throws {
      guard case .dictionary(let pairs) = heap[dictionary] else { return }
      visits += pairs.count
      guard depth <= depthLimit, visits <= visitLimit else { throw Self.tooDeep }
      for (key, value) in pairs {
        guard let name = heap.name(key) else { continue }
        switch heap[value] {
        case .tensor(let tensor):
          nameBytes += prefix.utf8.count + name.utf8.count
          guard nameBytes <= nameByteLimit else { throw Self.tooDeep }
          tensors.append((prefix + name, tensor))
        case .dictionary: try collect(value, prefix: prefix + name.prefix(1024) + ".", depth: depth + 1)
        default: break
        }
      }
    }

    private static var tooDeep: CheckpointError {
      CheckpointError(.tooLarge, "the checkpoint nests too many dictionaries; save model.state_dict()")
    }
  }
}

extension PickleHeap {
  /// The storages of the pickle, in its order.
  var storages: [TorchStorage] {
    allNodes.compactMap { node in
      if case .storage(let storage) = node { storage } else { nil }
    }
  }

  fileprivate func name(_ key: PickleReference) -> String? {
    if case .int(let number) = self[key] { return String(number) }
    return string(key)
  }

  /// The dictionary that holds the weights: one under a usual key, or the only one below that holds more tensors than
  /// lie beside it, or `root` itself.
  /// - Throws: ``CheckpointError`` where several under usual keys are of one size: nobody knows which is meant, and a recipe
  ///   tells weights by their file.
  fileprivate func stateDictionary(below root: PickleReference) throws -> PickleReference {
    var current = root
    for _ in 0..<8 {
      guard case .dictionary(let pairs) = self[current] else { return current }
      let inner = pairs.compactMap { key, value -> (key: String, value: PickleReference, tensors: Int)? in
        guard let name = name(key), !StateDictionary.otherKeys.contains(name), isDictionary(value) else {
          return nil
        }
        let count = tensorCount(below: value)
        return count > 0 ? (name, value, count) : nil
      }
      let preferred = StateDictionary.usualKeys.lazy.compactMap { key in inner.first { $0.key == key } }.first
      let beside = pairs.count { isTensor($0.value) }
      let only = inner.count == 1 && inner[0].tensors > 2 * beside ? inner.first : nil
      guard let next = preferred ?? only, next.tensors >= beside else { return current }
      let equal = inner.filter {
        StateDictionary.usualKeys.contains($0.key) && $0.tensors == next.tensors && next.tensors > 1
      }
      guard equal.count < 2 else {
        throw CheckpointError(
          .unsupported,
          "it holds several sets of weights: \(equal.map(\.key).sorted().joined(separator: ", ")). Fix: save one of them alone: "
            + "torch.save(torch.load(FILE)['\(next.key)'], 'weights.pth')"
        )
      }
      current = next.value
    }
    return current
  }

  /// The tensors in a dictionary and those inside it, counted to a limit.
  private func tensorCount(below dictionary: PickleReference) -> Int {
    var (count, open, visited) = (0, [dictionary], 0)
    while let next = open.popLast(), count < 10_000 {
      guard case .dictionary(let pairs) = self[next] else { continue }
      for (_, value) in pairs {
        visited += 1
        guard visited < 100_000 else { return count }
        if isTensor(value) { count += 1 } else if isDictionary(value) { open.append(value) }
      }
    }
    return count
  }

  private func isTensor(_ reference: PickleReference) -> Bool {
    if case .tensor = self[reference] { return true }
    return false
  }

  private func isDictionary(_ reference: PickleReference) -> Bool {
    if case .dictionary = self[reference] { return true }
    return false
  }
}

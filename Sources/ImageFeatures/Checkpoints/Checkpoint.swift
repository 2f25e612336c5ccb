/// The tensors of a checkpoint file, mapped into memory and read when asked for: .safetensors, or PyTorch's .pth in
/// both of its formats.
///
/// A pickle is read by a machine that runs nothing (see `PickleMachine`). State dictionaries under a usual key
/// (`state_dict`, `model`, …) are found, and a prefix `module.` or `_orig_mod.` that all names share is dropped.
public struct Checkpoint: TensorSource {
  /// A tensor's name, type and shape.
  public struct Entry: Sendable, Hashable {
    /// The tensor's name.
    public let name: String
    /// The number type in the file.
    public let type: ElementType
    /// The length of each axis.
    public let shape: [Int]
  }

  /// The file that was opened; nil for bytes from memory.
  public let file: String?
  /// The `__metadata__` of a .safetensors file; empty otherwise.
  public let metadata: [String: String]
  /// The tensors in the file's order.
  public let entries: [Entry]
  private let stored: [String: StoredTensor]

  /// Opens a checkpoint; its format is told by its first bytes.
  ///
  /// - Throws: ``CheckpointError`` that names the file and says what to do.
  public init(contentsOfFile path: String) throws {
    try self.init(FileImage(mapping: path), file: path)
  }

  /// Opens a checkpoint held in memory.
  ///
  /// - Throws: ``CheckpointError``.
  public init(decoding bytes: [UInt8]) throws {
    try self.init(FileImage(copying: bytes), file: nil)
  }

  private init(_ image: FileImage, file: String?) throws {
    let (tensors, metadata) = try CheckpointError.naming(file) { try Self.read(image) }
    var stored: [String: StoredTensor] = [:]
    var entries: [Entry] = []
    for (name, tensor) in Self.withoutSharedPrefix(tensors) {
      if stored.updateValue(tensor, forKey: name) == nil {
        entries.append(Entry(name: name, type: tensor.type, shape: tensor.shape))
      }
    }
    self.file = file
    self.metadata = metadata
    self.entries = entries
    self.stored = stored
  }

  /// The tensors' names in the file's order.
  public var names: [String] { entries.map(\.name) }

  /// The shape of a tensor.
  ///
  /// - Throws: ``CheckpointError`` (`.unknownName`).
  public func shape(of name: String) throws -> [Int] { try find(name).shape }

  /// A tensor, converted to 32-bit floats.
  ///
  /// - Throws: ``CheckpointError`` (`.unknownName`).
  public func tensor(named name: String) throws -> Tensor {
    let tensor = try find(name)
    return try Tensor(shape: tensor.shape, values: tensor.floats())
  }

  private func find(_ name: String) throws -> StoredTensor {
    guard let tensor = stored[name] else {
      throw CheckpointError(
        .unknownName,
        "there is no tensor \"\(CheckpointError.printable(name))\"",
        file: file
      )
    }
    return tensor
  }

  private typealias Named = (name: String, tensor: StoredTensor)

  private static func read(_ image: FileImage) throws -> ([Named], [String: String]) {
    let bytes = image.bytes
    if bytes.starts(with: [0x50, 0x4B, 0x03, 0x04]) {
      return (try TorchCheckpoint.readZip(image), [:])
    }
    if TorchCheckpoint.isLegacy(bytes) {
      return (try TorchCheckpoint.readLegacy(image), [:])
    }
    guard bytes.count > 8, bytes[8] == UInt8(ascii: "{") else {
      throw CheckpointError(
        .unknownFormat,
        "neither .safetensors nor a PyTorch .pth; check the file or save it anew"
      )
    }
    let header = try SafetensorsHeader(bytes)
    return (try SafetensorsReader.tensors(header, image), header.metadata)
  }

  /// PyTorch's `AveragedModel` keeps a count beside its `module.`; it is no weight.
  private static func withoutSharedPrefix(_ tensors: [Named]) -> [Named] {
    let tensors = tensors.filter { $0.name != "n_averaged" }
    for prefix in ["module.", "_orig_mod."] where !tensors.isEmpty {
      if tensors.allSatisfy({ $0.name.hasPrefix(prefix) && $0.name.count > prefix.count }) {
        return withoutSharedPrefix(tensors.map { (String($0.name.dropFirst(prefix.count)), $0.tensor) })
      }
    }
    return tensors
  }
}

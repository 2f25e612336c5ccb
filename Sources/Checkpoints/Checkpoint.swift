internal import Basics

/// The tensors of a checkpoint file, mapped into memory and read when asked for: .safetensors, or PyTorch's .pth in
/// both of its formats.
///
/// A pickle is read by a machine that runs nothing (see `PickleMachine`). State dictionaries under a usual key
/// (`state_dict`, `model`, …) are found beside anything else, and a wrapper's prefix that all names share
/// (`module.` of DataParallel, `_orig_mod.` of torch.compile, `model.` of Lightning) is dropped.
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

  /// PyTorch's `AveragedModel` keeps a count beside its `module.`; it is not a weight.
  private static func withoutSharedPrefix(_ tensors: [Named]) -> [Named] {
    let tensors = tensors.filter { $0.name != "n_averaged" }
    for prefix in ["module.", "_orig_mod.", "model."] where !tensors.isEmpty {
      if tensors.allSatisfy({ $0.name.hasPrefix(prefix) && $0.name.count > prefix.count }) {
        return withoutSharedPrefix(tensors.map { (String($0.name.dropFirst(prefix.count)), $0.tensor) })
      }
    }
    return tensors
  }
}

/// Why a checkpoint or array file could not be read or written, in one line: what, where, what to do.
public struct CheckpointError: Error, Sendable, Hashable, CustomStringConvertible {
  /// What kind of failure it is, for code that decides by it.
  public struct Code: Sendable, Hashable, CustomStringConvertible {
    /// The code's name, e.g. `damaged`.
    public let name: String

    /// A code by its name.
    public init(_ name: String) { self.name = name }

    /// The code's name.
    public var description: String { name }

    /// The file cannot be opened, read or written.
    public static let unreadable = Code("unreadable")
    /// The file is of no known format.
    public static let unknownFormat = Code("unknownFormat")
    /// The file ends too early.
    public static let truncated = Code("truncated")
    /// The file contradicts itself or its format.
    public static let damaged = Code("damaged")
    /// A valid file in a form that is not read here.
    public static let unsupported = Code("unsupported")
    /// A pickle that names something outside the allowed list. Nothing of it was run.
    public static let forbiddenGlobal = Code("forbiddenGlobal")
    /// A size beyond the limits.
    public static let tooLarge = Code("tooLarge")
    /// No tensor has this name.
    public static let unknownName = Code("unknownName")
  }

  /// The kind of failure.
  public let code: Code
  /// What is wrong and what to do, without the file's name.
  public let reason: String
  /// The file's path, or nil when the bytes came from memory.
  public let file: String?

  /// An error of a kind, with its reason and the file it is about.
  public init(_ code: Code, _ reason: String, file: String? = nil) {
    self.code = code
    self.reason = reason
    self.file = file
  }

  /// `file: reason`, or the reason alone.
  public var description: String {
    guard let file else { return reason }
    return "\(file): \(reason)"
  }

  func naming(_ file: String?) -> CheckpointError {
    CheckpointError(code, reason, file: self.file ?? file)
  }

  /// Runs `body`, and turns a read beyond the end into an error of this kind; both name the file.
  static func naming<Result>(_ file: String?, _ body: () throws -> Result) throws -> Result {
    do {
      return try body()
    } catch let error as CheckpointError {
      throw error.naming(file)
    } catch is ByteCursor.OutOfBounds {
      throw CheckpointError(.truncated, "the file ends too early; copy or download it again", file: file)
    } catch let failure as Inflater.Failure {
      throw CheckpointError(.damaged, failure.reason, file: file)
    }
  }

  /// Text from a file, made fit for one line of a terminal.
  static func printable(_ text: String) -> String {
    let clean = text.unicodeScalars.prefix(80).map { scalar in
      scalar.value < 0x20 || (0x7F...0x9F).contains(scalar.value) ? "?" : String(scalar)
    }
    return clean.joined() + (text.unicodeScalars.count > 80 ? "…" : "")
  }
}

extension CheckpointError: ReportedError {
  /// As JSON output shows it.
  package var reportedCode: String { snakeCase(code.name) }
}

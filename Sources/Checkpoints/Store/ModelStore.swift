internal import Basics
internal import FoundationEssentials

/// The folders in which checkpoints are kept, the first one first.
public struct ModelStore: Sendable, Hashable {
  /// The folders; a new checkpoint goes into the first that can be written.
  public let folders: [String]

  /// A store in these folders.
  public init(folders: [String]) { self.folders = folders }

  /// What is known of a checkpoint's file.
  public enum State: String, Sendable, Hashable {
    /// It is nowhere.
    case missing
    /// It is there; whether it is whole was not looked at.
    case present
    /// It is there and has the published digest.
    case verified
    /// It is there with another digest.
    case wrong
  }

  /// The file of a checkpoint that is there.
  public func path(of model: KnownModel) -> String? {
    folders.map { $0 + "/" + model.file }.first(where: FileManager.default.isReadableFile)
  }

  /// The file of the first known checkpoint for a network that is there.
  public func path(ofModel name: String) -> String? {
    KnownModel.all.filter { $0.architecture == name }.lazy.compactMap(path(of:)).first
  }

  /// Compares a file with the published digest.
  ///
  /// - Throws: `ModelStoreError` with code `file`.
  public func verify(_ model: KnownModel) throws -> State {
    guard let path = path(of: model) else { return .missing }
    return try Self.sha256(ofFile: path).hasPrefix(model.sha256) ? .verified : .wrong
  }

  /// Where a new checkpoint's file goes: into the first folder that is there or can be made.
  ///
  /// - Throws: `ModelStoreError` with code `file`.
  func newPath(of model: KnownModel) throws -> String {
    for folder in folders {
      try? FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
      if FileManager.default.isWritableFile(atPath: folder) { return folder + "/" + model.file }
    }
    throw ModelStoreError(
      .file,
      "none of \(folders.joined(separator: ", ")) can be written; name a folder with ADBVEC_CACHE"
    )
  }

  /// The SHA-256 of a file, in hexadecimal digits.
  ///
  /// - Throws: `ModelStoreError` with code `file`.
  public static func sha256(ofFile path: String) throws -> String {
    do {
      return try SHA256.hexadecimal(ofFile: path)
    } catch {
      throw ModelStoreError(.file, "\(path) cannot be read: \(error)")
    }
  }
}

/// Why a checkpoint could not be had, in one line.
public struct ModelStoreError: Error, Sendable, Hashable, CustomStringConvertible {
  /// What kind of failure it is.
  public struct Code: Sendable, Hashable {
    package let name: String

    private init(_ name: String) { self.name = name }

    /// No checkpoint has this name, or it is not fetched like this.
    public static let unknown = Code("unknown")
    /// The server cannot be reached.
    public static let network = Code("network")
    /// The server answers with something else.
    public static let answer = Code("answer")
    /// The file is not the published one.
    public static let digest = Code("digest")
    /// A file cannot be read or written.
    public static let file = Code("file")
  }

  /// The kind of failure.
  public let code: Code
  /// What, where, what to do.
  public let description: String

  /// An error of a kind, with its line.
  public init(_ code: Code, _ description: String) {
    self.code = code
    self.description = description
  }
}

extension ModelStoreError: ReportedError {
  /// As JSON output shows it.
  package var reportedCode: String { snakeCase(code.name) }
}

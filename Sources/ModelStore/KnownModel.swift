public import ImageFeatures

/// A published checkpoint: where it is, how to know that it arrived whole, and what may be done with it.
public struct KnownModel: Sendable, Hashable {
  /// Where a checkpoint comes from.
  public enum Source: Sendable, Hashable {
    /// A file at an address.
    case address(String)
    /// A file inside a package that `scripts/bootstrap` fetches.
    case bootstrap
  }

  /// What it is asked for by.
  public let name: String
  /// The network that it fits.
  public let architecture: Architecture
  /// Where it comes from.
  public let source: Source
  /// The file's name, here as there.
  public let file: String
  /// The file's SHA-256 in hexadecimal digits, as many of them as the publisher gives: all 64, or the 8 that torchvision
  /// and DeiT put into the names of their files and that their own loaders check.
  public let sha256: String
  /// The licence of the file, by its SPDX name.
  public let licence: String

  /// An entry of a table.
  public init(
    name: String,
    architecture: Architecture,
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
  public var advice: String {
    source == .bootstrap ? "scripts/bootstrap" : "adbvec models fetch \(name)"
  }
}

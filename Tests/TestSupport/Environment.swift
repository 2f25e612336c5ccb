import Foundation

/// What tests know of their surroundings.
public enum Environment {
  /// The process's variables.
  public static let variables = ProcessInfo.processInfo.environment
  /// The process's id.
  public static let processID = ProcessInfo.processInfo.processIdentifier
  /// The package's folder.
  public static let package = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
    .deletingLastPathComponent().deletingLastPathComponent().path
  /// Real weights, images and references beside the package; tests that need them say skipped without.
  public static let data = URL(fileURLWithPath: package).deletingLastPathComponent().path + "/shared/data"
  /// Whether `data` is there.
  public static let hasData = FileManager.default.fileExists(atPath: data + "/cifar-100-binary/train.bin")
  /// The folder with PostgreSQL's own programs, psql among them.
  public static let programs = (try? ServerBinariesFolder.find()) ?? "/usr/bin"
}

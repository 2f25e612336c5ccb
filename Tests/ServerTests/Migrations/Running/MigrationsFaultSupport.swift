import Foundation
import TestSupport

extension OwnServer {
  /// Writes migrations into a folder and returns it.
  func write(_ files: [String: String]) throws -> String {
    let path = folder + "/files"
    try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
    for (name, text) in files { try text.write(toFile: "\(path)/\(name)", atomically: true, encoding: .utf8) }
    return path
  }

  /// Starts the command on this server.
  func start(_ arguments: [String]) throws -> Process {
    let process = Process()
    process.executableURL = URL(filePath: Program.adbvec)
    process.arguments = arguments + ["--database-url", url]
    process.standardError = FileHandle.nullDevice
    process.standardOutput = FileHandle.nullDevice
    try process.run()
    return process
  }
}

/// A file system of a few MiB.
enum TinyDisk {
  static let isPossible = getuid() == 0

  /// Mounts one, lends a folder on it that belongs to the servers' account, and takes it away.
  static func with(_ body: (String) async throws -> Void) async throws {
    try await withTemporaryFolder { path in
      try Program.runBlocking(["/bin/mount", "-t", "tmpfs", "-o", "size=8m", "tmpfs", path])
      defer { _ = try? Program.runBlocking(["/bin/umount", "-l", path]) }
      try FileManager.default.createDirectory(atPath: path + "/space", withIntermediateDirectories: true)
      try Program.runBlocking(["/bin/chown", "-R", ServerAccount.name ?? "", path])
      try await body(path + "/space")
    }
  }
}

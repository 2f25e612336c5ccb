internal import FoundationEssentials
internal import Glibc

/// What a running server writes to `postmaster.pid`: a line each for pid, data folder, start time, port, socket folder,
/// listen address, shared memory and status (PostgreSQL source, `miscadmin.h`, LOCK_FILE_LINE_…).
package struct PostmasterFile: Hashable {
  let pid: Int32
  let dataFolder: String
  let port: Int
  let socketFolder: String
  let isReady: Bool

  /// Reads the text of the file; nil while the server has not written all of it.
  init?(_ text: String) {
    let lines = text.split(separator: "\n", omittingEmptySubsequences: false)
    guard lines.count >= 8, let pid = Int32(lines[0].drop { $0 == "-" }), let port = Int(lines[3]) else {
      return nil
    }
    self.pid = pid
    self.port = port
    dataFolder = String(lines[1])
    socketFolder = String(lines[4])
    isReady = lines[7].hasPrefix("ready")
  }

  /// The file of a home whose server is alive; nil without one, and for a file left by a server that was killed.
  package static func ofLivingServer(_ home: ServerHome) -> PostmasterFile? {
    guard let data = FileManager.default.contents(atPath: home.postmasterFile) else { return nil }
    guard let file = PostmasterFile(String(decoding: data, as: UTF8.self)) else { return nil }
    return file.isAlive ? file : nil
  }

  /// A pid may have been given to another program since, so the process must also name this data folder.
  private var isAlive: Bool {
    guard kill(pid, 0) == 0 || errno == EPERM else { return false }
    guard let arguments = FileManager.default.contents(atPath: "/proc/\(pid)/cmdline") else { return false }
    return arguments.split(separator: 0).contains { String(decoding: $0, as: UTF8.self) == dataFolder }
  }
}

import Foundation

/// Writing a file so that readers see the old one or the whole new one, never a part.
enum FileWriting {
  static func replace(_ path: String, with bytes: [UInt8]) throws {
    do {
      try Data(bytes).write(to: URL(filePath: path), options: .atomic)
    } catch {
      throw CheckpointError(.unreadable, "cannot be written: \(error.localizedDescription)", file: path)
    }
  }
}

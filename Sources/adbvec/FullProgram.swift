import Glibc

/// `adbvec-full`, the program with all commands, beside this one.
enum FullProgram {
  private static let name = "adbvec-full"

  /// Replaces this process by the full program with the same arguments, environment and standard streams; comes back only
  /// when that cannot be.
  static func takeOver() {
    let words = CommandLine.arguments.map { strdup($0) }
    execv(path, words + [nil])
    for word in words { free(word) }
  }

  /// Why `takeOver` came back, and what helps.
  static var absence: String {
    "cannot run \(path): \(String(cString: strerror(errno))); adbvec and \(name) belong in one folder "
      + "(without the second, only adbvec migrate works)"
  }

  private static var path: String { folder + "/" + name }

  /// Where this program is, links followed: a link in `~/bin` leads to the folder with both.
  private static var folder: String {
    var buffer = [CChar](repeating: 0, count: Int(PATH_MAX))
    let length = readlink("/proc/self/exe", &buffer, buffer.count)
    guard length > 0, let slash = buffer[..<length].lastIndex(of: CChar(UInt8(ascii: "/"))) else {
      return "."
    }
    return String(decoding: buffer[..<slash].map { UInt8(bitPattern: $0) }, as: UTF8.self)
  }
}

import Foundation
import Rainbow

/// Where words go: results to standard output, everything else to standard error.
enum Terminal {
  /// Whether standard error is a terminal that wants colour.
  static let hasColour: Bool = {
    let environment = ProcessInfo.processInfo.environment
    return isatty(STDERR_FILENO) == 1 && environment["NO_COLOR"] == nil && environment["TERM"] != "dumb"
  }()

  /// Whether progress may be drawn.
  static let showsProgress = isatty(STDERR_FILENO) == 1

  /// The size of the terminal on standard output, in character cells.
  static var size: (columns: Int, rows: Int) {
    var size = winsize()
    guard ioctl(STDOUT_FILENO, UInt(TIOCGWINSZ), &size) == 0, size.ws_col > 0, size.ws_row > 0 else {
      return (80, 24)
    }
    return (Int(size.ws_col), Int(size.ws_row))
  }

  /// One line that says what failed.
  static func error(_ line: String) {
    note((hasColour ? "error:".red.bold : "error:") + " " + line)
  }

  /// One line that warns.
  static func warning(_ line: String) {
    note((hasColour ? "warning:".yellow.bold : "warning:") + " " + line)
  }

  /// One line of news, on standard error.
  static func note(_ line: String) {
    FileHandle.standardError.write(Data((line + "\n").utf8))
  }

  /// Counts on one line of a terminal while something long goes on; says nothing elsewhere.
  static func counter(_ what: String, _ global: GlobalOptions) -> @Sendable (Int) -> Void {
    guard showsProgress, !global.quiet else { return { _ in } }
    return { count in
      FileHandle.standardError.write(Data("\r\u{1B}[2K\(count) \(what)\r".utf8))
    }
  }
}

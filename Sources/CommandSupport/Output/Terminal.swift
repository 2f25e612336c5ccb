import FoundationEssentials
import Glibc

/// Where words go: results to standard output, everything else to standard error.
package enum Terminal {
  /// Whether standard error is a terminal that wants colour.
  package static let hasColour: Bool = {
    let environment = ProcessInfo.processInfo.environment
    return isatty(STDERR_FILENO) == 1 && environment["NO_COLOR"] == nil && environment["TERM"] != "dumb"
  }()

  /// Whether progress may be drawn.
  package static let showsProgress = isatty(STDERR_FILENO) == 1

  /// The size of the terminal on standard output, in character cells.
  package static var size: (columns: Int, rows: Int) {
    var size = winsize()
    guard ioctl(STDOUT_FILENO, UInt(TIOCGWINSZ), &size) == 0, size.ws_col > 0, size.ws_row > 0 else {
      return (80, 24)
    }
    return (Int(size.ws_col), Int(size.ws_row))
  }

  /// One line that says what failed.
  package static func error(_ line: String) {
    note(label("error:", colour: 31) + " " + line)
  }

  /// One line that warns.
  package static func warning(_ line: String) {
    note(label("warning:", colour: 33) + " " + line)
  }

  /// One line of news, on standard error.
  package static func note(_ line: String) {
    write(line + "\n")
  }

  /// Counts on one line of a terminal while something long goes on; says nothing elsewhere.
  package static func counter(_ what: String, _ global: GlobalOptions) -> @Sendable (Int) -> Void {
    guard showsProgress, !global.quiet else { return { _ in } }
    return { count in write("\r\u{1B}[2K\(count) \(what)\r") }
  }

  /// Bold, in one of the terminal's colours (ECMA-48, SGR).
  private static func label(_ text: String, colour: Int) -> String {
    hasColour ? "\u{1B}[\(colour);1m\(text)\u{1B}[0m" : text
  }

  /// Writes all of the text; what nobody reads any more is dropped.
  private static func write(_ text: String) {
    var rest = Array(text.utf8)[...]
    while !rest.isEmpty {
      let count = rest.withUnsafeBytes { Glibc.write(STDERR_FILENO, $0.baseAddress, $0.count) }
      if count < 0, errno == EINTR { continue }
      guard count > 0 else { return }
      rest = rest.dropFirst(count)
    }
  }
}

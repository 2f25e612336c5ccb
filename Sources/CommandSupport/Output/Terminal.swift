import Basics
import FoundationEssentials
import Glibc

/// Standard error: errors, warnings, notes and progress.
package enum Terminal {
  /// Whether standard error is a terminal that wants colour.
  private static let hasColour: Bool = {
    let environment = ProcessInfo.processInfo.environment
    return isatty(STDERR_FILENO) == 1 && environment["NO_COLOR", default: ""].isEmpty
      && environment["TERM"] != "dumb"
  }()

  /// Whether progress may be drawn.
  package static let showsProgress = isatty(STDERR_FILENO) == 1

  /// The size of the terminal on standard output, in character cells.
  package static var size: (columns: Int, rows: Int) { size(of: STDOUT_FILENO) }

  private static func size(of descriptor: Int32) -> (columns: Int, rows: Int) {
    var size = winsize()
    guard ioctl(descriptor, UInt(TIOCGWINSZ), &size) == 0, size.ws_col > 0, size.ws_row > 0 else {
      return (80, 24)
    }
    return (Int(size.ws_col), Int(size.ws_row))
  }

  /// What failed, and what to do.
  package static func error(_ line: String) {
    say(label("error:", colour: 31) + " " + PrintableText.lines(line))
  }

  /// One line that warns.
  package static func warning(_ line: String) {
    say(label("warning:", colour: 33) + " " + PrintableText.lines(line))
  }

  /// One line that reports what happens.
  package static func note(_ line: String) {
    say(PrintableText.lines(line))
  }

  private static let hasProgress = StateLock(false)

  /// Draws progress on the terminal's last line; the next note or the command's end clears it.
  /// - Parameters:
  ///   - end: what stands behind and is kept where the line is too long.
  ///   - share: how much is done, from 0 to 1: a bar stands in front, as wide as the line leaves room for.
  package static func progress(_ line: String, end: String = "", share: Double? = nil) {
    guard showsProgress else { return }
    // A line that wraps could not be drawn over.
    let width = max(1, size(of: STDERR_FILENO).columns - 1)
    let text = (PrintableText.line(line).prefix(max(0, width - end.count)) + end).prefix(width)
    let shown = (share.flatMap { bar($0, width: min(30, width - text.count - 1)) } ?? "") + text
    hasProgress.withLock { hasProgress in
      write("\r\u{1B}[2K\(shown)")
      hasProgress = true
    }
  }

  /// A bar with a blank behind it; nil where there is no room for one.
  private static func bar(_ share: Double, width: Int) -> String? {
    guard width >= 5 else { return nil }
    let filled = share.isFinite ? Int(min(1, max(0, share)) * Double(width)) : 0
    return String(repeating: "━", count: filled) + String(repeating: "╌", count: width - filled) + " "
  }

  /// What the terminal shows of Ctrl-C is drawn over by the next line, as progress is.
  static func isInterrupted() {
    if showsProgress { hasProgress.withLock { $0 = true } }
  }

  /// Clears the progress.
  package static func clearProgress() {
    hasProgress.withLock { hasProgress in
      if hasProgress { write("\r\u{1B}[2K") }
      hasProgress = false
    }
  }

  /// Counts on one line of a terminal while something long runs; prints nothing elsewhere.
  package static func counter(_ what: String, _ global: GlobalOptions) -> @Sendable (Int) -> Void {
    guard showsProgress, !global.quiet else { return { _ in } }
    return { count in progress("\(count) \(what)") }
  }

  /// Bold, in one of the terminal's colours (ECMA-48, SGR).
  private static func label(_ text: String, colour: Int) -> String {
    hasColour ? "\u{1B}[\(colour);1m\(text)\u{1B}[0m" : text
  }

  private static func say(_ line: String) {
    hasProgress.withLock { hasProgress in
      write((hasProgress ? "\r\u{1B}[2K" : "") + line + "\n")
      hasProgress = false
    }
  }

  /// What nobody reads any more is dropped.
  private static func write(_ text: String) {
    var text = text
    _ = text.withUTF8 { Output.write(UnsafeRawBufferPointer($0), to: STDERR_FILENO) }
  }
}

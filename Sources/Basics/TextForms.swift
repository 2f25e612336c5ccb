internal import Glibc

extension String {
  /// A text with numbers in C's `printf` form, always with a decimal point.
  ///
  /// Foundation's initialiser of this kind links the whole of Foundation with its tables of ICU.
  /// - Parameter arguments: Numbers that fit the form's conversions, 511 bytes of text at most.
  package init(printf form: StaticString, _ arguments: any CVarArg...) {
    self = withVaList(arguments) { arguments in
      String(unsafeUninitializedCapacity: 512) { buffer in
        buffer.withMemoryRebound(to: CChar.self) { buffer in
          let form = UnsafeRawPointer(form.utf8Start).assumingMemoryBound(to: CChar.self)
          let count = Int(vsnprintf(buffer.baseAddress, buffer.count, form, arguments))
          return Swift.max(0, Swift.min(count, buffer.count - 1))
        }
      }
    }
  }
}

/// Percent-encoding (RFC 3986, 2.1) of all bytes but the unreserved characters (2.3).
package enum PercentEncoding {
  private static let hexadecimal = Array("0123456789ABCDEF".utf8)

  /// The text, encoded in UTF-8.
  package static func text(_ text: String) -> String {
    // Links are made by the thousand, and most of their parts are numbers.
    text.utf8.allSatisfy(isUnreserved) ? text : Self.text(text.utf8)
  }

  /// The bytes, encoded.
  /// - Parameter kept: a reserved character that stands for itself.
  package static func text(_ bytes: some Collection<UInt8>, keeping kept: UInt8? = nil) -> String {
    var encoded: [UInt8] = []
    encoded.reserveCapacity(3 * bytes.count)
    for byte in bytes {
      if isUnreserved(byte) || byte == kept {
        encoded.append(byte)
      } else {
        encoded.append(UInt8(ascii: "%"))
        encoded.append(hexadecimal[Int(byte >> 4)])
        encoded.append(hexadecimal[Int(byte & 15)])
      }
    }
    return String(decoding: encoded, as: UTF8.self)
  }

  private static func isUnreserved(_ byte: UInt8) -> Bool {
    switch byte {
    case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
      UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"), UInt8(ascii: "."), UInt8(ascii: "_"),
      UInt8(ascii: "~"):
      true
    default: false
    }
  }
}

extension StringProtocol {
  /// The text without the white space and line ends around it.
  package func trimmingWhitespace() -> String {
    let start = drop(while: \.isWhitespace)
    guard let last = start.lastIndex(where: { !$0.isWhitespace }) else { return "" }
    return String(start[...last])
  }
}

/// `1 row`, `2 rows`.
package func counted(_ count: Int, _ noun: String) -> String { "\(count) \(noun)\(count == 1 ? "" : "s")" }

/// How long something will take that tells how much of it is done: as long as that took so far, for the rest.
package struct TimeLeft: Sendable {
  private var phase = ""
  private var start = ContinuousClock.now
  private var first = 0.0

  package init() {}

  /// `  1:23 left`, or nothing while too little is known.
  /// - Parameter phase: what is under way; another one starts anew.
  package mutating func text(at share: Double, of phase: String) -> String {
    if phase != self.phase { (self.phase, start, first) = (phase, .now, share) }
    let seconds = (ContinuousClock.now - start) / .seconds(1)
    guard share > first, seconds >= 1 else { return "" }
    return Self.text(seconds * (1 - share) / (share - first))
  }

  /// The same of a time that is known.
  package static func text(_ seconds: Double) -> String {
    guard seconds.isFinite, seconds < 360_000 else { return "" }
    let seconds = Int(max(0, seconds).rounded())
    let minutes = String(printf: seconds < 3600 ? "%ld" : "%02ld", seconds / 60 % 60)
    return (seconds < 3600 ? "  " : "  \(seconds / 3600):") + minutes
      + String(printf: ":%02ld left", seconds % 60)
  }
}

/// Text from databases, files and servers, made fit for a terminal.
///
/// A class name or a file name may hold escape sequences, which a terminal would obey, or line feeds, which would break
/// a table.
package enum PrintableText {
  /// The text on one line: every control character is written out, as `\x1B` or `\n`.
  package static func line(_ text: String) -> String {
    escaped(text) { isControl($0) }
  }

  /// The text with its lines and tabs; every other control character is written out.
  package static func lines(_ text: String) -> String {
    escaped(text) { isControl($0) && $0 != "\n" && $0 != "\t" }
  }

  private static func escaped(_ text: String, where isEscaped: (Unicode.Scalar) -> Bool) -> String {
    guard text.unicodeScalars.contains(where: isEscaped) else { return text }
    var result = String.UnicodeScalarView()
    for scalar in text.unicodeScalars {
      if isEscaped(scalar) {
        result.append(contentsOf: escape(scalar).unicodeScalars)
      } else {
        result.append(scalar)
      }
    }
    return String(result)
  }

  private static func escape(_ scalar: Unicode.Scalar) -> String {
    switch scalar {
    case "\n": return "\\n"
    case "\r": return "\\r"
    case "\t": return "\\t"
    default:
      let digits = String(scalar.value, radix: 16, uppercase: true)
      let width = scalar.value < 0x100 ? 2 : 4
      let padding = String(repeating: "0", count: max(0, width - digits.count))
      return (width == 2 ? "\\x" : "\\u") + padding + digits
    }
  }

  /// The C0 and C1 sets and DEL (ECMA-48), Unicode's line and paragraph separators, and the marks that turn the order
  /// of what follows (UAX #9).
  private static func isControl(_ scalar: Unicode.Scalar) -> Bool {
    switch scalar.value {
    case 0..<0x20, 0x7F..<0xA0, 0x061C, 0x200E, 0x200F, 0x2028...0x202E, 0x2066...0x2069: true
    default: false
    }
  }
}

/// Paths as text that leads back to the same bytes: a file's name need not be UTF-8.
///
/// A path in UTF-8 is its own text. Any other one is a `file:` URI (RFC 8089) with the bytes outside the unreserved
/// characters percent-encoded: `file:///photos/l%E9.jpg`, and `file:l%E9.jpg` for a relative path.
package enum PathText {
  private static let scheme = "file:"

  /// The text of a path.
  package static func text(_ path: some Collection<UInt8>) -> String {
    if let plain = String(validating: path, as: UTF8.self), !plain.hasPrefix(scheme) { return plain }
    let isAbsolute = path.first == UInt8(ascii: "/")
    return (isAbsolute ? scheme + "//" : scheme)
      + PercentEncoding.text(path, keeping: UInt8(ascii: "/"))
  }

  /// The path that a text stands for.
  package static func bytes(_ text: String) -> [UInt8] {
    guard text.hasPrefix(scheme) else { return Array(text.utf8) }
    var rest = Array(text.utf8.dropFirst(scheme.utf8.count))[...]
    if rest.starts(with: Array("///".utf8)) { rest = rest.dropFirst(2) }
    var path: [UInt8] = []
    path.reserveCapacity(rest.count)
    while let byte = rest.popFirst() {
      if byte == UInt8(ascii: "%"), rest.count >= 2,
        let value = UInt8(String(decoding: rest.prefix(2), as: UTF8.self), radix: 16)
      {
        path.append(value)
        rest = rest.dropFirst(2)
      } else {
        path.append(byte)
      }
    }
    return path
  }
}

/// Finds what somebody who mistyped a name may have meant.
package enum Suggestion {
  /// `; did you mean dim?`, or nothing when no name is near.
  package static func nearest(to word: String, in names: [String]) -> String {
    guard word.utf8.count <= 64 else { return "" }
    let scored = names.map { (name: $0, distance: distance(Array(word), Array($0))) }
    guard let best = scored.min(by: { $0.distance < $1.distance }) else { return "" }
    return best.distance <= max(1, word.count / 3) ? "; did you mean \(best.name)?" : ""
  }

  /// Changes, additions, omissions and swaps of neighbours that lead from one word to the other.
  private static func distance(_ left: [Character], _ right: [Character]) -> Int {
    var rows = [Array(0...right.count)]
    for (i, letter) in left.enumerated() {
      var row = [i + 1]
      for (j, other) in right.enumerated() {
        var best = min(rows[i][j] + (letter == other ? 0 : 1), row[j] + 1, rows[i][j + 1] + 1)
        if i > 0, j > 0, letter == right[j - 1], left[i - 1] == other {
          best = min(best, rows[i - 1][j - 1] + 1)
        }
        row.append(best)
      }
      rows.append(row)
    }
    return rows[left.count][right.count]
  }
}

import ArgumentParser
import Basics
import FoundationEssentials
import Glibc

/// Standard output: everything that is written is checked, so that a full disk or a closed pipe is never taken for
/// success.
package enum Output {
  /// Why standard output takes no more.
  package struct Failure: Error {
    /// The operating system's error number.
    package let code: Int32

    /// Whether nobody reads any more, as behind `| head`: no mistake of anybody's, and nothing to say.
    package var isClosedPipe: Bool { code == EPIPE }
  }

  /// Makes sure that standard input, output and error are open: a file opened later in the place of a closed one would
  /// receive what is meant for it.
  static func open() {
    for descriptor in [STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO] where fcntl(descriptor, F_GETFD) < 0 {
      // Standard output becomes a file that cannot be written, so that a result sent there is an error.
      _ = Glibc.open("/dev/null", descriptor == STDERR_FILENO ? O_WRONLY : O_RDONLY)
    }
    // A closed pipe is then an error of `write` that ends the command in order.
    signal(SIGPIPE, SIG_IGN)
  }

  /// Writes a line or lines for people; control characters are written out.
  package static func line(_ text: String = "") throws(Failure) {
    try write(PrintableText.lines(text) + "\n")
  }

  /// Writes a line that somebody may wait for, from a command that continues in any case.
  package static func announce(_ text: String) {
    do { try line(text) } catch {
      Terminal.warning("cannot write to standard output: \(String(cString: strerror(error.code))): \(text)")
    }
  }

  /// Writes data exactly as it is; only to a terminal, control characters are written out.
  package static func data(_ text: String) throws(Failure) {
    try write(isTerminal ? PrintableText.lines(text) : text)
  }

  /// Writes control sequences to a terminal.
  package static func sequence(_ text: String) throws(Failure) { try write(text) }

  /// Whether standard output is a terminal.
  package static let isTerminal = isatty(STDOUT_FILENO) == 1

  /// Closes standard output: some file systems report a full disk only then.
  static func close() throws(Failure) {
    guard Glibc.close(STDOUT_FILENO) == 0 || errno == EBADF else { throw Failure(code: errno) }
  }

  private static func write(_ text: String) throws(Failure) {
    var text = text
    let code = text.withUTF8 { write(UnsafeRawBufferPointer($0), to: STDOUT_FILENO) }
    if let code { throw Failure(code: code) }
  }

  /// Writes all bytes.
  /// - Returns: the error number; nil when all is written.
  static func write(_ bytes: UnsafeRawBufferPointer, to descriptor: Int32) -> Int32? {
    var rest = bytes[...]
    while !rest.isEmpty {
      let count = Glibc.write(descriptor, UnsafeRawBufferPointer(rebasing: rest).baseAddress, rest.count)
      if count < 0, errno == EINTR { continue }
      if count < 0, errno == EAGAIN {
        var waiting = pollfd(fd: descriptor, events: Int16(POLLOUT), revents: 0)
        _ = poll(&waiting, 1, -1)
        continue
      }
      guard count > 0 else { return errno }
      rest = rest.dropFirst(count)
    }
    return nil
  }
}

/// `--format` of commands that print a report.
package enum ReportFormat: String, ExpressibleByArgument, CaseIterable {
  case text, json
}

/// JSON as every command prints it: `schema`, the version of its fields' meaning; `command`; and `result`, or `errors`
/// in place of it. Keys are in snake_case.
package struct JSONReport<Body: Encodable>: Encodable {
  let schema = 1
  let command: String
  let result: Body

  package init(command: String, result: Body) {
    self.command = command
    self.result = result
  }

  /// Prints the object, keys in order, slashes as they are.
  package func print() throws { try printJSON(self) }
}

/// What a command that was asked for JSON prints when it fails.
struct JSONErrors: Encodable {
  let schema = 1
  let command: String
  let errors: [Failure.Entry]

  func print() throws { try printJSON(self) }
}

/// A report whose result begins with a list that is printed while it is made, so that memory does not hold it.
package struct JSONListReport: Sendable {
  private let command: String
  /// The list's name, which comes before those of the result's other members.
  private let list: String
  private let encoder = jsonEncoder()
  private var count = 0

  package init(command: String, list: String) {
    self.command = command
    self.list = list
  }

  /// Prints an element.
  package mutating func print(_ element: some Encodable) throws {
    if count == 0 { try Output.data(try parts(of: [list: [Int]()]).head) }
    let lines = try Self.text(element, encoder).split(separator: "\n").map { "\n      " + $0 }
    try Output.data((count == 0 ? "" : ",") + lines.joined())
    count += 1
  }

  /// Prints what follows the list.
  /// - Parameter result: the result with an empty list.
  package func finish(_ result: some Encodable) throws {
    guard count > 0 else { return try JSONReport(command: command, result: result).print() }
    try Output.data("\n    ]" + (try parts(of: result).tail) + "\n")
  }

  /// What comes before the list's elements, and what behind its end.
  private func parts(of result: some Encodable) throws -> (head: String, tail: String) {
    let text = try Self.text(JSONReport(command: command, result: result), encoder)
    // A quotation mark inside a string has a backslash before it.
    guard let start = text.firstRange(of: "\"\(list)\" : ["),
      let end = text[start.upperBound...].firstIndex(of: "]")
    else { return (text, "") }
    return (String(text[..<start.upperBound]), String(text[text.index(after: end)...]))
  }

  private static func text(_ value: some Encodable, _ encoder: JSONEncoder) throws -> String {
    String(decoding: try encoder.encode(value), as: UTF8.self)
  }
}

private func printJSON(_ value: some Encodable) throws {
  try Output.data(String(decoding: try jsonEncoder().encode(value), as: UTF8.self) + "\n")
}

private func jsonEncoder() -> JSONEncoder {
  let encoder = JSONEncoder()
  encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
  encoder.keyEncodingStrategy = .custom { path in SnakeCaseKey(path) }
  // JSON does not know these numbers, and one of them must not suppress all others.
  encoder.nonConformingFloatEncodingStrategy = .convertToString(
    positiveInfinity: "Infinity",
    negativeInfinity: "-Infinity",
    nan: "NaN"
  )
  return encoder
}

/// A property's name in snake_case.
private struct SnakeCaseKey: CodingKey {
  let stringValue: String
  let intValue: Int?

  init(_ path: [any CodingKey]) {
    stringValue = path.last.map { snakeCase($0.stringValue) } ?? ""
    intValue = path.last?.intValue
  }

  init?(stringValue: String) {
    self.stringValue = stringValue
    intValue = nil
  }

  init?(intValue: Int) {
    stringValue = String(intValue)
    self.intValue = intValue
  }
}

/// Columns lined up for people: a header, a rule, rows; numbers to the right.
package struct TextTable {
  private let header: [String]
  private var rows: [[String]] = []

  package init(_ header: [String]) {
    self.header = header
  }

  /// Appends a row; a cell that holds line breaks or control characters shows them written out.
  package mutating func append(_ row: [String]) {
    rows.append(row.map(PrintableText.line))
  }

  /// The table without a final line break.
  package var rendered: String {
    let widths = header.indices.map { column in
      ([header] + rows).map { $0[column].count }.max() ?? 0
    }
    let isNumeric = header.indices.map { column in
      !rows.isEmpty && rows.allSatisfy { Double($0[column]) != nil }
    }
    let line = { (row: [String]) in
      let cells = header.indices.map { column in
        let padding = String(repeating: " ", count: widths[column] - row[column].count)
        return isNumeric[column] ? padding + row[column] : row[column] + padding
      }
      let text = cells.joined(separator: "  ")
      return String(text[..<(text.lastIndex { $0 != " " }.map(text.index(after:)) ?? text.startIndex)])
    }
    let rule = widths.map { String(repeating: "─", count: $0) }.joined(separator: "  ")
    return ([line(header), rule] + rows.map(line)).joined(separator: "\n")
  }
}

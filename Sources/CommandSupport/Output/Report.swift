import ArgumentParser
import Basics
import FoundationEssentials

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

private func printJSON(_ value: some Encodable) throws {
  let encoder = JSONEncoder()
  encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
  encoder.keyEncodingStrategy = .custom { path in SnakeCaseKey(path) }
  // JSON does not know these numbers, and one of them must not suppress all others.
  encoder.nonConformingFloatEncodingStrategy = .convertToString(
    positiveInfinity: "Infinity",
    negativeInfinity: "-Infinity",
    nan: "NaN"
  )
  try Output.data(String(decoding: try encoder.encode(value), as: UTF8.self) + "\n")
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

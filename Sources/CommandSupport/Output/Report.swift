import ArgumentParser
import FoundationEssentials

/// `--format` of commands that print a report.
package enum ReportFormat: String, ExpressibleByArgument, CaseIterable {
  case text, json
}

/// JSON as every command prints it: an object with the version of its schema first.
package struct JSONReport<Body: Encodable>: Encodable {
  let schema = 1
  let command: String
  let result: Body

  package init(command: String, result: Body) {
    self.command = command
    self.result = result
  }

  /// Prints the object, keys in order, slashes as they are.
  package func print() throws {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
    Swift.print(String(decoding: try encoder.encode(self), as: UTF8.self))
  }
}

/// Columns lined up for people: a header, a rule, rows; numbers to the right.
package struct TextTable {
  private let header: [String]
  private var rows: [[String]] = []

  package init(_ header: [String]) {
    self.header = header
  }

  package mutating func append(_ row: [String]) {
    rows.append(row)
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
      header.indices.map { column in
        let padding = String(repeating: " ", count: widths[column] - row[column].count)
        return isNumeric[column] ? padding + row[column] : row[column] + padding
      }.joined(separator: "  ").trimmingTrailingSpaces
    }
    let rule = widths.map { String(repeating: "─", count: $0) }.joined(separator: "  ")
    return ([line(header), rule] + rows.map(line)).joined(separator: "\n")
  }
}

extension String {
  fileprivate var trimmingTrailingSpaces: String {
    String(self[..<(lastIndex { $0 != " " }.map(index(after:)) ?? startIndex)])
  }
}

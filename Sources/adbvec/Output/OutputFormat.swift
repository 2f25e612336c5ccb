import ArgumentParser
import Foundation

/// `--format` of commands that print a report.
enum ReportFormat: String, ExpressibleByArgument, CaseIterable {
  case text, json
}

/// JSON as every command prints it: an object with the version of its schema first.
struct JSONReport<Body: Encodable>: Encodable {
  let schema = 1
  let command: String
  let result: Body

  /// Prints the object, keys in order, slashes as they are.
  func print() throws {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
    Swift.print(String(decoding: try encoder.encode(self), as: UTF8.self))
  }
}

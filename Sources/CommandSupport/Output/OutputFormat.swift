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

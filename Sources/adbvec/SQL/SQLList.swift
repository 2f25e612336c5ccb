import ArgumentParser
import CommandSupport
import VectorSQL

/// `adbvec sql list`.
struct SQLList: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "list",
    abstract: "List the ready-made statements.",
    discussion: "Each is a psql script with variables: adbvec sql show recall | psql -v top_k=20."
  )

  @Option(help: "text or json.")
  var format = ReportFormat.text

  private struct Entry: Encodable {
    let name: String
    let summary: String
  }

  mutating func run() async throws {
    let entries = LibraryStatement.all.map { Entry(name: $0.name, summary: $0.summary) }
    switch format {
    case .json: try JSONReport(command: "sql list", result: entries).print()
    case .text:
      var table = TextTable(["name", "what it answers"])
      for entry in entries { table.append([entry.name, entry.summary]) }
      print(table.rendered)
    }
  }
}

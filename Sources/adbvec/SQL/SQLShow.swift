import ArgumentParser
import CommandSupport
import ImageSearch
import VectorSQL

/// `adbvec sql show`.
struct SQLShow: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "show",
    abstract: "Print a ready-made statement for the table in force.",
    discussion: "No server is needed: adbvec sql show table_health | psql."
  )

  @Argument(help: ArgumentHelp("The statement; 'adbvec sql list' names them.", valueName: "name"))
  var name: String

  @Option(help: ArgumentHelp("l2, ip or cosine.", valueName: "name"))
  var metric: String?

  @OptionGroup(title: "Global options") var global: GlobalOptions

  mutating func run() async throws {
    guard let statement = LibraryStatement(name: name) else {
      let known = LibraryStatement.all.map(\.name).joined(separator: ", ")
      throw CommandFailure("there is no statement \"\(name)\"; there are \(known)", exitCode: 64)
    }
    let settings = try await global.settings([.metric: metric])
    let table = try settings.imageTable()
    let target = SearchTarget(
      table: table.name,
      key: table.idColumn,
      label: table.labelColumn,
      column: VectorColumn(table.vectorColumn, dim: nil),
      metric: try settings.chosenMetric() ?? .l2
    )
    print(try statement.script(for: target, dialect: try settings.sqlDialect()).text, terminator: "")
  }
}

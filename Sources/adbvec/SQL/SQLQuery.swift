public import ArgumentParser
import ImageSearch
import PostgresClient
public import VectorSQL

/// `adbvec sql query`: the search of the same options as SQL.
struct SQLQuery: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "query",
    abstract: "Print a search as SQL that psql runs as it is.",
    discussion: """
      The rows are those of 'adbvec search' with the same options. The table is looked at when a server is there; \
      without one (or with --offline) the tutorial's column types are taken.

        adbvec sql query --id 4999 --top-k 5 | psql "$(adbvec db url)"
      """
  )

  @OptionGroup var subject: SubjectOptions
  @OptionGroup(title: "Feature options") var features: FeatureOptions

  @Option(help: "psql (variables), prepare, literal, or parameters (the text and its values as JSON).")
  var form = SQLScript.Form.psql

  @Flag(help: "Do not look at the table.")
  var offline = false

  @OptionGroup(title: "Global options") var global: GlobalOptions

  mutating func run() async throws {
    let settings = try await global.settings(features.flags.merging([.metric: subject.metric]) { $1 })
    let query = try await query(settings)
    let (request, _) = try subject.request(features, settings)
    print(try query.search(request).script(form, for: query.dialect).text, terminator: "")
  }

  private func query(_ settings: Settings) async throws -> ImageQuery {
    let (table, dialect) = (try settings.imageTable(), try settings.sqlDialect())
    guard !offline, let server = try? settings.connectionSettings() else {
      return ImageQuery(table: table, dialect: dialect, metric: try settings.chosenMetric() ?? .l2)
    }
    let connection = try await PostgresConnection.connect(server)
    return try await ImageQuery.read(
      table: table,
      dialect: dialect,
      metric: try settings.chosenMetric(),
      from: connection
    )
  }
}

extension SQLScript.Form: ExpressibleByArgument {}

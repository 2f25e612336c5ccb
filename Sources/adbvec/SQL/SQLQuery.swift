public import ArgumentParser
import CommandSupport
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
        adbvec sql query --id 4999 --explain
      """
  )

  @OptionGroup var subject: SubjectOptions
  @OptionGroup(title: "Feature options") var features: FeatureOptions

  @Option(help: "psql (variables), prepare, literal, or parameters (the text and its values as JSON).")
  var form = SQLScript.Form.psql

  @Flag(help: "Do not look at the table.")
  var offline = false

  @Flag(help: "Also ask the server for the plan, and say whether the vector index is used and, if not, why.")
  var explain = false

  @OptionGroup(title: "Global options") var global: GlobalOptions

  func validate() throws {
    guard explain else { return }
    if offline { throw ValidationError("--explain asks the server; leave out --offline") }
    if form == .parameters {
      throw ValidationError("--explain prints SQL comments, which --form parameters has not")
    }
  }

  mutating func run() async throws {
    let settings = try await global.settings(features.flags.merging([.metric: subject.metric]) { $1 })
    let connection = try await connection(settings)
    let query = try await query(settings, connection)
    let (request, _) = try subject.request(features, settings)
    print(try query.search(request).script(form, for: query.dialect).text, terminator: "")
    guard explain, let connection else { return }
    let searcher = ImageSearcher(query: query, connections: connection)
    print(try await searcher.plan(request).comments)
  }

  /// A connection to the server; nil without one, unless the plan is wanted.
  private func connection(_ settings: Settings) async throws -> PostgresConnection? {
    if explain { return try await settings.connect() }
    guard !offline, let server = try? settings.connectionSettings() else { return nil }
    return try await PostgresConnection.connect(server)
  }

  private func query(_ settings: Settings, _ connection: PostgresConnection?) async throws -> ImageQuery {
    let (table, dialect) = (try settings.imageTable(), try settings.sqlDialect())
    guard let connection else {
      return ImageQuery(table: table, dialect: dialect, metric: try settings.chosenMetric() ?? .l2)
    }
    return try await ImageQuery.read(
      table: table,
      dialect: dialect,
      metric: try settings.chosenMetric(),
      from: connection
    )
  }
}

extension SQLScript.Form: ExpressibleByArgument {}

extension ExplainedSearch {
  /// The plan and its meaning as SQL comments, so that what is printed still runs.
  fileprivate var comments: String {
    let verdict =
      plan.vectorIndex.map { ["The vector index \($0) is used."] }
      ?? ["No vector index is used: " + plan.reasons.joined(separator: "; ") + "."]
    return (["", "The server's plan:"] + lines + verdict).map { $0.isEmpty ? "" : "-- \($0)" }.joined(
      separator: "\n"
    )
  }
}

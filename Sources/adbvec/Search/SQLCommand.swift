public import ArgumentParser
import CommandSupport
import ImageSearch
import PostgresClient
public import VectorSQL

/// `adbvec sql …`: the SQL behind everything, for people.
struct SQLCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "sql",
    abstract: "Print ready-to-run SQL.",
    subcommands: [SQLQuery.self, SQLList.self, SQLShow.self]
  )
}

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
    let (request, _) = try await subject.request(features, settings, connection)
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

public import ArgumentParser
import Basics
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
      The rows are those of 'adbvec search' with the same options. Column types are read from the server; without one \
      (or with --offline) the tutorial's are assumed.

        adbvec sql query --id 4999 --top-k 5 | psql "$(adbvec db url)"
        adbvec sql query --id 4999 --explain
      """
  )

  @OptionGroup var subject: SubjectOptions
  @OptionGroup(title: "Feature options") var features: FeatureOptions

  @Option(help: "psql (variables), prepare, literal, or parameters (the text and its values as JSON).")
  var form = SQLScript.Form.psql

  @Flag(help: "Do not read the table's types from the server.")
  var offline = false

  @Flag(help: "Print the server's plan too, and why the vector index is used or not.")
  var explain = false

  @OptionGroup(title: "Global options") var global: GlobalOptions

  func validate() throws {
    guard explain else { return }
    if offline { throw ValidationError("--explain needs the server; leave out --offline") }
    if form == .parameters {
      throw ValidationError("--explain prints SQL comments, which --form parameters cannot hold")
    }
  }

  mutating func run() async throws {
    try subject.requireSubject()
    let settings = try global.settings(features.flags.merging([.metric: subject.metric]) { $1 })
    let connection = try await connection(settings)
    let table = try await table(settings, connection)
    let (query, _) = try await subject.request(features, settings, connection)
    try Output.data(try table.search(query).script(form, for: table.dialect).text)
    guard explain, let connection else { return }
    let searcher = ImageSearcher(table: table, connections: connection)
    try Output.line(try await searcher.plan(query).comments)
  }

  /// A connection to the server; nil without one, unless the plan is wanted.
  private func connection(_ settings: Settings) async throws -> PostgresConnection? {
    if explain { return try await settings.connect() }
    guard !offline, let server = try? settings.connectionSettings() else { return nil }
    return try await PostgresConnection.connect(server)
  }

  private func table(_ settings: Settings, _ connection: PostgresConnection?) async throws -> ImageTable {
    var table = try settings.imageTable()
    let dialect = try settings.sqlDialect()
    guard let connection else {
      table.dialect = dialect
      table.metric = try settings.chosenMetric() ?? .l2
      return table
    }
    return try await table.read(
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
    let conclusion =
      plan.vectorIndex.map { index in
        let shards = plan.shards.map { " \($0)" } ?? ""
        return ["The vector index \(index) is used\(shards)."]
      }
      ?? ["No vector index is used: " + plan.reasons.joined(separator: "; ") + "."]
    return (["", "The server's plan:"] + lines + conclusion).map { $0.isEmpty ? "" : "-- \($0)" }.joined(
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

  @OptionGroup(title: "Global options") var global: GlobalOptions

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
      try Output.line(table.rendered)
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

  @Argument(
    help: ArgumentHelp("The statement; 'adbvec sql list' names them.", valueName: "name"),
    completion: .list(LibraryStatement.all.map(\.name))
  )
  var name: String

  @Option(
    help: ArgumentHelp(
      "l2, ip or cosine (default: the index's where the server tells it, else l2).",
      valueName: "name"
    ),
    completion: .metrics
  )
  var metric: String?

  @OptionGroup(title: "Global options") var global: GlobalOptions

  mutating func run() async throws {
    guard let statement = LibraryStatement(name: name) else {
      let known = LibraryStatement.all.map(\.name)
      let near = Suggestion.nearest(to: name, in: known)
      throw CommandFailure(
        "there is no statement \"\(name)\""
          + (near.isEmpty ? "; known: \(known.joined(separator: ", "))" : near),
        exitCode: 64
      )
    }
    let settings = try global.settings([.metric: metric])
    var table = try settings.imageTable()
    table.dialect = try settings.sqlDialect()
    table.metric = try settings.chosenMetric() ?? .l2
    table = await table.known(settings)
    guard table.classType != nil || name == "index_status" else {
      throw CommandFailure(
        "the table \(table.name.quoted) has no column \(table.classColumn.quoted), which the statement names",
        fix: "set class-column in adbvec.yaml to the column of classes"
      )
    }
    try Output.data(try statement.script(for: table.searchTarget, dialect: table.dialect).text)
  }
}

extension ImageTable {
  /// The table with the types and the metric that the configured server tells, and the dialect as the server wants it where
  /// rows lie on workers, or the extension's schema is not on the search path; a server that is not there or is another
  /// changes nothing.
  fileprivate func known(_ settings: Settings) async -> ImageTable {
    guard let server = try? settings.connectionSettings(),
      let connection = try? await PostgresConnection.connect(server)
    else { return self }
    let capabilities = try? await connection.capabilities()
    let found = try? await read(
      dialect: dialect,
      metric: try settings.chosenMetric(),
      from: connection
    )
    await connection.close()
    var known = self
    if let found {
      (known.metric, known.element) = (found.metric, found.element)
      (known.idType, known.classType) = (found.idType, found.classType)
    }
    if let capabilities,
      capabilities.engine.placement == .function
        || capabilities.qualifier(of: dialect.indexExtension.name) != nil
    {
      known.dialect = (try? dialect.checked(against: capabilities)) ?? dialect
    }
    return known
  }
}

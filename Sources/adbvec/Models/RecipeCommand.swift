import ArgumentParser
import CommandSupport
import ImageSearch
import Inference
import Ingestion
import PostgresClient
import VectorSQL

/// `adbvec recipe …`.
struct RecipeCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "recipe",
    abstract: "Show or record what made a table's embeddings.",
    subcommands: [RecipeShow.self, RecipeSet.self]
  )
}

/// `adbvec recipe show`.
struct RecipeShow: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "show",
    abstract: "Print the recorded recipe of the table's embeddings.",
    discussion: """
      The recipe is kept by table and column in adbvec_recipe, in the table's schema. 'embed-load', 'sync' and \
      'recipe set' write it; everything that compares embeddings reads it.
      """
  )

  @Option(help: "text or json.")
  var format = ReportFormat.text

  @OptionGroup(title: "Global options") var global: GlobalOptions

  mutating func run() async throws {
    let settings = try global.settings()
    let table = try settings.imageTable()
    let recorded = try await settings.withConnection { try await table.recordedRecipe(on: $0) }
    guard let recorded else {
      throw CommandFailure(
        "nothing says what made the embeddings of \(table.name.quoted)",
        fix: "adbvec recipe set, with the options that made them"
      )
    }
    switch format {
    case .json: try JSONReport(command: "recipe show", result: recorded.recipe).print()
    case .text:
      var lines = TextTable(["field", "value"])
      for (field, value) in recorded.recipe.fields { lines.append([field.rawValue, value]) }
      try Output.line(lines.rendered)
      if recorded.count > 1 {
        Terminal.warning("loads recorded \(recorded.count) recipes; this is the newest")
      }
    }
  }
}

/// `adbvec recipe set`.
struct RecipeSet: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "set",
    abstract: "Record what made the embeddings of a table that another program filled.",
    discussion: """
      The options are those that would make the same embeddings with 'embed'. No row is read or changed.

        adbvec recipe set --model squeezenet1_1 --feature pooled --normalise
      """
  )

  @OptionGroup(title: "Feature options") var features: FeatureOptions

  @Flag(help: "Replace a recorded recipe that says something else.")
  var replace = false

  @OptionGroup(title: "Global options") var global: GlobalOptions

  mutating func run() async throws {
    let settings = try global.settings(features.flags)
    let table = try settings.imageTable()
    let features = features
    let prepared = try features.prepare(settings, for: nil)
    var recipe = prepared.recipe
    recipe[.metric] = try settings.chosenMetric()?.description
    let (chosen, replaces, dimension) = (recipe, replace, prepared.model.dimension)
    try await settings.withConnection { connection in
      let found = try await VectorTable.read(table.name, vectorColumn: table.vectorColumn, from: connection)
      if let declared = found.column(table.vectorColumn)?.declaredDimension, declared != dimension {
        throw CommandFailure(
          "column \(table.vectorColumn.quoted) of \(table.name.quoted) holds vectors of \(declared) dimensions, and these "
            + "options make \(dimension)",
          fix: "give the --model, --feature and --projection that made them"
        )
      }
      var given = chosen
      given[.metric] =
        given[.metric] ?? found.vectorIndexes.lazy.compactMap(\.metric).first?.description
      let store = try await RecipeStore(table: table.name, column: table.vectorColumn, on: connection)
      if !replaces, let recorded = try await store.read(connection) {
        let differences = recorded.recipe.differences(from: given)
        guard differences.isEmpty else {
          let list = differences.map { "\($0.field.rawValue): \($0.recorded) recorded, \($0.given) given" }
          throw CommandFailure(
            "the recorded recipe of \(table.name.quoted) says something else (\(list.joined(separator: "; ")))",
            fix: "--replace records the given one in its place, when the recorded one is wrong"
          )
        }
      }
      let server = try await connection.capabilities()
      try await store.write(given, distributes: server.canDistribute, on: connection)
    }
    try Output.line("recipe of \(table.name.quoted) recorded")
  }
}

extension Settings {
  /// Runs `body` with a connection to the database in force.
  fileprivate func withConnection<Value: Sendable>(
    _ body: (PostgresConnection) async throws -> Value
  ) async throws -> Value {
    let connection = try await PostgresConnection.connect(try connectionSettings())
    do {
      let value = try await body(connection)
      await connection.close()
      return value
    } catch {
      await connection.close()
      throw error
    }
  }
}

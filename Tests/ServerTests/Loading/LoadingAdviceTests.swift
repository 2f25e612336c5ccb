import Foundation
import ImageSearch
import ImageSources
import Ingestion
import PostgresClient
import Testing
import VectorSQL

/// What a load says when rows are refused: the advice, followed, ends with the right rows.
@Suite(.serialized)
struct LoadingAdviceTests {
  /// A table with one row, 150, and a source of 300 rows.
  private func load(
    _ columns: String,
    before: String = "",
    class label: @escaping (Int) -> String = { "c\($0 % 7)" },
    rows: Int = 300,
    _ body: (Fixture) async throws -> Void
  ) async throws {
    try await ScratchSchema.with { connection, schema in
      let table = QualifiedName(schema: try Identifier(validating: schema), name: "image_search")
      let setUp = before.replacing("SCHEMA", with: schema)
      try await connection.run(
        trusted: "\(setUp); CREATE TABLE \(table.quoted) (\(columns.replacing("SCHEMA", with: schema)))"
      )
      let file = try TemporaryFile((0..<rows).map { "\($0)|\(label($0))|{\($0),1}\n" }.joined())
      try await body(Fixture(connection: connection, schema: schema, table: table, file: file))
    }
  }

  private struct Fixture {
    let connection: PostgresConnection
    let schema: String
    let table: QualifiedName
    let file: TemporaryFile

    func run(
      _ policy: LoadOptions.ConflictPolicy?,
      _ continuation: LoadOptions.Continuation = .ask,
      recipe: Recipe? = nil
    ) async throws -> LoadReport {
      var options = LoadOptions()
      options.recipe = recipe
      options.batchRows = 100
      (options.onConflict, options.continuation) = (policy, continuation)
      return try await Loader(
        settings: ScratchSchema.settings(),
        target: LoadTarget(table: table),
        options: options
      ).run(FileBatchSource(FeatureSource(path: file.path)))
    }

    /// What a run that fails says.
    func refusal(_ policy: LoadOptions.ConflictPolicy?, _ continuation: LoadOptions.Continuation = .ask) async
      -> String
    {
      do {
        return "no error: \(try await run(policy, continuation))"
      } catch {
        return "\(error)"
      }
    }

    func sql(_ text: String) async throws { try await connection.run(trusted: text) }

    func rows() async throws -> [String?] {
      try await connection.run(trusted: "SELECT count(*), count(DISTINCT id) FROM \(table.quoted)")[0].rows[0]
    }
  }

  private let usual = "id int PRIMARY KEY, class text, image_vector real[]"

  @Test func anIDThatIsThereIsSkippedWhenTheLoadGoesOn() async throws {
    try await load(usual) { load in
      try await load.sql("INSERT INTO \(load.table.quoted) VALUES (150, 'x', '{1,1}')")
      #expect(
        await load.refusal(.fail).hasSuffix(
          "100 rows are committed; --resume --on-conflict skip goes on and leaves rows that are there as they are, update "
            + "replaces them)"
        )
      )
      let report = try await load.run(.skip, .resume)
      #expect(report.counts.loaded == 299 && report.counts.skipped == 1)
      #expect(try await load.rows() == ["300", "300"])
    }
  }

  @Test func anIDOfAPartitionIsNamedByThePartitionsIndex() async throws {
    try await load(usual) { load in
      try await load.sql(
        """
        DROP TABLE \(load.table.quoted);
        CREATE TABLE \(load.table.quoted) (\(usual)) PARTITION BY RANGE (id);
        CREATE TABLE \(load.schema).low PARTITION OF \(load.table.quoted) FOR VALUES FROM (0) TO (1000);
        INSERT INTO \(load.table.quoted) VALUES (150, 'x', '{1,1}')
        """
      )
      #expect(await load.refusal(.fail).contains("--resume --on-conflict skip goes on"))
      _ = try await load.run(.update, .resume)
      #expect(try await load.rows() == ["300", "300"])
    }
  }

  @Test func aRuleOfTheTableIsCorrectedBeforeGoingOn() async throws {
    try await load(usual + ", CONSTRAINT few CHECK (id < 150)") { load in
      #expect(
        await load.refusal(.fail).hasSuffix(
          "; correct the table and go on with --resume, or correct the source, then load it with --restart --on-conflict "
            + "skip)"
        )
      )
      try await load.sql("ALTER TABLE \(load.table.quoted) DROP CONSTRAINT few")
      #expect(try await load.run(nil, .resume).counts.loaded == 300)
      #expect(try await load.rows() == ["300", "300"])
    }
  }

  @Test(arguments: [
    ("SCHEMA.mood", "is not a value of the class column's enumeration"),
    ("varchar(5)", "longer than the 5 characters of the class column"),
    ("character(5)", "longer than the 5 characters of the class column"),
    ("SCHEMA.short", "longer than the 5 characters of the class column"),
    ("SCHEMA.feeling", "is not a value of the class column's enumeration"),
  ])
  func aClassThatTheColumnRefusesIsFoundBeforeItIsSent(type: String, reason: String) async throws {
    let types = """
      CREATE TYPE SCHEMA.mood AS ENUM ('good', 'bad'); CREATE DOMAIN SCHEMA.short AS varchar(5);
      CREATE DOMAIN SCHEMA.feeling AS SCHEMA.mood
      """
    for wrong in [0, 150] {
      try await load(
        "id int PRIMARY KEY, class \(type), image_vector real[]",
        before: types,
        class: { $0 == wrong ? "héllös" : "good" }
      ) { load in
        let said = await load.refusal(nil)
        #expect(said.contains("the class of id \(wrong)") && said.contains(reason), "\(said)")
        #expect(!said.contains("héllös") && !said.contains("go on with --resume"))
        #expect(try await load.rows()[0] == (wrong == 0 ? "0" : "100"))
        guard wrong > 0 else { return }
        try load.file.write((0..<300).map { "\($0)|good|{\($0),1}\n" }.joined())
        #expect(said.hasSuffix("; correct the source, then load it with --restart --on-conflict skip)"))
        _ = try await load.run(.skip, .restart)
        #expect(try await load.rows() == ["300", "300"])
      }
    }
  }

  /// Four letters and spaces behind them fit: PostgreSQL drops the spaces.
  @Test func aClassAsLongAsItsColumnIsLoaded() async throws {
    try await load(
      "id int PRIMARY KEY, class varchar(4), image_vector real[]",
      class: { $0 == 1 ? "\"äöüß   \"" : "abcd" }
    ) { load in
      #expect(try await load.run(nil).counts.loaded == 300)
      let answer = try await load.connection.run(
        trusted: "SELECT class FROM \(load.table.quoted) WHERE id = 1"
      )
      #expect(answer[0].rows == [["äöüß"]])
    }
  }

  @Test(arguments: [
    ("id bigint GENERATED ALWAYS AS (n + 1) STORED UNIQUE, n int, class text, image_vector real[]", "id"),
    (
      "id int PRIMARY KEY, class text, n real[], image_vector real[] GENERATED ALWAYS AS (n) STORED",
      "image_vector"
    ),
  ])
  func aGeneratedColumnIsRefused(columns: String, column: String) async throws {
    try await load(columns) { load in
      let said = await load.refusal(nil)
      #expect(said.hasPrefix("column \"\(column)\" of ") && said.contains("is generated by the server"))
      #expect(said.contains("-column in adbvec.yaml"))
    }
  }

  @Test func aGeneratedClassIsLeftToTheServer() async throws {
    try await load(
      "id int PRIMARY KEY, class text GENERATED ALWAYS AS ('c' || id) STORED, image_vector real[]"
    ) { load in
      let report = try await load.run(nil)
      #expect(report.counts.loaded == 300)
      #expect(
        report.warnings.contains { $0.contains("generated by the server; classes of the source are left") }
      )
    }
  }

  @Test func anotherPolicyForAFinishedLoadIsAnswered() async throws {
    try await load(usual) { load in
      _ = try await load.run(nil)
      #expect(try await load.run(.fail).warnings.isEmpty)
      let again = try await load.run(.update)
      #expect(again.wasFinished)
      #expect(
        again.warnings.contains { $0.contains("--restart --on-conflict update writes every row again") }
      )
      try await load.sql("UPDATE \(load.table.quoted) SET class = 'x'")
      #expect(try await load.run(.update, .restart).counts.replaced == 300)
    }
  }

  /// Vectors of one length from two models: only the recipe tells them apart.
  @Test func anotherRecipeIsRefusedBeforeAnythingIsWritten() async throws {
    try await load(usual) { load in
      let recipe = Recipe([.architecture: "a", .weights: "1a2b", .normalise: "no"])
      #expect(try await load.run(nil, recipe: recipe).counts.loaded == 300)
      try load.file.write((300..<310).map { "\($0)|x|{\($0),1}\n" }.joined())
      for (field, value) in [(Recipe.Field.weights, "ffff"), (.normalise, "yes"), (.architecture, "b")] {
        var other = recipe
        other[field] = value
        let refused = await #expect(throws: RecipeMismatch.self) {
          try await load.run(.skip, .restart, recipe: other)
        }
        #expect(refused?.differences.map(\.field) == [field])
        #expect(try await load.rows() == ["300", "300"])
      }
      // What an earlier version recorded is the beginning of today's digest.
      var same = recipe
      same[.weights] = "1a2b3c4d.9f86d081"
      #expect(try await load.run(.skip, .restart, recipe: same).counts.loaded == 10)
      #expect(try await load.rows() == ["310", "310"])
    }
  }

  /// A file of vectors does not say what made them.
  @Test func vectorsOfAFileBesideThoseOfARecipeAreWarnedOf() async throws {
    try await load(usual) { load in
      let recipe = Recipe([.architecture: "squeezenet1_1", .feature: "pooled"])
      #expect(try await load.run(nil, recipe: recipe).warnings.isEmpty)
      let more = try TemporaryFile("900|x|{1,2}\n")
      let file = Fixture(connection: load.connection, schema: load.schema, table: load.table, file: more)
      let warning = try #require(try await file.run(nil).warnings.first)
      #expect(warning.hasPrefix("nothing says what made the vectors of \(more.path), and those of"))
      #expect(warning.contains("are of squeezenet1_1, pooled: unless they were made alike"))
      #expect(try await file.run(nil).warnings.isEmpty)
    }
  }

  @Test func domainsAreTheTypesThatTheyAreMadeOf() async throws {
    try await load(
      "id SCHEMA.number PRIMARY KEY, class SCHEMA.name, image_vector SCHEMA.numbers",
      before: """
        CREATE DOMAIN SCHEMA.number AS bigint CHECK (VALUE >= 0); CREATE DOMAIN SCHEMA.name AS text NOT NULL;
        CREATE DOMAIN SCHEMA.numbers AS real[]
        """
    ) { load in
      #expect(try await load.run(nil).counts.loaded == 300)
      try load.file.write((0..<9).map { "\($0)|x|{\($0),2}\n" }.joined())
      #expect(try await load.run(.update, .restart).counts.replaced == 9)
    }
  }
}

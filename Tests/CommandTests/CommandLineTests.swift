import Foundation
import TestSupport
import Testing
import VectorSQL

/// What holds for every command: where global options stand, unknown commands, numbers out of range, output that cannot
/// be written, and one JSON schema.
@Suite struct CommandLineTests {
  /// A command with its standard output in a file or device.
  private func run(_ words: String, to output: String, folder: String? = nil) async throws -> Finished {
    try await Program.run(
      "/bin/sh",
      ["-c", "\"$0\" \(words) \(output)", Program.adbvec],
      folder: folder
    )
  }

  @Test(arguments: [
    ("serch", "search"), ("serch --help", "search"), ("migrate upp", "up"), ("migrate upp --help", "up"),
    ("help migrat", "migrate"), ("db strat", "start"), ("--quiet modles list", "models"),
  ])
  func unknownCommandIsAnErrorWithASuggestion(_ words: String, _ meant: String) async throws {
    let finished = try await Program.run(Program.adbvec, words.split(separator: " ").map(String.init))
    #expect(finished.exitCode == 64)
    #expect(finished.output.isEmpty)
    #expect(finished.error.hasSuffix("did you mean \(meant)?\n"), "\(finished.error)")
  }

  @Test(arguments: ["search", "sql query"])
  func anImageWithoutItsOptionIsToldTheOption(_ command: String) async throws {
    let words = command.split(separator: " ").map(String.init) + ["my cat.jpg"]
    let finished = try await Program.run(Program.adbvec, words)
    #expect(finished.exitCode == 64 && finished.output.isEmpty)
    #expect(finished.error.contains("Fix: --image 'my cat.jpg'"), "\(finished.error)")
  }

  @Test(arguments: [["up"], ["plan"]])
  func aParameterGivenAsAnOptionIsToldItsOption(_ words: [String]) async throws {
    for (program, command) in [(Program.adbvec, ["migrate"] + words), (Program.adbvecMigrate, words)] {
      let finished = try await Program.run(program, command + ["--dim", "1000"])
      #expect(finished.exitCode == 64 && finished.output.isEmpty)
      #expect(finished.error.hasPrefix("error: Unknown option '--dim'."), "\(finished.error)")
      #expect(finished.error.contains("\nFix: a parameter of the migrations is set by --set dim=VALUE\n"))
    }
  }

  @Test func aMisspeltHelpIsToldApartFromAParameter() async throws {
    let finished = try await Program.adbvec("migrate", "up", "--hepl")
    #expect(finished.exitCode == 64)
    #expect(
      finished.error.hasPrefix("error: Unknown option '--hepl'; did you mean --help?\nFix: "),
      "\(finished.error)"
    )
  }

  @Test func unknownCommandThatResemblesNoneNamesTheHelp() async throws {
    let finished = try await Program.adbvec("frobnicate", "--help")
    #expect(finished.exitCode == 64 && finished.output.isEmpty)
    #expect(
      finished.error
        == "error: adbvec has no command \"frobnicate\". Fix: 'adbvec --help' lists the commands\n"
    )
  }

  @Test(arguments: [
    ("search --ids 1", "--ids"), ("sql query --imgae x.png", "--imgae"), ("search", "give one of --id,"),
  ])
  func aMisspeltOptionIsNamedBeforeWhatIsMissing(_ words: String, _ named: String) async throws {
    let finished = try await Program.run(Program.adbvec, words.split(separator: " ").map(String.init))
    #expect(finished.exitCode == 64 && finished.error.contains(named), "\(finished.error)")
  }

  @Test func globalOptionsStandBeforeAndBehindTheCommand() async throws {
    let before = ["--dialect", "analyticdb", "config", "--table=a.b", "show", "--quiet"]
    let finished = try await Program.run(Program.adbvec, before)
    #expect(finished.exitCode == 0, "\(finished.error)")
    let origins = finished.output.split(separator: "\n").filter { $0.contains("--") }
      .map { $0.split(separator: " ").map(String.init) }
    #expect(origins.contains(["dialect", "analyticdb", "--dialect"]))
    #expect(origins.contains(["table", "a.b", "--table"]))
    let behind = ["config", "show", "--dialect", "analyticdb", "--table=a.b", "--quiet"]
    #expect(try await Program.run(Program.adbvec, behind).output == finished.output)
  }

  @Test(arguments: [
    "migrate up --count=-1", "migrate up --count=0", "migrate plan --offline --count=-5", "migrate down 0",
    "migrate redo 0", "migrate redo -- -3", "migrate up --attempts=0", "migrate lint --page-size=1000",
    "migrate lint --product-version=-1", "migrate up --count=99999999999999999999",
    "migrate wait --timeout=99999999999999999999h", "migrate up --lock-wait=-5s", "search --id 1 -k 0",
    "search --id 1 --ef-search=-1", "search --id 1 -k 99999999999999999999", "search --id 1 --columns 0",
    "search --id 1 --cell-size=9223372036854775807", "images show /tmp --count=-1", "serve --port=70000",
    "serve --max-upload=9223372036854775807", "serve --max-megapixels=-1", "sandbox --port=-1",
    "embed-load /tmp --limit=-1", "embed-load /tmp --workers=0", "load /dev/null --batch=-1",
    "load /dev/null --rate-limit=-1", "load /dev/null --delimiter=ab", "load /dev/null --delimiter=é",
    "load /dev/null --rate-limit=nan", "load /dev/null --connections=0",
    "doctor --sample=-1", "doctor --min-recall=nan", "doctor --top-k=9223372036854775807",
    "projection fit /tmp -o x.safetensors --dimensions=-1",
    "projection fit /tmp -o x.safetensors --shrinkage=2",
    "projection fit /tmp -o x.safetensors --learning-rate=nan", "evaluate /tmp --sample=-1",
    "evaluate /tmp --recall-at=0", "evaluate /tmp --recall-at=99999999999999999999",
  ])
  func numberOutOfRangeIsWrongUsage(_ words: String) async throws {
    let finished = try await Program.run(Program.adbvec, words.split(separator: " ").map(String.init))
    #expect(finished.exitCode == 64, "\(finished.exitCode) \(finished.error)")
    #expect(finished.error.hasPrefix("error: "))
  }

  @Test(
    .enabled(if: FileManager.default.fileExists(atPath: "/dev/full"), "there is no /dev/full"),
    arguments: [
      "--help", "--version", "help migrate", "--generate-completion-script bash", "config show",
      "config show --format json", "migrate plan --offline", "migrate render", "migrate validate --offline",
      "migrate lint --rules", "sql list", "sql show recall", "sql query --id 0 --offline", "models list",
      "models list --format json", "models verify --format json", "db status --format json",
    ]
  )
  func outputThatCannotBeWrittenIsAnError(_ words: String) async throws {
    for (output, reason) in [(">/dev/full", "No space left on device"), (">&-", "Bad file descriptor")] {
      let finished = try await run(words, to: output)
      #expect(finished.exitCode == 1, "\(words) \(output)")
      #expect(finished.error == "error: cannot write to standard output: \(reason)\n", "\(words) \(output)")
    }
  }

  @Test func closedPipeEndsTheCommandQuietly() async throws {
    // The reader ends before the command writes, in either order of their starts.
    let script = "{ sleep 0.2; \"$0\" --generate-completion-script bash; echo $? >&2; } | true"
    let finished = try await Program.run("/bin/sh", ["-c", script, Program.adbvec])
    #expect(finished.error == "141\n")
  }

  @Test(arguments: [
    ("search --id 1", "search", "connection", Int32(5)), ("migrate up", "migrate up", "connection", 5),
    ("sql show recall --dialect oracle", "", "usage", 64), ("search --id 1 -k x", "search", "usage", 64),
    ("projection show /nowhere/x.safetensors", "projection show", "unreadable", 1),
    ("evaluate /etc/passwd", "evaluate", "unknown_format", 1),
  ])
  func errorsAreJSONToo(_ words: String, _ command: String, _ code: String, _ exitCode: Int32) async throws {
    struct Report: Decodable {
      struct Entry: Decodable {
        let code: String
        let message: String
        let fix: String?
      }
      let schema: Int
      let command: String
      let errors: [Entry]
    }
    let arguments = words.split(separator: " ").map(String.init) + ["--format", "json"]
    let finished = try await Program.run(Program.adbvec, arguments)
    #expect(finished.exitCode == exitCode)
    guard !command.isEmpty else { return }
    let report = try JSONDecoder.ofReports.decode(Report.self, from: Data(finished.output.utf8))
    #expect(report.schema == 1 && report.command == command && report.errors.count == 1)
    #expect(code.isEmpty || report.errors[0].code == code)
    #expect(!report.errors[0].message.contains("Fix: "))
    let shown = report.errors[0].message + (report.errors[0].fix.map { ". Fix: \($0)" } ?? "")
    #expect(finished.error.hasPrefix("error: \(shown)\n"))
  }

  @Test(arguments: [
    ("search --id 1 --grid x.webp", "x.png"), ("search --id 1 --html x.png", "x.html"),
    ("images show /tmp --output x", "x.png"), ("evaluate /tmp --plot x.svg", "x.png"),
    ("projection fit /tmp --output x.npy", "x.safetensors"), ("embed /tmp --output x.parquet", ".npy"),
    ("unload x.safetensors", ".npy"), ("search --id 1 --grid /nowhere/x.png", "/nowhere"),
    ("projection fit /tmp --output /nowhere/x.safetensors", "/nowhere"),
    ("embed /tmp -o /nowhere/x.npy", "/nowhere"),
    ("unload /nowhere/x.npy", "/nowhere"), ("unload /tmp", "Is a directory"),
  ])
  func outputFileIsRefusedBeforeTheWork(_ words: String, _ named: String) async throws {
    let finished = try await Program.run(Program.adbvec, words.split(separator: " ").map(String.init))
    #expect(finished.exitCode == 64, "\(finished.error)")
    #expect(finished.error.contains(named), "\(finished.error)")
    #expect(!finished.error.contains("Error Domain"))
  }

  @Test func misspeltDialectIsRefused() async throws {
    for command in ["migrate up", "migrate plan", "migrate validate", "search --id 1", "db start"] {
      let words = command.split(separator: " ").map(String.init) + ["--dialect", "pgvectr"]
      let finished = try await Program.run(Program.adbvec, words)
      #expect(finished.exitCode == 64, "\(command)")
      #expect(finished.error.contains("pgvector"), "\(finished.error)")
    }
  }

  /// Scripts written for version 1 say --format and --labels.
  @Test(arguments: [
    ["embed", "x", "-o", "-", "--format"], ["unload", "-", "--format"], ["embed-load", "x", "--labels"],
  ])
  func namesOfVersionOneAreStillTaken(words: [String]) async throws {
    let finished = try await Program.run(Program.adbvec, words + ["there is no such"])
    #expect(!finished.error.contains("Unknown option"), "\(finished.error)")
    #expect(finished.exitCode != 0)
  }

  /// Where pgvector lies outside the search path, as on Supabase.
  @Test func readyMadeStatementsRunWhereTheExtensionHasASchemaOfItsOwn() async throws {
    try await TestServer.withDatabase(extensions: []) { database in
      let made = """
        CREATE SCHEMA ext; CREATE EXTENSION vector SCHEMA ext;
        CREATE TABLE image_search (id int PRIMARY KEY, class text, image_vector ext.vector(3));
        INSERT INTO image_search SELECT i, 'c', ARRAY[i, 1, 2]::real[]::ext.vector FROM generate_series(0, 9) i
        """
      #expect(try await Program.psql(made, on: database).exitCode == 0)
      try await runReadyMadeStatements(on: database) { _, _, _ in }
    }
  }

  /// Runs what 'sql show' prints, of each statement.
  private func runReadyMadeStatements(
    on database: TestDatabase,
    _ look: (_ name: String, _ shown: String, _ rows: String) -> Void
  ) async throws {
    for statement in LibraryStatement.all {
      let shown = try await Program.adbvec("sql", "show", statement.name, database: database)
      #expect(shown.exitCode == 0, "\(shown.error)")
      let run = try await Program.psql(shown.output, on: database)
      #expect(run.exitCode == 0, "\(statement.name): \(run.error)")
      look(statement.name, shown.output, run.output)
    }
  }

  /// Ids, vectors and metrics of the table in force, not of the tutorial's.
  @Test(arguments: [
    ("text", "'k' || i", "vector(3)", "vector_cosine_ops", "<=>"),
    ("uuid", "md5(i::text)::uuid", "halfvec(3)", "halfvec_l2_ops", "::halfvec"),
    ("numeric", "i + 0.5", "sparsevec(3)", "sparsevec_ip_ops", "<#>"),
  ])
  func readyMadeStatementsFitTheTable(
    id: String,
    key: String,
    vector: String,
    operators: String,
    spelling: String
  ) async throws {
    try await TestServer.withDatabase { database in
      let made = """
        CREATE TABLE image_search (id \(id) PRIMARY KEY, class int, image_vector \(vector));
        INSERT INTO image_search SELECT \(key), 5, ARRAY[i, 1, 2]::real[]::vector::\(vector) FROM generate_series(0, 9) i;
        CREATE INDEX ON image_search USING hnsw (image_vector \(operators))
        """
      #expect(try await Program.psql(made, on: database).exitCode == 0)
      try await runReadyMadeStatements(on: database) { name, shown, rows in
        guard name == "nearest_by_vector" else { return }
        #expect(shown.contains(spelling), "\(shown)")
        #expect(rows.split(separator: "\n").count == 10, "\(rows)")
      }
    }
  }

  @Test func aStatementOfClassesNeedsThem() async throws {
    try await TestServer.withDatabase { database in
      let made = "CREATE TABLE image_search (id int PRIMARY KEY, image_vector vector(3))"
      #expect(try await Program.psql(made, on: database).exitCode == 0)
      let shown = try await Program.adbvec("sql", "show", "class_purity", database: database)
      #expect(shown.exitCode == 1 && shown.output.isEmpty)
      #expect(shown.error.contains(#"has no column "class""#), "\(shown.error)")
    }
  }

  /// What lies in the role's settings is not in the command.
  @Test func settingsThatEndACommandAreNamedWithTheWayOut() async throws {
    try await TestServer.withDatabase { database in
      let made = "CREATE TABLE image_search (id int PRIMARY KEY, class text, image_vector vector(1))"
      #expect(try await Program.psql(made, on: database).exitCode == 0)
      let temporary = try TemporaryFolder()
      let file = try temporary.file("row.txt", "1|a|{1}\n")
      let readOnly = try await Program.adbvec(
        "load",
        file,
        database: database,
        environment: ["PGOPTIONS": "-c default_transaction_read_only=on"]
      )
      #expect(readOnly.exitCode == 1)
      #expect(
        readOnly.error.contains(
          "Fix: begin the command with PGOPTIONS='-c default_transaction_read_only=off'"
        )
      )
      let loaded = try await Program.adbvec(
        "load",
        file,
        database: database,
        environment: ["PGOPTIONS": "-c default_transaction_read_only=off"]
      )
      #expect(loaded.exitCode == 0, "\(loaded.error)")
    }
  }

  /// psql takes the encoding of its locale, or of the database, where a script names none.
  @Test func scriptsReadAlikeInEveryLocale() async throws {
    try await TestServer.withDatabase { database in
      let made = """
        CREATE TABLE "bildér" (id text PRIMARY KEY, class text, image_vector vector(2));
        INSERT INTO "bildér" VALUES ('é', 'ü', '[1,2]'), ('ö', 'ü', '[1,3]')
        """
      #expect(try await Program.psql(made, on: database).exitCode == 0)
      let table = ["--table", "bildér", "--database-url", database.url]
      for words in [["sql", "query", "--id", "é", "--class", "ü"], ["sql", "show", "near_duplicates"]] {
        let shown = try await Program.run(Program.adbvec, words + table)
        let rows = try await Program.psql("\\encoding LATIN1\n" + shown.output, on: database)
        #expect(rows.exitCode == 0, "\(rows.error)")
        if words[1] == "query" { #expect(rows.output == "ö|ü|1\n") }
      }
      let folder = try TemporaryFolder()
      _ = try folder.file("0001_t.sql", "-- migrate:up\nCREATE TABLE t AS SELECT 'é' AS v;\n")
      let plan = try await Program.adbvec("migrate", "plan", "--migrations", folder.path, database: database)
      let run = try await Program.psql(
        "\\encoding LATIN1\n" + plan.output + "SELECT length(v) FROM t;\n",
        on: database
      )
      #expect(run.output.hasSuffix("1\n"), "\(run)")
    }
  }

  /// As pg_dump sets it, and some roles keep it.
  @Test func typesAreKnownWhereAllNamesAreQuoted() async throws {
    try await TestServer.withDatabase { database in
      let made = """
        CREATE TABLE image_search (id text PRIMARY KEY, class text, image_vector vector(2));
        INSERT INTO image_search VALUES ('a', 'x', '[1,2]'), ('b', 'y', '[1,3]')
        """
      #expect(try await Program.psql(made, on: database).exitCode == 0)
      let found = try await Program.adbvec(
        "search",
        "--id",
        "a",
        "--class",
        "y",
        "--format",
        "csv",
        database: database,
        environment: ["PGOPTIONS": "-c quote_all_identifiers=on"]
      )
      #expect(found.output.hasSuffix("b,y,1.0\n"), "\(found)")
    }
  }

  @Test func aMetricThatTheColumnLacksIsAnsweredWithOneThatItHas() async throws {
    try await TestServer.withDatabase { database in
      let made = """
        CREATE TABLE image_search (id int PRIMARY KEY, class text, image_vector bit(4));
        INSERT INTO image_search SELECT i, 'c', i::bit(4) FROM generate_series(0, 9) i
        """
      #expect(try await Program.psql(made, on: database).exitCode == 0)
      let found = try await Program.adbvec(
        "search",
        "--id",
        "7",
        "-k",
        "1",
        "--format",
        "csv",
        database: database
      )
      #expect(found.output.hasSuffix(",c,1.0\n"), "\(found)")
      let refused = try await Program.adbvec("search", "--id", "7", "--metric", "l2", database: database)
      #expect(refused.error.hasSuffix("Fix: --metric hamming or jaccard\n"), "\(refused.error)")
      let empty = try await Program.adbvec(
        "search",
        "--id",
        "7",
        "--class",
        "zebra",
        "--format",
        "csv",
        database: database
      )
      #expect(empty.exitCode == 0 && empty.error.contains("no row was found"), "\(empty)")
    }
  }
}

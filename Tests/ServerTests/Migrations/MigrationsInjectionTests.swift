import Migrations
import PostgresClient
import TestSupport
import Testing

/// Hostile values on a server: what is accepted arrives as the value that it is, and a table that they would drop stays.
@Suite(.enabled(if: MigrationsDatabase.isThere, MigrationsDatabase.reason))
struct MigrationsInjectionTests {
  /// Statements that a server runs with every value that is accepted in them.
  private static let places = [
    "INSERT INTO sink VALUES ({{n}}, {{v}});", "COMMENT ON TABLE canary IS {{v}};", "SELECT 1 AS {{v}};",
    "-- {{v}}\nSELECT 1;",
    "/* {{v}} */ SELECT 1; /* {{v}} */", "SELECT '{{v}}';", "SELECT E'\\t{{v}}';", "SELECT $a$ {{v}} $a$;",
    "DO $$ BEGIN PERFORM {{v}}; -- {{v}}\nEND $$;", "DO $$ BEGIN PERFORM 1 AS {{v}}; /* {{v}} */ END $$;",
    "DO $a$ BEGIN EXECUTE $b$ SELECT 1 AS {{v}} $b$; END $a$;", "COPY copied FROM stdin;\n{{v}}\n\\.",
    "COPY copied FROM stdin WITH (FORMAT csv);\n{{v}}\n\\.", "SELECT (ARRAY[1,2])[{{n}}:{{n}}], {{v}};",
    "CREATE TEMP TABLE {{v}} ({{v}} int); DROP TABLE {{v}};",
  ]

  /// The migration of one value: all the places that take it.
  private func migration(_ number: Int, _ kind: String, _ value: String) throws -> Migrator {
    let manifest = "v:\n  type: \(kind)\nn:\n  type: int\n"
    func make(_ places: [String]) throws -> Migrator {
      try migrator(
        ["\(number)_a.sql": "-- migrate:up\n" + places.joined(separator: "\n") + "\n"],
        manifest: manifest,
        parameters: ["v": value, "n": String(number)]
      ) { $0.ignoreDrift = true }
    }
    let unfit = kind == "literal" ? [2, 9, 10, 14] : [0, 1, 8, 13]
    let fitting = Self.places.indices.filter { !unfit.contains($0) }.map { Self.places[$0] }
    return try make(fitting.filter { place in (try? make([place])) != nil })
  }

  private static let tables = """
    CREATE TABLE canary (id int); CREATE TABLE sink (id int, v text); CREATE TABLE copied (v text)
    """

  private func values(_ kind: String) -> [String] {
    kind == "literal" ? HostileValues.all : HostileValues.all.filter { $0.utf8.count <= 63 }
  }

  @Test(arguments: ["identifier", "literal"])
  func `up sends hostile values as values`(kind: String) async throws {
    try await MigrationsDatabase.with { database in
      let connection = try await database.connect()
      _ = try await connection.column(Self.tables)
      let some = values(kind).enumerated().filter { $0.offset % 12 == 0 }
      for (number, value) in some {
        _ = try await migration(number + 1, kind, value).up(on: connection).report
      }
      #expect(try await connection.column("SELECT to_regclass('canary')") == ["canary"])
      if kind == "literal" {
        #expect(try await connection.column("SELECT v FROM sink ORDER BY id") == some.map(\.element))
      }
    }
  }

  @Test(.enabled(if: Psql.path != nil, "psql is missing"), arguments: ["identifier", "literal"])
  func `psql reads 500 plans with hostile values as they are meant`(kind: String) async throws {
    try await MigrationsDatabase.with { database in
      let connection = try await database.connect()
      _ = try await connection.column(Self.tables)
      var script = ""
      for (number, value) in values(kind).enumerated() {
        script += try migration(number + 1, kind, value).planFromNothing().psql
      }
      let variables = ["-v", "PORT=1); DROP TABLE canary; --"]
      let output = try Psql.run(variables, on: database, input: script)
      #expect(!output.contains("ERROR"), "\(output.suffix(400))")
      #expect(try await connection.column("SELECT to_regclass('canary')") == ["canary"])
      let applied = try await connection.column(
        "SELECT count(*) FROM adbvec_migrations WHERE state = 'applied'"
      )
      #expect(applied == [String(values(kind).count)])
      if kind == "literal" {
        #expect(try await connection.column("SELECT v FROM sink ORDER BY id") == values(kind))
      }
    }
  }
}

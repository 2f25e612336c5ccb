import PostgresClient
import Testing
import VectorSQL

/// No value that was sent comes back in an error.
struct RedactionTests {
  /// Statements that PostgreSQL refuses and whose messages, details or contexts quote a value: each holds "secret" or 98765.
  @Test(arguments: [
    "INSERT INTO %.parts VALUES (98765)",
    "INSERT INTO %.spans VALUES ('[98765,98766)'), ('[98765,98767)')",
    "INSERT INTO %.keys VALUES (1, 'secret')",
    "INSERT INTO %.keys VALUES (-1, 'a secret')",
    "SELECT '98765secret'::int", "SELECT '9876598765987659876598765'::int", "SELECT '{secret}'::json",
    "SELECT 'secret'::date", "SELECT '[1,secret]'::vector", "SELECT '{1,secret}'::real[]",
  ])
  func noValueIsShown(statement: String) async throws {
    try await ScratchSchema.with { connection, schema in
      try await connection.run(
        trusted: """
          CREATE TABLE \(schema).parts (id int) PARTITION BY RANGE (id);
          CREATE TABLE \(schema).spans (s int4range, EXCLUDE USING gist (s WITH &&));
          CREATE TABLE \(schema).keys (id int CHECK (id > 0), name text UNIQUE);
          INSERT INTO \(schema).keys VALUES (2, 'secret')
          """
      )
      let text = statement.replacing("%", with: schema)
      let error = await #expect(throws: PostgresError.self) { try await connection.run(trusted: text) }
      let said = [error?.description, error?.message, error?.detail, error?.hint, error?.context]
        .compactMap(\.self).joined(separator: "\n")
      #expect(!said.isEmpty)
      #expect(!said.contains("secret") && !said.contains("98765"), "\(said)")
    }
  }

  /// A parameter that cannot be read is quoted in the context on newer servers.
  @Test func noParameterIsShown() async throws {
    try await ScratchSchema.with { connection, _ in
      try await connection.run("SET log_parameter_max_length_on_error = 100")
      for (text, value) in [
        ("SELECT $1::int", "98765x"), ("SELECT $1::json", "{98765"), ("SELECT $1::inet", "98765"),
      ] {
        let error = await #expect(throws: PostgresError.self) {
          try await connection.query(
            Statement(trusted: text.replacing("$1", with: "$1::text"), binds: [.text(value)])
          )
        }
        let said = [error?.description, error?.detail, error?.hint, error?.context].compactMap(\.self)
          .joined()
        #expect(!said.contains("98765"), "\(said)")
      }
    }
  }
}

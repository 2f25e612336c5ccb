import Basics
import PostgresClient
import Testing
import VectorSQL
import VectorSQLExamples

extension VectorSQLOnServer {
  @Test(
    "hostile names and texts come back as they went in, one statement at a time",
    arguments: VectorSQLServer.dialectNames
  )
  func hostile(_ dialectName: String) async throws {
    let server = try #require(VectorSQLServer.shared)
    let dialect = try #require(VectorSQLServer.dialect(dialectName))
    let connection = try await server.connect(dialectName)
    var random = HostileText(generator: SeededGenerator(seed: 20_261_123))
    for round in 0..<25 {
      let table = QualifiedName(schema: "public", name: try random.identifier(round, "t"))
      let names = try (0..<3).map { try random.identifier(round, "c\($0)") }
      let vector = VectorColumn(names[2], dim: 2)
      let definition = TableDefinition(
        table,
        columns: [.init(names[0], .integer, notNull: true), .init(names[1], .text), .init(vector)],
        primaryKey: [names[0]]
      )
      for statement in try definition.statements(for: dialect) { _ = try await connection.query(statement) }
      let labels = (0..<5).map { _ in random.text() }
      let insert = InsertStatement(
        into: table,
        columns: [.init(names[0]), .init(names[1]), .init(vector)],
        onConflict: .update(key: [names[0]])
      )
      let rows: [[InsertStatement.Cell]] = labels.enumerated().map {
        [.value(.int4(Int32($0.offset))), .value(.text($0.element)), .vector([Float($0.offset), 1])]
      }
      _ = try await connection.query(try insert.statement(rows: rows, for: dialect))
      _ = try await connection.query(try insert.unnestStatement(rows: rows, for: dialect))
      var search = VectorSearch(
        table: table,
        columns: [names[0], names[1]],
        nearest: vector,
        to: .vector([0, 1]),
        by: .l2,
        limit: 10
      )
      search.exact = true
      #expect(try await found(search, connection, dialect) == labels)
      for label in labels {
        search.filters = [Column<String>(names[1]).equals(label)]
        #expect(try await found(search, connection, dialect) == labels.filter { $0 == label })
        let script = try search.script(.psql, for: dialect).text
        #expect(try server.psql(script, dialectName).count >= 1)
      }
      _ = try await connection.run(trusted: "DROP TABLE \(table.quoted)")
    }
    let left = try await connection.query(Statement("SELECT count(*) FROM public.image_search"))
    #expect(try left[0].value(at: 0, as: Int64.self) == 401)
    await connection.close()
  }

  @Test(
    "a search is one statement for the server, for all values",
    arguments: VectorSQLServer.dialectNames
  )
  func statementCount(_ dialectName: String) async throws {
    let server = try #require(VectorSQLServer.shared)
    let dialect = try #require(VectorSQLServer.dialect(dialectName))
    let connection = try await server.connect(dialectName)
    var search = imageSearch(to: .vector(probe))
    search.filters = [
      Column<String>("class").equals("x'; SELECT 1; --"), Column<String>("class").isNot("$1; SELECT 1"),
    ]
    _ = try await connection.query(Statement("SELECT pg_stat_statements_reset()"))
    _ = try await connection.query(try search.rendered(for: dialect).query)
    let calls = try await connection.query(
      Statement(
        """
        SELECT sum(calls)::bigint FROM pg_stat_statements AS s JOIN pg_database AS d ON d.oid = s.dbid \
        WHERE datname = current_database() AND query NOT LIKE '%pg_stat_statements%' \
        AND query NOT IN ('BEGIN', 'COMMIT') AND query NOT LIKE 'SET LOCAL hnsw.%'
        """
      )
    )
    #expect(try calls[0].value(at: 0, as: Int64.self) == 1)
    await connection.close()
  }

  private func found(
    _ search: VectorSearch,
    _ connection: PostgresConnection,
    _ dialect: Dialect
  ) async throws -> [String] {
    try await connection.query(try search.rendered(for: dialect).query).map {
      try $0.value(at: 1, as: String.self)
    }
  }
}

/// Names and texts that break what does not quote them, the same in every run.
struct HostileText {
  var generator: SeededGenerator

  mutating func next(_ bound: Int) -> Int {
    Int(generator.next() % UInt64(bound))
  }

  private static let pieces = [
    "'", "''", "\"", "\"\"", "\\", "$1", "$$", "$tag$", ";", "--", "/*", "*/", "`id`", ":id", ":'id'", "%s",
    "\n", "\r\n",
    "\t", " ", "é", "漢", "😀", "\u{202e}", "e\u{301}", "NULL", "DROP TABLE", "\\x00", "\\! ls", "E'", "U&'",
    "{", "}", "[1]",
    ",", "(", ")", "::", "\u{feff}", "\u{7f}", "\u{1}", "a",
  ]

  mutating func text() -> String {
    (0..<next(12)).map { _ in Self.pieces[next(Self.pieces.count)] }.joined()
  }

  /// A name of at most 63 bytes; the round and the role keep it from meeting another.
  mutating func identifier(_ round: Int, _ role: String) throws -> Identifier {
    var name = "\(role)\(round)"
    for character in text().unicodeScalars
    where name.utf8.count + String(character).utf8.count <= Identifier.maximumBytes {
      name.unicodeScalars.append(character)
    }
    return try Identifier(validating: name)
  }
}

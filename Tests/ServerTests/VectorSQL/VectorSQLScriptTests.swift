import PostgresClient
import Testing
import VectorSQL
import VectorSQLExamples

extension VectorSQLOnServer {
  @Test(
    "psql, PREPARE and constants give the rows of the bound search",
    arguments: VectorSQLServer.dialectNames,
    [SQLScript.Form.psql, .prepare, .literal]
  )
  func forms(_ dialectName: String, _ form: SQLScript.Form) async throws {
    let server = try #require(VectorSQLServer.shared)
    let dialect = try #require(VectorSQLServer.dialect(dialectName))
    let connection = try await server.connect(dialectName)
    for search in Self.searches {
      let bound = try search.rendered(for: dialect)
      let rows = try await connection.transaction { connection in
        for setting in bound.settings { _ = try await connection.query(setting) }
        return try await connection.query(bound.query)
      }
      let expected = try rows.map { row in
        [
          String(try row.value(at: 0, as: Int32.self)), try row.value(at: 1, as: String.self),
          "\(try row.value(at: 2, as: Double.self))",
        ]
      }
      let lines = try server.psql(try search.script(form, for: dialect, comment: "a\nb").text, dialectName)
      let printed = lines.map { $0.split(separator: "|").map(String.init) }
      #expect(printed.map { $0.prefix(2) } == expected.map { $0.prefix(2) })
      #expect(printed.map { Double($0[2]) } == expected.map { Double($0[2]) })
      #expect(!expected.isEmpty)
    }
    await connection.close()
  }

  private static var searches: [VectorSearch] {
    var byVector = imageSearch(
      to: .vector([0.1, 1e-7, 16_777_216, -3.4e38, 0.3, Float.leastNonzeroMagnitude, 0.1, 7])
    )
    byVector.exact = true
    var filtered = imageSearch(to: .row(key: "id", value: .int8(5)))
    filtered.filters = [
      Column<String>("class").equals("it's"), Column<String>("class").isNot(":id \\ `id` \\! '$1' \n--"),
      Column<Int64>("id").isIn([3, 7, 11, 15]), Column<Int64>("id").isGreater(than: -1),
    ]
    filtered.settings.efSearch = 100
    var within = imageSearch(to: .vector(probe), by: .cosine)
    within.maximumDistance = 0.9
    return [imageSearch(to: .row(key: "id", value: .int8(5))), byVector, filtered, within]
  }

  @Test("each statement of the library runs through psql", arguments: VectorSQLServer.dialectNames)
  func library(_ dialectName: String) throws {
    let server = try #require(VectorSQLServer.shared)
    let dialect = try #require(VectorSQLServer.dialect(dialectName))
    for statement in LibraryStatement.all {
      let script = try statement.script(dialect: dialect).text
      let variables = statement.name == "near_duplicates" ? ["radius": "1.2"] : [:]
      let lines = try server.psql(script, dialectName, variables: variables)
      #expect(!lines.isEmpty, "\(statement.name) found nothing")
    }
  }

  @Test("the library's answers are right", arguments: VectorSQLServer.dialectNames)
  func answers(_ dialectName: String) throws {
    let server = try #require(VectorSQLServer.shared)
    let dialect = try #require(VectorSQLServer.dialect(dialectName))
    func run(_ name: String, _ variables: [String: String] = [:]) throws -> [[String]] {
      let statement = try #require(LibraryStatement(name: name))
      return try server.psql(try statement.script(dialect: dialect).text, dialectName, variables: variables)
        .map { $0.split(separator: "|", omittingEmptySubsequences: false).map(String.init) }
    }
    let truth = Oracle.nearest(to: ExampleTables.vector(9), by: .l2).map { String($0.id) }
    #expect(try run("nearest_exact", ["id": "9", "top_k": "6"]).map { $0[0] } == Array(truth.prefix(6)))
    #expect(try run("nearest_by_vector", ["top_k": "1"]).map { $0[0] } == ["0"])
    #expect(try run("nearest_filtered", ["id": "9", "class": "lamp"]).allSatisfy { $0[1] == "lamp" })
    #expect(try Double(#require(run("recall").first?[1])).map { $0 > 0.8 && $0 <= 1 } == true)
    let pairs = try run("near_duplicates", ["radius": "1.2"])
    #expect(pairs.allSatisfy { (Int($0[0]) ?? 0) < (Int($0[2]) ?? 0) })
    #expect(try run("table_health").first?.prefix(5) == ["401", "400", "5", "8", "8"])
    let indexes = try run("index_status").map { $0[0] }
    #expect(indexes.contains("image_vector_index"))
  }
}

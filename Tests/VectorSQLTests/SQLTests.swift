import Testing
import VectorSQL
import VectorSQLExamples

@Suite("Fragments")
struct SQLTests {
  @Test("only literals and identifiers become text; everything else is bound")
  func interpolation() throws {
    let table: Identifier = "products"
    let userInput = "'; DROP TABLE products; --"
    let sql: SQL = """
      SELECT \(id: "id") FROM \(id: table) WHERE \(id: "price") > \(99.5) AND \(id: "name") = \(userInput)
      """
    let statement = try sql.rendered(for: .pgvector)
    #expect(
      statement.text == """
        SELECT "id" FROM "products" WHERE "price" > $1 AND "name" = $2
        """
    )
    #expect(statement.binds == [.float8(99.5), .text(userInput)])
  }

  @Test("fragments nest, and parameters are numbered only at the end")
  func nesting() throws {
    let condition: SQL = "a = \(1) OR b = \(true)"
    let whole: SQL = "SELECT \(Int32(7)) WHERE \(condition) LIMIT \(10)"
    let statement = try whole.rendered(for: .pgvector)
    #expect(statement.text == "SELECT $1 WHERE a = $2 OR b = $3 LIMIT $4")
    #expect(statement.binds == [.int4(7), .int8(1), .bool(true), .int8(10)])
  }

  @Test("equal vectors are sent once")
  func vectorsOnce() throws {
    let sql: SQL = "SELECT v <-> \(probe) FROM t ORDER BY v <-> \(probe), w <-> \([1, 2] as [Float])"
    let statement = try sql.rendered(for: .pgvector)
    #expect(statement.text == "SELECT v <-> $1::vector FROM t ORDER BY v <-> $1::vector, w <-> $2::vector")
    #expect(statement.binds == [.vector(probe), .vector([1, 2])])
    #expect(try sql.rendered(for: .analyticDB).text.contains("$1::real[]"))
  }

  @Test("the text does not depend on the values")
  func textIsShape() throws {
    func text(_ price: Double, _ name: String) throws -> String {
      try ("a < \(price) AND b = \(name)" as SQL).rendered(for: .pgvector).text
    }
    #expect(try text(1, "x") == text(.infinity, "1 OR 1=1"))
  }

  @Test("trusted text stays as it is")
  func trusted() throws {
    #expect(try SQL(trusted: "SELECT '$1'").rendered(for: .pgvector) == Statement("SELECT '$1'"))
  }
}

@Suite("Expressions keep their meaning")
struct ExpressionTests {
  @Test("an expression is parenthesised where it is compared")
  func parentheses() throws {
    let either = Expression<Bool>("\(id: "own") OR \(id: "shared")")
    let condition = Condition.all([either.equals(true), Column<Int>("tenant").equals(7)])
    #expect(
      try condition.sql.rendered(for: .pgvector).text == #"("own" OR "shared") = $1 AND "tenant" = $2"#
    )
    #expect(try either.isNull.sql.rendered(for: .pgvector).text == #"("own" OR "shared") IS NULL"#)
    let sum = Expression<Int>("\(id: "a") + 1")
    #expect(
      try Column<Int>("b").isLess(than: sum).sql.rendered(for: .pgvector).text == #""b" < ("a" + 1)"#
    )
    #expect(
      try Column<JSONDocument>("d").text(at: "k").equals("v").sql.rendered(for: .pgvector).text
        == #"("d" ->> $1) = $2"#
    )
  }

  @Test(
    "a bound value is refused where it would order or group by a constant",
    arguments: [
      "SELECT 1 ORDER BY \("name")", "SELECT 1 ORDER BY \(id: "a"), \("name")", "SELECT 1\nGROUP BY \(3)",
      "SELECT row_number() OVER (ORDER BY \("x"))",
    ] as [SQL]
  )
  func constantKeys(_ sql: SQL) {
    #expect(throws: RenderingError.self) { try sql.rendered(for: .pgvector) }
  }

  @Test(
    "a bound value elsewhere is not",
    arguments: [
      "SELECT 1 ORDER BY f(\(id: "a"), \("x"))", "SELECT 1 ORDER BY \(id: "a") LIMIT \(3)",
      "SELECT a FROM b WHERE c IN (\(1), \(2))", "SELECT 1 ORDER BY \(id: "a") <-> \([1, 2] as [Float])",
    ] as [SQL]
  )
  func valuesElsewhere(_ sql: SQL) throws {
    #expect(try !sql.rendered(for: .pgvector).binds.isEmpty)
  }
}

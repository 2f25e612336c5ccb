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

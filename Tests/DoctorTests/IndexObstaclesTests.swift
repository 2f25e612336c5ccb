import Doctor
import Testing
import VectorSQL

/// Statements that people write, and why no vector index serves them.
@Suite struct IndexObstaclesTests {
  private func obstacles(_ sql: String, _ dialect: Dialect = .pgvector) -> [String] {
    IndexObstacles(sql, dialect: dialect, column: "v").obstacles.map(\.message)
  }

  @Test(arguments: [
    "SELECT id FROM t ORDER BY v <-> $1 LIMIT 10",
    "SELECT id, l2_distance(v, $1) AS distance FROM t ORDER BY v <-> $1::real[] LIMIT 20",
    "SELECT * FROM (SELECT id, v <-> $1 AS d FROM t ORDER BY v <-> $1 LIMIT 10) s ORDER BY d DESC",
    "SELECT id FROM t ORDER BY id",
    "SELECT id FROM t WHERE note = 'ORDER BY l2_distance(v, q) DESC' ORDER BY v <=> '[1,2]' LIMIT 3",
  ])
  func healthy(_ sql: String) {
    #expect(obstacles(sql).isEmpty)
  }

  @Test func descending() {
    #expect(
      obstacles("SELECT id FROM t ORDER BY v <#> $1 DESC LIMIT 10")
        == ["ORDER BY … DESC asks for the farthest rows, which no index serves"]
    )
  }

  @Test(arguments: [
    "SELECT id FROM t ORDER BY l2_distance(v, $1) LIMIT 10",
    "SELECT id, L2_Distance(v, $1) AS l2_distance FROM t ORDER BY l2_distance LIMIT 10",
  ])
  func function(_ sql: String) {
    #expect(obstacles(sql) == ["ORDER BY l2_distance is a function; an index serves an operator only"])
  }

  @Test func aliasOfAFunction() {
    #expect(
      obstacles("SELECT id, cosine_distance(v, $1) AS score FROM t ORDER BY score LIMIT 10")
        == ["ORDER BY score is a function; an index serves an operator only"]
    )
  }

  @Test func operatorInsideAnExpression() {
    #expect(
      obstacles("SELECT id FROM t ORDER BY sqrt(v <-> $1) LIMIT 10")
        == ["the operator <-> is inside another expression; an index serves the operator alone"]
    )
  }

  @Test func withoutLimit() {
    #expect(obstacles("SELECT id FROM t ORDER BY v <-> $1") == ["without LIMIT every row is sorted"])
  }

  @Test func offsetAndSecondKeyOnAnalyticDBOnly() {
    let offset = "SELECT id FROM t ORDER BY v <-> $1 LIMIT 10 OFFSET 20"
    #expect(obstacles(offset).isEmpty)
    #expect(obstacles(offset, .analyticDB) == ["OFFSET 20: AnalyticDB has no OFFSET for vector searches"])
    let second = "SELECT id FROM t ORDER BY v <-> $1, id LIMIT 10"
    #expect(obstacles(second).isEmpty)
    #expect(
      obstacles(second, .analyticDB) == ["a second sort key: AnalyticDB's index orders by the distance alone"]
    )
  }
}

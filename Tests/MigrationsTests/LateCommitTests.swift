import Migrations
import Testing

/// Which commits of a run wait for the disk: the last, and with it all before it.
@Suite struct LateCommitTests {
  private let files = [
    "1_a.sql": "-- migrate:up\nCREATE TABLE a (id int);\n",
    "2_b.sql": "-- migrate:up\nCREATE TABLE b (id int);\n",
  ]
  private let late = "SET LOCAL synchronous_commit = off"

  @Test func `All transactions but the last commit without waiting for the disk`() throws {
    let plan = try migrator(files).planFromNothing()
    #expect(plan.opening.contains(late))
    #expect(
      plan.migrations[0].messages.map(\.sql).prefix(3) == ["BEGIN", late, "SET LOCAL lock_timeout = 5000"]
    )
    #expect(!plan.migrations[1].messages.contains { $0.sql == late })
  }

  @Test func `Where commits are spread over segments, each waits`() throws {
    let plan = try migrator(files, dialect: .analyticDB).planFromNothing()
    #expect(try !plan.psql.contains("synchronous_commit"))
  }

  @Test func `Every message is one statement`() throws {
    let plan = try migrator(files).planFromNothing()
    #expect(plan.migrations[0].messages.count == 7)
    #expect(plan.migrations[0].messages.allSatisfy { !$0.sql.contains(";") })
  }
}

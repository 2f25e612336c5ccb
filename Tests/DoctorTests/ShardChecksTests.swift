import Testing
import VectorSQL

@testable import Doctor
@testable import ImageSearch
@testable import PostgresClient

/// What is said of the shards of a distributed table, and of segments.
@Suite struct ShardChecksTests: JudgedFacts {
  /// A table on two workers, as the shards tell.
  private func onWorkers(
    _ shards: [Facts.Shard],
    _ change: (inout Facts) -> Void = { _ in }
  ) throws -> Finding {
    let facts = facts(table(index: Self.index())) {
      $0.server.product = .citus
      $0.shards = shards
      $0.placement = Facts.Placement(column: "id", nodes: ["a:1", "b:1"])
      change(&$0)
    }
    return try finding("shards", facts)
  }

  private func shard(
    _ name: String,
    _ node: String,
    rows: Int = 2000,
    _ change: (inout Facts.Shard) -> Void = { _ in }
  )
    -> Facts.Shard
  {
    var shard = Facts.Shard(name: name, node: node, rows: rows, bytes: rows * 8192, validIndexes: 1)
    shard.buildMemory = 65_536
    change(&shard)
    return shard
  }

  @Test func shardsAreJudgedByRowsNodesIndexesAndMemory() throws {
    let even = [shard("1", "a:1"), shard("2", "b:1"), shard("3", "a:1"), shard("4", "b:1")]
    #expect(try onWorkers(even).message == "4 on 2 nodes, 2000 to 2000 rows, 15 to 15 MB each")
    var shards = even
    shards[0].rows = 9000
    #expect(try onWorkers(shards).message.hasPrefix("the largest part has 2.4 times the mean"))
    let table = #"'"public"."image_search"'"#
    #expect(
      try onWorkers(shards).fix
        == "SELECT alter_distributed_table(\(table), shard_count => 6, cascade_to_colocated => false);"
    )
    let byClass = try onWorkers(shards) {
      $0.placement.column = "class"
      $0.placement.keysWithoutID = ["t_class_key"]
    }
    #expect(
      byClass.fix == #"extend or drop t_class_key, without "id"; then "#
        + "SELECT alter_distributed_table(\(table), distribution_column => 'id');"
    )
    shards = even
    shards[1].node = "a:1"
    shards[3].node = "a:1"
    shards[3].bytes *= 4
    shards.append(shard("5", "b:1"))
    #expect(try onWorkers(shards).fix == "SELECT citus_rebalance_start();")
    #expect(
      try onWorkers(shards) { $0.placement.movesWhileWritten = false }.fix
        == "SELECT citus_rebalance_start(shard_transfer_mode => 'block_writes');"
    )
    // Moving one of five shards of four nodes only makes another node the fullest; a new node has none.
    let five = (1...5).map { shard("\($0)", "n\($0 % 4)", rows: 4000) }
    let four = (0...3).map { "n\($0)" }
    #expect(try onWorkers(five) { $0.placement.nodes = four }.severity == .ok)
    let large = even.map { shard($0.name, $0.node, rows: 4000) }
    #expect(
      try onWorkers(large) { $0.placement.nodes += ["c:1", "d:1"] }.message
        == "the node a:1 has 2.0 times the mean of 4 nodes"
    )
    shards = even
    shards[2].deadRows = 3000
    #expect(try onWorkers(shards).fix == #"VACUUM "public"."image_search";"#)
    shards = even
    shards[2].bytes *= 3
    #expect(
      try onWorkers(shards).message.hasPrefix(
        "shard 3 on a:1 takes 24576 bytes a row, half of the shards at most"
      )
    )
    shards = even
    shards[2].invalidIndexes = 1
    let broken = try onWorkers(shards)
    #expect(broken.severity == .wrong)
    #expect(broken.fix?.hasPrefix("DROP INDEX CONCURRENTLY IF EXISTS ") == true)
    shards = even
    shards[2].invalidIndexes = 1
    shards[2].buildingIndexes = 1
    #expect(try onWorkers(shards).severity == .skipped)
    shards = even
    shards[1].problem = "connection refused"
    let silent = try onWorkers(shards)
    #expect(silent.severity == .wrong)
    #expect(silent.message.hasPrefix("1 of 4 shards do not answer, such as 2 on b:1"))
    shards = even
    for index in shards.indices { (shards[index].indexBytes, shards[index].cache) = (600 << 20, 1_048_576) }
    #expect(
      try onWorkers(shards).message.hasPrefix("the vector indexes on a:1 take 1200 MB, more than the 1024 MB")
    )
    for index in shards.indices { shards[index].indexBytes = 500 << 20 }
    #expect(
      try onWorkers(shards).message.hasSuffix(
        "vector indexes of 1000 MB on a node, which expects to keep 1024 MB in memory"
      )
    )
    shards = even
    shards[1].buildMemory = 1024 * 1024
    #expect(try onWorkers(shards).fix?.contains("maintenance_work_mem = ''1048576kB''") == true)
    #expect(try onWorkers([]).severity == .warning)
  }

  @Test func aShardWhoseIndexFindsLessThanTheOthersIsNamed() throws {
    func judged(_ found: [Int], of wanted: Int) throws -> Finding {
      try onWorkers(
        found.enumerated().map { number, found in
          shard("\(number)", "a:1") { ($0.neighbors, $0.foundNeighbors) = (wanted, found) }
        }
      ) { $0.placement.nodes = ["a:1"] }
    }
    let one = try judged([99, 40, 97], of: 100)
    #expect(one.severity == .wrong)
    #expect(one.message.hasPrefix("the index of shard 1 on a:1 finds 40 of the 100 true neighbours"))
    #expect(one.fix?.hasPrefix("DROP INDEX CONCURRENTLY IF EXISTS ") == true)
    #expect(try judged([99, 97, 90], of: 100).message.hasSuffix("; recall 90 to 99 %"))
    // Few neighbours say little, and a recall that is low everywhere is the settings'.
    #expect(try judged([10, 3, 10], of: 10).severity == .ok)
    #expect(try judged([40, 30, 45], of: 100).severity == .ok)
  }

  @Test func oneNodeHasNoShards() throws {
    let expectations = Expectations(table: ImageTable(), dialect: .pgvector)
    let findings = Doctor.judge(try facts(table()), expectations)
    #expect(!findings.contains { $0.check == "shards" })
  }

  @Test func segmentsAreJudgedByTheirBytes() throws {
    func judged(_ megabytes: [Int]) throws -> Finding {
      try finding(
        "shards",
        greenplum6(table("real[]", index: nil)) {
          $0.shards = megabytes.enumerated().map {
            Facts.Shard(name: "\($0)", node: "segment \($0)", bytes: $1 << 20)
          }
        },
        dialect: .analyticDB
      )
    }
    #expect(try judged([100, 101, 99]).message == "3 on 3 nodes, 99 to 101 MB each")
    let skewed = try judged([250, 20, 30])
    #expect(
      skewed.severity == .warning && skewed.message.hasPrefix("the largest part has 2.5 times the mean")
    )
    // Without REORGANIZE the server leaves a table alone that is distributed by this column.
    #expect(
      skewed.fix
        == #"ALTER TABLE "public"."image_search" SET WITH (REORGANIZE=true) DISTRIBUTED BY ("id");"#
    )
  }
}

import Ingestion
import PostgresClient
import Testing
import VectorSQL

/// Vectors drawn from a table, to learn from.
@Suite(.serialized)
struct TableSampleTests {
  @Test(arguments: ["real[]", "vector(2)", "double precision[]"])
  func drawsTheSameRowsAgain(type: String) async throws {
    try await ScratchSchema.with { connection, schema in
      let target = try await LoadingTable.make(connection, schema, type: type)
      try await connection.run(
        trusted: """
          INSERT INTO \(target.table.quoted)
          SELECT n, CASE WHEN n % 3 = 0 THEN 'three' END, ('{' || n || ',' || -n || '}')::real[] FROM generate_series(1, 200) n
          """
      )
      let sample = TableSample(settings: try await ScratchSchema.settings(), target: target)
      let drawn = try await sample.draw(20, seed: 5)
      #expect(drawn.count == 20 && drawn.dimension == 2 && Set(drawn.ids).count == 20)
      for (row, id) in drawn.ids.enumerated() {
        #expect(drawn.values[2 * row] == Float(id) && drawn.values[2 * row + 1] == -Float(id))
        #expect(drawn.labels[row] == (id % 3 == 0 ? "three" : nil))
      }
      // A sample of the first rows only would never reach the second half.
      #expect(drawn.ids.contains { $0 > 100 })
      #expect(try await sample.draw(20, seed: 5) == drawn)
      #expect(try await sample.draw(20, seed: 6) != drawn)
      #expect(try await sample.draw(1000, seed: 5).ids == Array(1...200))
    }
  }

  @Test func vectorsOfDifferentLengthsAreRefused() async throws {
    try await ScratchSchema.with { connection, schema in
      let target = try await LoadingTable.make(connection, schema, type: "real[]")
      try await connection.run(
        trusted: "INSERT INTO \(target.table.quoted) VALUES (1, 'a', '{1,2}'), (2, 'a', '{1}')"
      )
      let sample = TableSample(settings: try await ScratchSchema.settings(), target: target)
      let error = await #expect(throws: LoadError.self) { try await sample.draw(10, seed: 1) }
      #expect(error?.description == "row 2 has 1 numbers where the others have 2")
    }
  }
}

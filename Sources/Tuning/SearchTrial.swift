internal import Basics
public import ImageSearch
package import PostgresClient
internal import VectorSQL

/// One search made twice: by the index, even where the planner would not choose it, and by comparing with every row.
public struct SearchTrial: Sendable, Hashable {
  /// The share of the true neighbours that the index found, 0…1.
  public let recall: Double
  /// How many rows the index gave, of those wanted.
  public let found: Int
  /// How many rows comparing with every row gave.
  public let wanted: Int
  /// The time of the search by the index, in milliseconds.
  public let indexMilliseconds: Double
  /// The time of the search by comparing with every row, in milliseconds.
  public let exactMilliseconds: Double
  /// The index that served the first search; nil when none did, so that both compared every row.
  public let index: String?
  /// The true neighbours, and whether the index found each; of a trial on a server.
  public var neighbors: [Neighbor] = []

  /// A true neighbour of the row searched for.
  public struct Neighbor: Sendable, Hashable {
    /// Its id, as text.
    public let id: String
    /// Whether the index found it, or another row as near.
    public let isFound: Bool
  }

  /// A trial from the distances that both ways found, nearest first.
  ///
  /// A row found counts when it is no farther than the last of the true neighbours, so that equal distances do not
  /// matter; `tolerance` is the share by which two ways of adding up the same distance may differ.
  public init(
    indexed: [Double],
    exact: [Double],
    indexMilliseconds: Double = 0,
    exactMilliseconds: Double = 0,
    index: String? = nil,
    tolerance: Double = 1e-5
  ) {
    let limit = (exact.last ?? 0) + abs(exact.last ?? 0) * tolerance
    let hits = min(exact.count, indexed.count { $0 <= limit })
    recall = exact.isEmpty ? 1 : Double(hits) / Double(exact.count)
    found = indexed.count
    wanted = exact.count
    self.indexMilliseconds = indexMilliseconds
    self.exactMilliseconds = exactMilliseconds
    self.index = index
  }
}

extension ImageSearcher {
  /// Makes a search by the index and exactly, and compares.
  /// - Throws: as ``search(_:)``.
  public func trial(_ query: ImageQuery) async throws -> SearchTrial {
    let indexed = try await distances(query, exact: false)
    let exact = try await distances(query, exact: true)
    var trial = SearchTrial(
      indexed: indexed.distances,
      exact: exact.distances,
      indexMilliseconds: indexed.milliseconds,
      exactMilliseconds: exact.milliseconds,
      index: indexed.index
    )
    let found = Set(indexed.ids)
    // A row as near as the farthest one found may have been left out for it.
    let farthest =
      indexed.distances.count < exact.distances.count ? .infinity : indexed.distances.last ?? .infinity
    trial.neighbors = zip(exact.ids, exact.distances).map { id, distance in
      SearchTrial.Neighbor(id: id, isFound: found.contains(id) || distance * (1 + 1e-5) >= farthest)
    }
    return trial
  }

  private struct Measured {
    let ids: [String]
    let distances: [Double]
    let milliseconds: Double
    let index: String?
  }

  /// Rows without a distance (zero vectors under cosine) are near to nothing and do not count.
  private func distances(_ query: ImageQuery, exact: Bool) async throws -> Measured {
    var query = query
    query.options.exact = exact
    let tree = try table.search(query)
    let search = try tree.rendered(for: table.dialect)
    // What is timed is the query alone, without its settings.
    let statement = Statement(trusted: search.query.text, binds: search.query.binds)
    return try await connections.withConnection { connection in
      try await connection.transaction { connection in
        if !exact { try await connection.preferIndexes() }
        for setting in search.settings { try await connection.query(setting) }
        let lines = exact ? [] : try await connection.explain(tree, for: table.dialect)
        let index = SearchPlan.orderingIndex(in: lines)
        let clock = ContinuousClock()
        let start = clock.now
        let rows = try await connection.query(statement, prepared: true)
        let elapsed = (clock.now - start) / .milliseconds(1)
        let hits = try rows.compactMap { try hit($0) }
        return Measured(
          ids: hits.map(\.id.description),
          distances: hits.map(\.distance),
          milliseconds: elapsed,
          index: index
        )
      }
    }
  }
}

extension PostgresConnection {
  /// Makes the planner use an index wherever one can serve, on every node, until the transaction ends.
  package func preferIndexes() async throws {
    try await setLocally(["SET LOCAL enable_seqscan = off", "SET LOCAL enable_indexscan = on"])
  }
}

/// What is computed over the rows that a search found.
public enum HitAggregate: String, Sendable, Hashable, CaseIterable {
  /// How many there are.
  case count
  /// The distance of the nearest.
  case nearest
  /// Their mean distance.
  case mean
  /// The distance of the farthest.
  case farthest

  func sql(_ distance: Identifier) -> SQL {
    let expression: SQL =
      switch self {
      case .count: "count(*)"
      case .nearest: "min(\(id: distance))"
      case .mean: "avg(\(id: distance))"
      case .farthest: "max(\(id: distance))"
      }
    return "\(expression) AS \(id: Identifier(unchecked: rawValue))"
  }
}

extension VectorSearch {
  /// Numbers over the hits: how many, how near; in groups where a column is given, the largest group first.
  ///
  /// - Parameters:
  ///   - aggregates: What is computed.
  ///   - column: One of the outputs, such as the class: a histogram of the classes of the hits.
  public func summary(_ aggregates: [HitAggregate] = [.count], by column: Identifier? = nil) -> SQL {
    if let column, !outputs.contains(where: { $0.name == column }) {
      var search = self
      search.outputs.append(Output(column: column))
      return search.summary(aggregates, by: column)
    }
    let numbers = aggregates.map { $0.sql(distanceName) }
    guard let column else {
      return ["SELECT \(numbers.joined(separator: ", "))", "FROM \(sql.asBlock) AS \(id: "hit")"].clauses
    }
    return [
      "SELECT \(id: column), \(numbers.joined(separator: ", "))",
      "FROM \(sql.asBlock) AS \(id: "hit")",
      "GROUP BY \(id: column)",
      "ORDER BY count(*) DESC, \(id: column)",
    ].clauses
  }
}

extension NearestSearch {
  /// Numbers over the hits.
  public func summary(_ aggregates: HitAggregate...) -> SQL { query.summary(aggregates) }

  /// Numbers over the hits, for each value of a selected column.
  public func summary<Key: SQLEncodable>(
    _ aggregates: HitAggregate...,
    by column: KeyPath<T, Column<Key>>
  ) -> SQL {
    query.summary(aggregates, by: T()[keyPath: column].name)
  }
}

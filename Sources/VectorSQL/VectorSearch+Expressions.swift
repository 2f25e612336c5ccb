extension VectorSearch {
  func order(_ spelling: MetricSpelling, _ source: Source) -> SQL {
    (source.isExact ? spelling.exactOrder : spelling.order)(column.sql, subjectSQL)
  }

  func selectList(_ spelling: MetricSpelling, _ source: Source) -> SQL {
    let distance = source.isExact ? spelling.exactDistance : spelling.distance
    let numbers = scores.map { score -> SQL in
      let expression =
        switch score.kind {
        case .distance: distance(column.sql, subjectSQL)
        case .similarity: spelling.similarity(column.sql, subjectSQL)
        case .function: spelling.function(column.sql, subjectSQL)
        }
      return "\(expression) AS \(id: score.name)"
    }
    return (outputs.map(\.declaration) + numbers).joined(separator: ", ")
  }

  /// The name under which the true distance is shown.
  var distanceName: Identifier {
    scores.first { $0.kind == .distance }?.name ?? scores.first?.name ?? "distance"
  }

  var tieBreakSQL: SQL {
    guard let tieBreak else { return .empty }
    return ", \(id: tieBreak)"
  }

  static func radius(_ distance: Double) -> SQL { .bind(.float8(distance), name: "radius") }

  /// The filters, and what keeps rows without a distance out of the result.
  func whereClause(_ dialect: Dialect) -> SQL {
    var conditions = filters
    if comparesEveryRow || dialect.searchesLeaveOutNull {
      conditions.append(.atom("\(column.sql) IS NOT NULL"))
    }
    switch subject {
    case .vector: break
    case .row: conditions.append(.atom("\(subjectSQL) IS NOT NULL"))
    case .otherThanRow(let key, let value):
      conditions.append(.atom("\(id: key) <> \(SQL.bind(value, name: "id"))"))
      conditions.append(.atom("\(subjectSQL) IS NOT NULL"))
    }
    return conditions.isEmpty ? .empty : "WHERE \(Condition.all(conditions))"
  }

  var subjectSQL: SQL {
    switch subject {
    case .vector(let vector): .vector(vector, as: column.element)
    case .row(let key, let value), .otherThanRow(let key, let value):
      "(SELECT \(column.sql) FROM \(table: table) WHERE \(id: key) = \(SQL.bind(value, name: "id")))"
    }
  }
}

extension VectorSearch.Subject {
  var leavesOutItself: Bool {
    if case .otherThanRow = self { true } else { false }
  }
}

/// A nearest-neighbour search put together at run time, as a command line does; ``Search`` is its typed form.
///
///     let search = VectorSearch(
///       table: "public.image_search", columns: ["id", "class"],
///       nearest: VectorColumn("image_vector", dim: 1000), to: .row(key: "id", value: .int8(4999)),
///       by: .l2, limit: 10
///     )
///     let query = try search.rendered(for: .analyticDB)
public struct VectorSearch: Sendable {
  /// The table searched.
  public var table: QualifiedName
  /// What each row shows before its score.
  public var outputs: [Output]
  /// The column of vectors.
  public var column: VectorColumn
  /// What the rows are compared with.
  public var subject: Subject
  /// What near means.
  public var metric: Metric
  /// The most rows returned; nil for all within ``maximumDistance``, which compares with every row.
  public var limit: Int?
  /// Conditions that each row must meet.
  public var filters: [Condition] = []
  /// The scores shown, in this order, after the outputs.
  public var scores: [Score] = [.distance]
  /// Compares with every row, without an index.
  public var exact = false
  /// A coarse first pass, whose rows are put in exact order afterwards.
  public var firstPass: FirstPass?
  /// The column whose values each get a ``limit`` of their own: the k nearest of each class.
  ///
  /// Compares with every row, unless ``firstPass`` says among how many.
  public var perValueOf: Identifier?
  /// The greatest distance a row may have.
  public var maximumDistance: Double?
  /// Leaves out rows up to and including this one.
  public var after: SearchCursor?
  /// A second column of the sort, which makes the order of equal distances the same in every run.
  public var tieBreak: Identifier?
  /// The settings asked for; those that the search cannot do without are added when it is rendered.
  public var settings = SearchSettings()
  /// The index that serves the search, where the catalogue was looked at; decides which settings are sent.
  public var index: ServingIndex?

  /// A search in a table.
  public init(
    table: QualifiedName,
    columns: [Identifier],
    nearest column: VectorColumn,
    to subject: Subject,
    by metric: Metric,
    limit: Int?
  ) {
    self.init(
      table: table,
      outputs: columns.map(Output.init(column:)),
      nearest: column,
      to: subject,
      by: metric,
      limit: limit
    )
  }

  /// A search whose rows show any expressions.
  public init(
    table: QualifiedName,
    outputs: [Output],
    nearest column: VectorColumn,
    to subject: Subject,
    by metric: Metric,
    limit: Int?
  ) {
    self.table = table
    self.outputs = outputs
    self.column = column
    self.subject = subject
    self.metric = metric
    self.limit = limit
  }

  /// What the rows are compared with.
  public enum Subject: Sendable, Hashable {
    /// A vector, sent as a parameter.
    case vector([Float])
    /// The vector of a row of the same table; it is read by the server and never travels.
    ///
    /// The row itself is among the results, at distance 0.
    case row(key: Identifier, value: SQLValue)
    /// The vector of another row, whose own row is left out of the results.
    case otherThanRow(key: Identifier, value: SQLValue)
  }

  /// A number that says how near a row is.
  public struct Score: Sendable, Hashable {
    /// What is computed.
    public let kind: Kind
    /// Its name in the result.
    public let name: Identifier

    /// A score under a name.
    public init(_ kind: Kind, as name: Identifier) {
      self.kind = kind
      self.name = name
    }

    /// What a score is.
    public enum Kind: Sendable, Hashable {
      /// The true distance, the same number on every dialect; smaller is nearer.
      case distance
      /// The similarity of ``Metric``'s table; larger is nearer.
      case similarity
      /// The dialect's own function, as tutorials write it: `l2_distance(column, query)`.
      case function
    }

    /// The true distance, named `distance`.
    public static let distance = Score(.distance, as: "distance")
    /// The similarity, named `similarity`.
    public static let similarity = Score(.similarity, as: "similarity")
    /// The dialect's distance function, named `distance`.
    public static let function = Score(.function, as: "distance")
  }
}

extension VectorSearch {
  /// An expression that each row shows.
  public struct Output: Sendable {
    /// The expression.
    public let sql: SQL
    /// Its name in the result.
    public let name: Identifier
    private let isColumn: Bool

    /// An expression under a name.
    public init(_ sql: SQL, as name: Identifier) {
      self.sql = sql
      self.name = name
      isColumn = false
    }

    /// A column under its own name.
    public init(column: Identifier) {
      sql = .identifier(column)
      name = column
      isColumn = true
    }

    package var declaration: SQL { isColumn ? sql : "\(sql) AS \(id: name)" }
  }
}

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

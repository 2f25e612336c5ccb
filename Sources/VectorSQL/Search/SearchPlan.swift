/// What `EXPLAIN` says about a search: whether a vector index serves it and, if not, the likely reasons.
public struct SearchPlan: Sendable, Hashable {
  /// The index that orders the rows by distance; nil when every row is compared.
  public let vectorIndex: String?
  /// Why no vector index is used, most telling first; empty when one is.
  public let reasons: [String]
  /// On which of the table's shards the index serves; nil for a table that has none.
  public let shards: ShardUse?

  /// The shards of a distributed table, as `102008 (db2:5432)`: number and node.
  public struct ShardUse: Sendable, Hashable, CustomStringConvertible {
    /// Those that a vector index serves.
    public let servedShards: [String]
    /// Those that compare every row.
    public let comparingShards: [String]

    /// How many a vector index serves.
    public var served: Int { servedShards.count }
    /// How many plans were read.
    public var count: Int { servedShards.count + comparingShards.count }

    /// `on 3 of 4 shards, not on 102009 (db3:5432)`.
    public var description: String {
      let some = comparingShards.prefix(8).joined(separator: ", ")
      let more = comparingShards.count > 8 ? " and \(comparingShards.count - 8) more" : ""
      return "on \(served) of \(count) shards" + (comparingShards.isEmpty ? "" : ", not on \(some)\(more)")
    }
  }

  /// What is known of an index on the column, as read from the catalogue.
  public struct IndexFacts: Sendable, Hashable {
    /// The index's name.
    public let name: String
    /// Its access method: `hnsw`, `ivfflat`, `ann`.
    public let method: String
    /// Its operator class (`vector_l2_ops`) or measure (`l2`).
    public let metricOption: String
    /// Whether it is complete; a failed build leaves one that is not.
    public let isValid: Bool
    /// What is indexed when it is not the column itself, such as `(image_vector)::halfvec(1000)`.
    public let expression: String?
    /// The condition of a partial index.
    public let predicate: String?

    /// Facts of an index.
    public init(
      name: String,
      method: String,
      metricOption: String,
      isValid: Bool,
      expression: String? = nil,
      predicate: String? = nil
    ) {
      self.name = name
      self.method = method
      self.metricOption = metricOption
      self.isValid = isValid
      self.expression = expression
      self.predicate = predicate
    }
  }

  /// Reads the lines of a plan in text format.
  ///
  /// - Parameters:
  ///   - lines: What `EXPLAIN` returned, a line each.
  ///   - search: The search that was explained.
  ///   - indexes: The indexes on the column.
  ///   - dialect: The dialect that the search was rendered for.
  public init(
    explain lines: [String],
    of search: VectorSearch,
    indexes: [IndexFacts],
    dialect: Dialect
  ) throws(RenderingError) {
    vectorIndex = Self.orderingIndex(in: lines)
    shards = Self.shardUse(in: lines)
    guard vectorIndex == nil else {
      reasons = []
      return
    }
    reasons = try Self.reasons(search, indexes, dialect, rows: Self.scannedRows(lines))
  }

  /// The index that orders rows by distance in a plan of any statement; nil where there is none.
  public static func orderingIndex(in lines: [String]) -> String? {
    let isOfShards = lines.contains { $0.contains("(Citus ") }
    for (number, line) in lines.enumerated() {
      guard let node = ["Ann Index Scan", "Fusion Ann Scan", "Index Scan using "].first(where: line.contains)
      else {
        continue
      }
      let details = lines[(number + 1)...].prefix { !startsNode($0) }
      guard node != "Index Scan using " || details.contains(where: { $0.contains("Order By:") }) else {
        continue
      }
      return isOfShards ? nameWithoutShard(line) : indexName(line)
    }
    return nil
  }

  /// The plans of shards that Citus shows, a task each. A task of its own that reads one row comes before them, as a
  /// subplan that orders nothing.
  private static func shardUse(in lines: [String]) -> ShardUse? {
    let starts = lines.indices.filter { lines[$0].drop { $0 == " " } == "->  Task" }
    guard let last = starts.last else { return nil }
    let depth = indentation(lines[last])
    let tasks = starts.filter { indentation(lines[$0]) == depth }.map { start in
      lines[(start + 1)...].prefix { indentation($0) > depth }
    }
    func names(_ isServed: Bool) -> [String] {
      tasks.filter { (orderingIndex(in: Array($0)) != nil) == isServed }.map(shardName)
    }
    return ShardUse(servedShards: names(true), comparingShards: names(false))
  }

  /// The shard that a task reads, by the number at the end of its table's name, and the node that it lies on.
  private static func shardName(_ task: ArraySlice<String>) -> String {
    let number = task.lazy.compactMap { line -> Substring? in
      guard let on = line.firstRange(of: " on ") else { return nil }
      let digits = line[on.upperBound...].prefix { $0 != " " }.filter { $0 != "\"" }.split(separator: "_")
        .last
      return digits.flatMap { !$0.isEmpty && $0.allSatisfy(\.isNumber) ? $0 : nil }
    }.first
    let words = task.first { $0.contains("Node: ") }?.split(separator: " ") ?? []
    func value(_ key: String) -> Substring? {
      words.first { $0.hasPrefix(key + "=") }?.dropFirst(key.count + 1)
    }
    return "\(number ?? "?") (\(value("host") ?? "?"):\(value("port") ?? "?"))"
  }

  private static func indentation(_ line: String) -> Int { line.utf8.prefix { $0 == 0x20 }.count }

  private static func startsNode(_ line: String) -> Bool {
    line.drop { $0 == " " }.hasPrefix("->")
  }

  private static func indexName(_ line: String) -> String {
    guard let using = line.firstRange(of: " using "), let on = line.lastRange(of: " on ") else {
      return "ann"
    }
    return String(line[using.upperBound..<on.lowerBound])
  }

  /// An index of a shard is called as the table's, with the shard's number behind.
  private static func nameWithoutShard(_ line: String) -> String {
    let name = indexName(line)
    guard let mark = name.lastIndex(of: "_"), name[mark...].dropFirst().allSatisfy(\.isNumber) else {
      return name
    }
    return String(name[..<mark])
  }

  private static func scannedRows(_ lines: [String]) -> Int? {
    guard let scan = lines.first(where: { $0.contains("Seq Scan on") }),
      let start = scan.firstRange(of: "rows=")
    else { return nil }
    return Int(scan[start.upperBound...].prefix(while: \.isNumber))
  }

  private static func reasons(
    _ search: VectorSearch,
    _ indexes: [IndexFacts],
    _ dialect: Dialect,
    rows: Int?
  ) throws(RenderingError) -> [String] {
    if search.exact { return ["the search is exact, which compares every row"] }
    if search.comparesEveryRow { return ["the search has no limit for an index to serve"] }
    if indexes.isEmpty { return ["the column has no vector index; create one"] }
    let valid = indexes.filter(\.isValid)
    if valid.isEmpty {
      return ["the index \(indexes[0].name) is invalid after a failed build; drop and rebuild it"]
    }
    let size = rows.map { " of \($0) rows" } ?? ""
    let filtered = search.filters.isEmpty ? "" : ", or the filter leaves few rows"
    let cheaper =
      "the planner finds a scan\(size) cheaper\(filtered); run ANALYZE, or compare with enable_seqscan = off"
    if search.firstPass?.quantization != nil { return [cheaper] }
    let onColumn = valid.filter { $0.expression == nil }
    if onColumn.isEmpty, let index = valid.first, let expression = index.expression {
      return [
        "the index \(index.name) is on the expression \(expression), the search compares the column itself; "
          + "create an index on the column"
      ]
    }
    let wanted = try dialect.spelling(of: search.metric, for: search.column.element).indexOption
    let fitting = onColumn.filter { $0.metricOption.lowercased() == wanted }
    guard let index = fitting.first else {
      return [
        "the index \(onColumn[0].name) is built for \(onColumn[0].metricOption), the search needs \(wanted)"
      ]
    }
    if fitting.allSatisfy({ $0.predicate != nil }), let predicate = index.predicate {
      return [
        "the index \(index.name) holds only rows where \(predicate), and the search does not say so; "
          + "add the condition, or create an index without one"
      ]
    }
    return [cheaper]
  }
}

extension StringProtocol {
  fileprivate func firstRange(of text: String) -> Range<Index>? { ranges(of: text).first }
  fileprivate func lastRange(of text: String) -> Range<Index>? { ranges(of: text).last }
}

internal import SQLLexer
public import VectorSQL

/// What keeps a vector index from serving a statement, as its text shows: the traps that users of pgvector and
/// AnalyticDB report most.
public struct QueryTraps: Sendable, Hashable {
  /// A trap and its fix.
  public struct Trap: Sendable, Hashable {
    /// What is wrong, in one sentence.
    public let message: String
    /// What to write instead.
    public let fix: String
  }

  /// The traps found, in the text's order.
  public let traps: [Trap]

  /// Looks at each `ORDER BY` of a statement.
  public init(_ text: String, dialect: Dialect, column: Identifier) {
    var found: [Trap] = []
    for statement in Script(text).statements {
      for index in statement.tokens.indices where statement.hasWords("order", "by", at: index) {
        let clause = OrderClause(statement, at: index + 2)
        found += clause.traps(dialect, column)
      }
    }
    traps = found
  }

  static let operators: Set<String> = ["<->", "<#>", "<=>", "<+>", "<~>", "<%>"]

  /// Distance functions of pgvector and of AnalyticDB.
  static let functions: Set<String> = [
    "l2_distance", "l2_squared_distance", "inner_product", "inner_product_distance",
    "negative_inner_product", "negative_inner_product_distance", "vector_negative_inner_product",
    "cosine_distance", "cosine_similarity", "l1_distance", "dp_distance", "hm_distance", "hamming_distance",
    "jaccard_distance",
  ]
}

/// An `ORDER BY` with what follows it at the same depth of parentheses.
private struct OrderClause {
  /// Words and symbols of the sort, with their depth.
  private var sort: [(text: String, depth: Int)] = []
  private var hasLimit = false
  private var offset: String?
  private let aliases: Set<String>

  init(_ statement: SQLStatement, at start: Int) {
    aliases = Self.distanceAliases(statement)
    var depth = 0
    var inSort = true
    for index in start..<statement.tokens.count {
      let text = statement.text(of: statement.tokens[index]).lowercased()
      if text == ")" || text == "]" { depth -= 1 }
      if depth < 0 { break }
      if depth == 0, ["limit", "offset", "fetch", "for", "union", "except", "intersect"].contains(text) {
        inSort = false
        if text == "limit" || text == "fetch" { hasLimit = true }
        if text == "offset", index + 1 < statement.tokens.count {
          offset = statement.text(of: statement.tokens[index + 1])
        }
      }
      if inSort { sort.append((text, depth)) }
      if text == "(" || text == "[" { depth += 1 }
    }
  }

  func traps(_ dialect: Dialect, _ column: Identifier) -> [QueryTraps.Trap] {
    let function = sort.first { QueryTraps.functions.contains($0.text) || aliases.contains($0.text) }
    let order = sort.first { QueryTraps.operators.contains($0.text) }
    guard function != nil || order != nil else { return [] }
    var found: [QueryTraps.Trap] = []
    if let function {
      found.append(
        .init(
          message: "ORDER BY \(function.text) is a function; an index serves an operator only",
          fix: "ORDER BY \(column.quoted) <-> …, with the operator of the index's metric"
        )
      )
    } else if let order, order.depth > 0 {
      found.append(
        .init(
          message:
            "the operator \(order.text) is inside another expression; an index serves the operator alone",
          fix: "ORDER BY \(column.quoted) \(order.text) …, and compute with it in the SELECT list"
        )
      )
    }
    if sort.contains(where: { $0.depth == 0 && $0.text == "desc" }) {
      found.append(
        .init(
          message: "ORDER BY … DESC asks for the farthest rows, which no index serves",
          fix: "leave DESC out"
        )
      )
    }
    if order != nil, !dialect.capabilities.secondSortKey,
      sort.contains(where: { $0.depth == 0 && $0.text == "," })
    {
      found.append(
        .init(
          message: "a second sort key: AnalyticDB's index orders by the distance alone",
          fix: "sort again outside: SELECT * FROM (… ORDER BY … LIMIT k) AS s ORDER BY distance, id"
        )
      )
    }
    if !hasLimit {
      found.append(.init(message: "without LIMIT every row is sorted", fix: "add LIMIT"))
    }
    if let offset, offset != "0", !dialect.capabilities.searchOffset {
      found.append(
        .init(
          message: "OFFSET \(offset): AnalyticDB has no OFFSET for vector searches",
          fix: "leave OFFSET out; page by distance: WHERE distance > the last one seen"
        )
      )
    }
    return found
  }

  /// The names that the SELECT list gives to distance functions: `l2_distance(…) AS score`.
  private static func distanceAliases(_ statement: SQLStatement) -> Set<String> {
    var names: Set<String> = []
    for index in statement.tokens.indices
    where QueryTraps.functions.contains(statement.text(of: statement.tokens[index]).lowercased()) {
      guard let end = statement.endOfParentheses(at: index + 1), statement.hasWords("as", at: end),
        end + 1 < statement.tokens.count
      else { continue }
      names.insert(statement.text(of: statement.tokens[end + 1]).lowercased())
    }
    return names
  }
}

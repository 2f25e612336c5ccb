internal import Basics
internal import ImageSearch
internal import PostgresClient
internal import SQLLexer
internal import Tuning
package import VectorSQL

extension Check {
  /// Whether the planner knows the table as it is.
  static let statistics = Check(name: "statistics") { facts, _ in
    guard let table = facts.table else { return .skipped(noColumn) }
    guard table.hasRows else { return .skipped("a view has no statistics of its own") }
    guard let known = facts.statistics else {
      return .skipped("the rows lie on other nodes, whose statistics are not read")
    }
    let analyze = facts.asOwner("ANALYZE \(table.name.quoted);")
    if known.liveRows > 0, !known.isAnalyzed {
      return .wrong("the table was never analysed; the planner guesses how many rows it has", fix: analyze)
    }
    // A fifth is twice what autovacuum waits for (autovacuum_analyze_scale_factor).
    guard known.changedRows <= max(50, known.liveRows / 5) else {
      return .wrong(
        "\(known.changedRows) of about \(known.liveRows) rows have changed since the last ANALYZE",
        fix: analyze
      )
    }
    return .ok("\(known.changedRows) rows changed since the last ANALYZE")
  }

  /// Whether a search is served by the index; where it is not, whether that costs time.
  static let plan = Check(name: "plan") { facts, expectations in
    if let error = facts.searchError {
      return .wrong(
        "a search fails: \(error)",
        fix: facts.missingRight
          ?? "correct what the message says; adbvec sql query --offline prints the statement"
      )
    }
    guard let plan = facts.plan else { return .skipped("there is no row to search with") }
    if let index = plan.vectorIndex {
      return .ok("a search uses \(index)" + (plan.shards.map { " \($0)" } ?? ""))
    }
    let reason = plan.reasons.first ?? "the planner chose another way"
    let exact = median(facts.trials.map(\.exactMilliseconds)) ?? 0
    let hasIndex = facts.table?.vectorIndexes.contains(where: \.isValid) == true
    guard facts.forcedIndex != nil else {
      // The index check has said why there is none, and what to do.
      guard hasIndex else { return .skipped("a search compares all rows: \(noIndex)") }
      // Made for both checks, the second index would find its name taken.
      let isSaid = [Check.index, .indexMetric].contains { check in
        if case .wrong = check.judge(facts, expectations) { true } else { false }
      }
      return .wrong(
        "no search can use the index \(facts.table?.vectorIndexes.first?.name ?? ""): \(reason)",
        fix: isSaid ? "the fix of the index, above" : facts.create(expectations)
      )
    }
    guard let index = median(facts.trials.map(\.indexMilliseconds)) else {
      return .ok("a search compares all rows; none was timed")
    }
    let times = "comparing all rows took \(milliseconds(exact)), the index \(milliseconds(index))"
    // Where the scan is about as fast, the planner is right: a small table needs no index. The times of one that is very
    // small are those of everything else.
    let isSmall = (facts.statistics?.liveRows ?? .max) < 1000
    guard exact > 2 * index, exact > 1, !isSmall else { return .ok("a search compares all rows; \(times)") }
    return .wrong(
      "a search uses no vector index, and \(times): \(reason)",
      fix: facts.asOwner("ANALYZE \(facts.table?.name.quoted ?? "");")
        + " then look at random_page_cost, enable_indexscan and effective_cache_size"
    )
  }

  /// Whether searches of other programs, which leave the settings alone, can give as many rows as are asked for.
  static let settings = Check(name: "settings") { facts, expectations in
    let words = expectations.dialect.settings
    let method = facts.table?.vectorIndexes.first?.method
    guard let method, method != "ivfflat" else {
      return .skipped(method == nil ? noIndex : "ivfflat.probes is judged by the recall")
    }
    var known: [String] = []
    for setting in [words.numbers[.efSearch], words.numbers[.maxScanPoints]].compactMap({ $0 }) {
      guard let text = facts.settings[setting.name], let value = Int(text) else { continue }
      known.append("\(setting.name) = \(value)")
      let goesOn = words.iterativeScan.contains { facts.settings[$0.name].map { $0 != "off" } ?? false }
      guard value < expectations.topK, !goesOn else { continue }
      return .wrong(
        "\(setting.name) is \(value): a program that does not set it gets \(value) rows where it asks "
          + "for \(expectations.topK)",
        fix: facts.set(setting.name, to: max(100, expectations.topK.clampedDouble))
      )
    }
    guard !known.isEmpty else { return .skipped("the server does not show its search settings") }
    return .ok(known.joined(separator: ", ") + ", enough for \(expectations.topK) rows")
  }

  /// The share of the true neighbours that the index finds.
  static let recall = Check(name: "recall") { facts, expectations in
    guard facts.table?.vectorIndexes.contains(where: \.isValid) == true || facts.plan?.vectorIndex != nil
    else {
      return .skipped(noIndex)
    }
    guard expectations.sample > 0 else { return .skipped("it was not asked for") }
    guard facts.plan != nil else { return .skipped("there is no row to search with") }
    guard !facts.indexTrials.isEmpty else { return .skipped("no search can use the index") }
    let trials = facts.indexTrials.filter { $0.wanted > 0 }
    guard !trials.isEmpty else { return .skipped("the rows searched for have no distance to any other") }
    let recall = trials.map(\.recall).reduce(0, +) / Double(trials.count)
    let text =
      "the index finds \(percent(recall)) of the true \(expectations.topK) neighbours of \(trials.count) rows"
    guard recall < expectations.minimumRecall else { return .ok(text) }
    return .wrong(
      "\(text), fewer than \(percent(expectations.minimumRecall))",
      fix: recallFix(facts, expectations)
    )
  }

  /// More candidates first, which costs nothing but time; a denser index where many are looked at already.
  private static func recallFix(_ facts: Facts, _ expectations: Expectations) -> String {
    guard let index = facts.table?.vectorIndexes.first(where: \.isValid) else {
      return facts.create(expectations)
    }
    if index.method == "ivfflat" {
      let lists = index.options["lists"].flatMap { Int($0) } ?? 100
      let probes = facts.settings["ivfflat.probes"].flatMap { Int($0) } ?? 1
      guard probes < lists else {
        return "REINDEX INDEX \(index.name); (its lists were made from other rows)"
      }
      return facts.set("ivfflat.probes", to: min(lists, max(10, probes.clampedDouble)))
    }
    let setting = expectations.dialect.settings.numbers[.efSearch]
    let name = setting?.name ?? "hnsw.ef_search"
    let value = facts.settings[name].flatMap { Int($0) } ?? 40
    if value < 400 { return facts.set(name, to: max(200, value.clampedDouble)) }
    return "a denser index: " + facts.recreate(index, expectations, denser: true)
  }

  static func median(_ values: [Double]) -> Double? {
    values.isEmpty ? nil : values.sorted()[values.count / 2]
  }

  private static func milliseconds(_ value: Double) -> String { "\((value * 10).rounded() / 10) ms" }
  private static func percent(_ share: Double) -> String { "\((share * 1000).rounded() / 10) %" }
}

extension Facts {
  /// Gives the session's role the right to read that a search lacks.
  fileprivate var missingRight: String? {
    guard lacksRight, let table, let schema = table.name.schema else { return nil }
    return onPrimary(
      "as the owner of \(table.name.quoted): GRANT USAGE ON SCHEMA \(schema.quoted) TO \(Quoting.doubling(role)); "
        + "GRANT SELECT ON \(table.name.quoted) TO \(Quoting.doubling(role));"
    )
  }

  /// The trials, where their search by the index can use one at all.
  var indexTrials: [SearchTrial] { forcedIndex == nil ? [] : trials }

  /// A setting for every new session: of the database for its owner, of the role itself for others. The settings of an
  /// extension are unknown to sessions that have not used it, and then refused to all but superusers.
  func set(_ name: String, to value: Int) -> String {
    let target =
      ownsDatabase || server.isSuperuser ? "DATABASE \(Quoting.doubling(database))" : "ROLE CURRENT_USER"
    let load =
      server.isSuperuser || server.pgvectorVersion == nil
      ? "" : "SELECT '[0]'::\(server.qualifier(of: "vector").map { $0.quoted + "." } ?? "")vector; "
    return onPrimary("\(load)ALTER \(target) SET \(name) = \(value);")
  }
}

extension Int {
  /// Twice the number, or the greatest where that is more than a number can be.
  fileprivate var clampedDouble: Int { multipliedReportingOverflow(by: 2).overflow ? .max : self * 2 }
}

/// What keeps a vector index from serving a statement, as its text shows: what users of pgvector and
/// AnalyticDB report most.
package struct IndexObstacles: Sendable, Hashable {
  /// One of them, and its fix.
  package struct Obstacle: Sendable, Hashable {
    /// What is wrong, in one sentence.
    package let message: String
    /// What to write instead.
    package let fix: String
  }

  /// All, in the order of the text.
  package let obstacles: [Obstacle]

  /// Looks at each `ORDER BY` of a statement.
  package init(_ text: String, dialect: Dialect, column: Identifier) {
    var found: [Obstacle] = []
    for statement in Script(text).statements {
      for index in statement.tokens.indices where statement.hasWords("order", "by", at: index) {
        let clause = OrderClause(statement, at: index + 2)
        found += clause.obstacles(dialect, column)
      }
    }
    obstacles = found
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

  func obstacles(_ dialect: Dialect, _ column: Identifier) -> [IndexObstacles.Obstacle] {
    let function = sort.first { IndexObstacles.functions.contains($0.text) || aliases.contains($0.text) }
    let order = sort.first { IndexObstacles.operators.contains($0.text) }
    guard function != nil || order != nil else { return [] }
    var found: [IndexObstacles.Obstacle] = []
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
    where IndexObstacles.functions.contains(statement.text(of: statement.tokens[index]).lowercased()) {
      guard let end = statement.endOfParentheses(at: index + 1), statement.hasWords("as", at: end),
        end + 1 < statement.tokens.count
      else { continue }
      names.insert(statement.text(of: statement.tokens[end + 1]).lowercased())
    }
    return names
  }
}

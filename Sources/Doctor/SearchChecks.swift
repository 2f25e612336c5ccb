internal import Basics
internal import ImageSearch
internal import PostgresClient
internal import VectorSQL

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
        fix: "correct what the message says; adbvec sql query --offline prints the statement"
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
      return .wrong(
        "no search can use the index \(facts.table?.vectorIndexes.first?.name ?? ""): \(reason)",
        fix: facts.create(expectations)
      )
    }
    guard let index = median(facts.trials.map(\.indexMilliseconds)) else {
      return .ok("a search compares all rows; none was timed")
    }
    let times = "comparing all rows took \(milliseconds(exact)), the index \(milliseconds(index))"
    // Where the scan is about as fast, the planner is right: a small table needs no index.
    guard exact > 2 * index, exact > 1 else { return .ok("a search compares all rows; \(times)") }
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

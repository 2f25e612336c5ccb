internal import Basics
internal import ImageSearch
internal import PostgresClient
internal import VectorSQL

extension Check {
  /// Whether the planner knows the table as it is.
  static let statistics = Check(name: "statistics") { facts, _ in
    guard let table = facts.table, let known = facts.statistics else { return .skipped(noColumn) }
    let analyze = "ANALYZE \(table.name.quoted);"
    if known.liveRows > 0, !known.isAnalyzed {
      return .wrong(
        "the table was never analysed; the planner guesses how many rows it has",
        remedy: analyze
      )
    }
    // A fifth is twice what autovacuum waits for (autovacuum_analyze_scale_factor).
    guard known.changedRows <= max(50, known.liveRows / 5) else {
      return .wrong(
        "\(known.changedRows) of about \(known.liveRows) rows have changed since the last ANALYZE",
        remedy: analyze
      )
    }
    return .ok("\(known.changedRows) rows changed since the last ANALYZE")
  }

  /// Whether a search is served by the index; where it is not, whether that costs time.
  static let plan = Check(name: "plan") { facts, expectations in
    if let error = facts.searchError {
      return .wrong(
        "a search fails: \(error)",
        remedy: "adbvec sql query --offline prints it; mend what is said above"
      )
    }
    guard let plan = facts.plan else { return .skipped("there is no row to search with") }
    if let index = plan.vectorIndex { return .ok("a search uses \(index)") }
    let reason = plan.reasons.first ?? "the planner chose another way"
    guard let index = median(facts.trials.map(\.indexMilliseconds)),
      let exact = median(facts.trials.map(\.exactMilliseconds)),
      facts.table?.vectorIndexes.contains(where: \.isValid) == true
    else {
      return .wrong("a search uses no vector index: \(reason)", remedy: remedy(facts))
    }
    let times = "comparing all rows took \(milliseconds(exact)), the index \(milliseconds(index))"
    // Where the scan is about as fast, the planner is right: a small table needs no index.
    guard exact > 2 * index, exact > 1 else { return .ok("a search compares all rows; \(times)") }
    return .wrong("a search uses no vector index, and \(times): \(reason)", remedy: remedy(facts))
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
        "\(setting.name) is \(value): a program that leaves it alone gets \(value) rows where it asks "
          + "for \(expectations.topK)",
        remedy:
          "ALTER DATABASE \(Quoting.doubling(facts.database)) SET \(setting.name) = \(max(100, expectations.topK * 2));"
      )
    }
    guard !known.isEmpty else { return .skipped("the server does not show its search settings") }
    return .ok(known.joined(separator: ", ") + ", enough for \(expectations.topK) rows")
  }

  /// The share of the true neighbours that the index finds.
  static let recall = Check(name: "recall") { facts, expectations in
    guard facts.table?.vectorIndexes.contains(where: \.isValid) == true else { return .skipped(noIndex) }
    guard !facts.trials.isEmpty else {
      return .skipped(
        expectations.sample == 0 ? "it was not asked for" : "there is no row to search with"
      )
    }
    let recall = facts.trials.map(\.recall).reduce(0, +) / Double(facts.trials.count)
    let text =
      "the index finds \(percent(recall)) of the true \(expectations.topK) neighbours of "
      + "\(facts.trials.count) rows"
    guard recall < expectations.minimumRecall else { return .ok(text) }
    let setting = expectations.dialect.settings.numbers[.efSearch]?.name ?? "ef_search"
    return .wrong(
      "\(text), fewer than \(percent(expectations.minimumRecall))",
      remedy: "raise \(setting) (adbvec search --ef-search), or rebuild the index with a greater hnsw_m and "
        + "hnsw_ef_construction"
    )
  }

  private static func remedy(_ facts: Facts) -> String {
    "ANALYZE \(facts.table?.name.quoted ?? ""); then look at random_page_cost, enable_indexscan and "
      + "effective_cache_size: SHOW ALL;"
  }

  static func median(_ values: [Double]) -> Double? {
    values.isEmpty ? nil : values.sorted()[values.count / 2]
  }

  private static func milliseconds(_ value: Double) -> String { "\((value * 10).rounded() / 10) ms" }
  private static func percent(_ share: Double) -> String { "\((share * 1000).rounded() / 10) %" }
}

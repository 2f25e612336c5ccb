internal import ImageFeatures

/// Several settings measured on the same task, side by side.
public struct RetrievalComparison: Sendable, Hashable {
  /// One setting with its result.
  public struct Row: Sendable, Hashable {
    /// What was measured.
    public let setting: EvaluationSetting
    /// What came out.
    public let result: RetrievalResult

    /// A setting with its result.
    public init(setting: EvaluationSetting, result: RetrievalResult) {
      self.setting = setting
      self.result = result
    }
  }

  /// A number that is compared.
  public struct Measure: Sendable, Hashable {
    /// What it is called in a table's head.
    public let title: String
    /// What it is called in JSON and CSV.
    public let key: String
    /// Whether it counts the coarser classes.
    public let isCoarse: Bool
    /// The k of a recall; nil for the others.
    let recall: Int?

    /// Its value for a result; nil where the collection has no coarser classes.
    public func value(_ result: RetrievalResult) -> Double? {
      guard let quality = isCoarse ? result.coarse : result.fine else { return nil }
      if let recall { return quality.recallAt[recall] }
      return key.hasSuffix("At1")
        ? quality.precisionAt1 : key.hasSuffix("At10") ? quality.precisionAt10 : quality.meanAveragePrecision
    }
  }

  /// The rows in the order they were asked for.
  public let rows: [Row]
  /// What is compared.
  public let measures: [Measure]

  /// A comparison.
  ///
  /// - Parameter ks: the k's of recall@k that the rows hold.
  public init(rows: [Row], recallAt ks: [Int]) {
    self.rows = rows
    let hasCoarse = rows.contains { $0.result.coarse != nil }
    measures = [false, true].filter { !$0 || hasCoarse }.flatMap { isCoarse -> [Measure] in
      func named(_ title: String, _ key: String, recall: Int? = nil) -> Measure {
        let first = key.prefix(1).uppercased() + key.dropFirst()
        return Measure(
          title: isCoarse ? "coarse \(title)" : title,
          key: isCoarse ? "coarse\(first)" : key,
          isCoarse: isCoarse,
          recall: recall
        )
      }
      return [
        named("P@1", "precisionAt1"), named("P@10", "precisionAt10"), named("mAP", "meanAveragePrecision"),
      ] + ks.map { named("R@\($0)", "recallAt\($0)", recall: $0) }
    }
  }

  /// The values of a row in the order of the measures; nil where there is none.
  public func values(_ row: Row) -> [Double?] { measures.map { $0.value(row.result) } }

  /// The row with the highest mean average precision, the first of equals.
  public var best: Row? {
    rows.reduce(nil) { best, row in
      guard let best else { return row }
      return row.result.fine.meanAveragePrecision > best.result.fine.meanAveragePrecision ? row : best
    }
  }

  /// The table as CSV with a header line.
  public var csv: String {
    let head = ["setting", "dimension", "metric"] + measures.map(\.key)
    let lines = rows.map { row in
      [Self.quoted(row.setting.name), String(row.result.dimension), row.setting.metric.rawValue]
        + values(row).map { $0.map { String($0) } ?? "" }
    }
    return ([head] + lines).map { $0.joined(separator: ",") + "\n" }.joined()
  }

  private static func quoted(_ text: String) -> String {
    guard text.contains(where: { $0 == "," || $0 == "\"" || $0.isNewline }) else { return text }
    return "\"" + text.replacing("\"", with: "\"\"") + "\""
  }
}

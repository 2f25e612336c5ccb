internal import Basics
public import Inference
public import MetricLearning

/// One of the settings that `adbvec evaluate` compares: what differs from the settings that all share, as `key=value`
/// separated by blanks or semicolons: `feature=rmac:3 mirror=averaged projection=lda.safetensors metric=l2`.
public struct EvaluationSetting: Sendable, Hashable {
  /// What it is called in the comparison.
  public var name: String
  /// The network.
  public var model: String?
  /// The checkpoint file.
  public var weights: String?
  /// What is taken from the network.
  public var feature: FeatureKind
  /// Whether vectors are scaled to length 1.
  public var normalised: Bool
  /// The copies that are averaged.
  public var augmentation: TestTimeAugmentation
  /// The projection's file.
  public var projection: String?
  /// What images are ranked by.
  public var metric: RankingMetric

  /// The settings that all share.
  public init(
    name: String,
    model: String? = nil,
    weights: String? = nil,
    feature: FeatureKind = .logits,
    normalised: Bool = false,
    augmentation: TestTimeAugmentation = .one,
    projection: String? = nil,
    metric: RankingMetric = .cosine
  ) {
    self.name = name
    self.model = model
    self.weights = weights
    self.feature = feature
    self.normalised = normalised
    self.augmentation = augmentation
    self.projection = projection
    self.metric = metric
  }

  /// The keys that a setting may have.
  public static let keys = [
    "name", "model", "weights", "feature", "normalise", "scales", "mirror", "projection", "metric",
  ]

  /// This setting with what a text changes; its name is the text unless it gives one.
  ///
  /// A setting that changes model or feature keeps no shared projection, which was fitted for another.
  ///
  /// - Throws: `LoadError` with code `features`, or `NetworkError` for a feature or scales that cannot be.
  public func changed(by text: String) throws -> EvaluationSetting {
    var setting = self
    setting.name = text
    let pairs = text.split { $0 == " " || $0 == ";" }
    guard !pairs.isEmpty else { throw Self.syntax(text, "it is empty") }
    var changed: Set<String> = []
    for pair in pairs {
      let parts = pair.split(separator: "=", maxSplits: 1).map(String.init)
      guard parts.count == 2, Self.keys.contains(parts[0]) else {
        throw Self.syntax(text, "\"\(pair)\" is not one of \(Self.keys.joined(separator: "=, "))=")
      }
      guard changed.insert(parts[0]).inserted else { throw Self.syntax(text, "\(parts[0]) stands twice") }
      try setting.set(parts[0], parts[1], in: text)
    }
    if !changed.contains("projection"), !changed.isDisjoint(with: ["model", "weights", "feature"]) {
      setting.projection = nil
    }
    if changed.contains("model"), !changed.contains("weights") { setting.weights = nil }
    if changed.contains("weights"), !changed.contains("model") { setting.model = nil }
    return setting
  }

  private mutating func set(_ key: String, _ value: String, in text: String) throws {
    switch key {
    case "name": name = value
    case "model": model = value
    case "weights": weights = value
    case "feature": feature = try FeatureKind(parsing: value)
    case "normalise": normalised = try Self.choice(value, ["yes": true, "no": false], key, text)
    case "scales": augmentation = try TestTimeAugmentation(parsing: value, mirror: augmentation.mirror)
    case "mirror":
      let mirrors = ["yes": TestTimeAugmentation.Mirror.averaged, "no": .none]
      let mirror = try Self.choice(value, mirrors, key, text)
      augmentation = try TestTimeAugmentation(scales: augmentation.scales, mirror: mirror)
    case "projection": projection = value == "none" ? nil : value
    default: metric = try Self.choice(value, ["l2": .l2, "cosine": .cosine], key, text)
    }
  }

  private static func choice<Value>(
    _ value: String,
    _ choices: [String: Value],
    _ key: String,
    _ text: String
  ) throws -> Value {
    guard let chosen = choices[value] else {
      throw syntax(text, "\(key) is \(choices.keys.sorted().joined(separator: " or ")), not \(value)")
    }
    return chosen
  }

  private static func syntax(_ text: String, _ reason: String) -> LoadError {
    LoadError(.features, "the setting \"\(text)\" cannot be read: \(reason)")
  }

  /// Whether two settings take the same vectors from the images, and differ only in what is done with these.
  public func sharesVectors(with other: EvaluationSetting) -> Bool {
    (model, weights, feature, normalised) == (other.model, other.weights, other.feature, other.normalised)
      && augmentation == other.augmentation
  }
}

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
      [Quoting.csvField(row.setting.name), String(row.result.dimension), row.setting.metric.rawValue]
        + values(row).map { $0.map { String($0) } ?? "" }
    }
    return ([head] + lines).map { $0.joined(separator: ",") + "\n" }.joined()
  }
}

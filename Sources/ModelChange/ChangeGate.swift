internal import Basics
internal import FoundationEssentials
internal import ImageGrid
internal import ImageSearch
internal import MetricLearning
internal import PostgresClient
internal import Tuning
internal import VectorSQL

/// How much worse the new vectors may be.
public struct GateLimits: Sendable, Hashable {
  /// Rows that are compared.
  public var sample = 1000
  /// The most that the precision at 10 of the classes may fall, as a share: 0.02 lets 0.80 become 0.78.
  public var maximumLoss = 0.02
  /// The least share of the true neighbours that the new index must find.
  public var minimumRecall = 0.9
  /// The least share of the ten nearest that old and new vectors must have in common.
  public var minimumAgreement = 0.0

  /// The usual limits.
  public init() {}

  /// Limits as a step's line gives them.
  init(_ values: [String: String]) throws {
    func number(_ name: String, _ fallback: Double) throws -> Double {
      guard let text = values[name] else { return fallback }
      guard let value = Double(text), value >= 0 else {
        throw ChangeError("the gate's \(name) must be a number such as 0.02, not \"\(text)\"")
      }
      return value
    }
    sample = Int(try number("sample", 1000))
    maximumLoss = try number("max-loss", maximumLoss)
    minimumRecall = try number("min-recall", minimumRecall)
    minimumAgreement = try number("min-agreement", minimumAgreement)
  }

  var words: String {
    "sample=\(sample) max-loss=\(maximumLoss) min-recall=\(minimumRecall) min-agreement=\(minimumAgreement)"
  }
}

/// What a comparison of old and new vectors found.
public struct GateReport: Sendable, Hashable, Codable {
  /// How well one kind of vectors finds images of the same class.
  public struct Quality: Sendable, Hashable, Codable {
    /// The share of images whose nearest one is of their class.
    public var precisionAt1: Double
    /// The share of the ten nearest that are of the image's class, on average.
    public var precisionAt10: Double
    /// The mean average precision.
    public var meanAveragePrecision: Double

    init(_ quality: RetrievalQuality) {
      precisionAt1 = quality.precisionAt1
      precisionAt10 = quality.precisionAt10
      meanAveragePrecision = quality.meanAveragePrecision
    }
  }

  /// The table and column.
  public var column: String
  /// Rows in the sample.
  public var rows: Int
  /// The share of the ten nearest in the sample that old and new vectors have in common.
  public var agreement: Double
  /// The share of true neighbours that the new index found; nil where the new vectors have none.
  public var indexRecall: Double?
  /// The share of true neighbours that the old index found; nil where the old vectors have none.
  public var oldIndexRecall: Double?
  /// The old vectors by class; nil where there are no classes.
  public var old: Quality?
  /// The new vectors by class.
  public var new: Quality?
  /// What the vectors were made by.
  public var oldRecipe: [String: String]
  /// What the new vectors are made by.
  public var newRecipe: [String: String]
  /// Why the new vectors are refused, a sentence each; empty when they pass.
  public var refusals: [String]
}

/// Compares old and new vectors.
struct ChangeGate: Sendable {
  let change: VectorChange
  let classColumn: Identifier?
  let limits: GateLimits
  let dialect: Dialect
  /// Whether the vectors stay, and candidates by their bits are compared with the index on the vectors.
  var isFirstPass = false

  /// The column with the new vectors.
  private var compared: Identifier { isFirstPass ? change.column : change.next }

  /// - Throws: `PostgresError`; what a search throws.
  func measure(on connection: PostgresConnection) async throws -> GateReport {
    let samples = try await sample(on: connection)
    let metric = try await searchTable(change.column, on: connection).metric
    let ranking: RankingMetric = metric == .cosine ? .cosine : .l2
    var report = GateReport(
      column: "\(change.sql(change.table)).\(change.sql(change.column))",
      rows: samples.count,
      agreement: 1,
      oldRecipe: try await recipe(change.column, connection),
      newRecipe: try await recipe(compared, connection),
      refusals: []
    )
    guard samples.count > 1 else { return report }
    report.oldIndexRecall = try await recall(samples.map(\.old), of: change.column, on: connection)
    report.indexRecall = try await recall(
      samples.map(\.new),
      of: compared,
      byBits: isFirstPass,
      on: connection
    )
    guard !isFirstPass else {
      report.refusals = refusals(report)
      return report
    }
    var numbers: [String: Int] = [:]
    let labels = samples.enumerated().map { position, row -> Int in
      guard let name = row.name else { return -1 - position }
      let number = numbers[name] ?? numbers.count
      numbers[name] = number
      return number
    }
    let old = try LabelledVectors(vectors: samples.map(\.old), labels: labels)
    let new = try LabelledVectors(vectors: samples.map(\.new), labels: labels)
    let k = min(10, samples.count - 1)
    let pairs = zip(try old.nearest(k, metric: ranking), try new.nearest(k, metric: ranking))
    report.agreement =
      pairs.map { Double(Set($0).intersection($1).count) / Double(k) }.reduce(0, +) / Double(samples.count)
    let quality = try old.retrievalQuality(metric: ranking)
    if quality.queries > 0 {
      report.old = .init(quality)
      report.new = .init(try new.retrievalQuality(metric: ranking))
    }
    report.refusals = refusals(report)
    return report
  }

  private func refusals(_ report: GateReport) -> [String] {
    var refusals: [String] = []
    func share(_ value: Double) -> String { String(printf: "%.3f", value) }
    if let old = report.old, let new = report.new, old.precisionAt10 - new.precisionAt10 > limits.maximumLoss
    {
      refusals.append(
        "the precision at 10 of the classes falls from \(share(old.precisionAt10)) to \(share(new.precisionAt10)), and "
          + "\(limits.maximumLoss) is allowed"
      )
    }
    if let recall = report.indexRecall, recall < limits.minimumRecall {
      refusals.append(
        "the new index finds \(share(recall)) of the true neighbours, and \(limits.minimumRecall) is the least"
      )
    }
    if report.agreement < limits.minimumAgreement {
      refusals.append(
        "old and new vectors agree on \(share(report.agreement)) of the ten nearest, and \(limits.minimumAgreement) is the least"
      )
    }
    return refusals
  }

  private struct Sample: Sendable {
    var id: String
    var name: String?
    var old: [Float]
    var new: [Float]
  }

  /// Rows spread evenly by a hash of their ids: the same ones every time.
  private func sample(on connection: PostgresConnection) async throws -> [Sample] {
    let id = change.sql(change.idColumn)
    let name = classColumn.map { "CAST(\(change.sql($0)) AS text)" } ?? "NULL::text"
    let (old, new) = (change.sql(change.column), change.sql(compared))
    // The ids first: the vectors of all rows would be read and converted to be sorted.
    let statement = Statement(
      trusted: """
        SELECT CAST(\(id) AS text), \(name), \(old)::real[], \(new)::real[] FROM \(change.sql(change.table))
        WHERE \(id) IN (SELECT \(id) FROM \(change.sql(change.table)) WHERE \(old) IS NOT NULL AND \(new) IS NOT NULL
          ORDER BY md5(CAST(\(id) AS text)) LIMIT \(limits.sample))
        ORDER BY md5(CAST(\(id) AS text))
        """
    )
    return try await connection.query(statement).map { row in
      let (id, name, old, new) = try row.decode(String.self, String?.self, [Float].self, [Float].self)
      return Sample(id: id, name: name, old: old, new: new)
    }
  }

  private func searchTable(_ column: Identifier, on connection: PostgresConnection) async throws -> ImageTable
  {
    let table = ImageTable(
      name: change.table,
      idColumn: change.idColumn,
      classColumn: classColumn ?? "class",
      vectorColumn: column
    )
    return try await table.read(dialect: dialect, metric: nil, from: connection)
  }

  /// Searches near a few rows of the sample, by the column's index and exactly.
  /// - Parameter byBits: leaves the index on the vectors themselves alone.
  private func recall(
    _ vectors: [[Float]],
    of column: Identifier,
    byBits: Bool = false,
    on connection: PostgresConnection
  ) async throws -> Double? {
    var table = try await searchTable(column, on: connection)
    if byBits { table.index = nil }
    guard table.index != nil || table.firstPassIndex != nil else { return nil }
    let searcher = ImageSearcher(table: table, connections: connection)
    var recalls: [Double] = []
    for vector in vectors.prefix(20) where vector.contains(where: { $0 != 0 }) {
      recalls.append(try await searcher.trial(ImageQuery(.vector(vector), topK: 10)).recall)
    }
    return recalls.isEmpty ? nil : recalls.reduce(0, +) / Double(recalls.count)
  }

  private func recipe(_ column: Identifier, _ connection: PostgresConnection) async throws -> [String: String]
  {
    let store = try await RecipeStore(table: change.table, column: column, on: connection)
    let fields = try await store.read(connection)?.recipe.fields ?? []
    return Dictionary(uniqueKeysWithValues: fields.map { ($0.field.rawValue, $0.value) })
  }
}

extension GateReport {
  /// The report as JSON with sorted keys.
  public var json: String {
    get throws {
      let encoder = JSONEncoder()
      encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
      encoder.keyEncodingStrategy = .convertToSnakeCase
      return String(decoding: try encoder.encode(self), as: UTF8.self) + "\n"
    }
  }

  /// What can be drawn of it: the classes' precision and the indexes' recall, where they were measured; nil for neither.
  var chart: BarChart? {
    func shares(_ quality: Quality?, _ recall: Double?) -> [Double?] {
      (quality.map { [$0.precisionAt1, $0.precisionAt10, $0.meanAveragePrecision] } ?? [])
        + (indexRecall.map { _ in [recall] } ?? [])
    }
    let measures = (old == nil ? [] : ["P@1", "P@10", "mAP"]) + (indexRecall == nil ? [] : ["index recall"])
    guard !measures.isEmpty else { return nil }
    return BarChart(
      heading: old == nil
        ? "True neighbours that the index finds" : "Images of the same class among the nearest",
      measures: measures,
      groups: [
        BarChart.Group(title: "old", shares: shares(old, oldIndexRecall)),
        BarChart.Group(title: "new", shares: shares(new, indexRecall)),
      ]
    )
  }

  /// One line for a person who watches.
  var summary: String {
    func share(_ value: Double) -> String { String(printf: "%.3f", value) }
    var parts = ["\(rows) rows", "agreement \(share(agreement))"]
    if let indexRecall {
      parts.append("index recall " + (oldIndexRecall.map { "\(share($0)) -> " } ?? "") + share(indexRecall))
    }
    if let old, let new {
      parts.append("precision at 10 \(share(old.precisionAt10)) -> \(share(new.precisionAt10))")
    }
    return parts.joined(separator: ", ")
  }
}

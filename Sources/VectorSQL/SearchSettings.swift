/// The knobs of one search, applied with `SET LOCAL` in the transaction of the search.
///
/// A setting that is nil is left as the server has it.
public struct SearchSettings: Sendable, Hashable {
  /// Candidates kept while a graph is walked; more find more and take longer.
  /// `hnsw.ef_search` 1…1000, `fastann.hnsw_ef_search`.
  public var efSearch: Int?
  /// Points a graph search may visit (`fastann.hnsw_max_scan_points`).
  public var maxScanPoints: Int?
  /// Whether a search goes on when filters leave too few rows (`hnsw.iterative_scan`, `ivfflat.iterative_scan`).
  public var iterativeScan: IterativeScan?
  /// Tuples an iterative HNSW scan may visit (`hnsw.max_scan_tuples`).
  public var maxScanTuples: Int?
  /// Memory of an iterative HNSW scan, as a multiple of `work_mem` (`hnsw.scan_mem_multiplier`), 1…1000.
  public var scanMemoryMultiplier: Int?
  /// Lists an IVFFlat search visits (`ivfflat.probes`), 1…32768.
  public var probes: Int?
  /// Lists an iterative IVFFlat scan may visit (`ivfflat.max_probes`), 1…32768.
  public var maxProbes: Int?
  /// How many more candidates a product-quantised search re-ranks (`fastann.pq_amp`).
  public var pqAmplification: Int?

  /// How an iterative scan orders what it finds.
  public enum IterativeScan: String, Sendable, Hashable, CaseIterable {
    /// One pass.
    case off
    /// Further passes; rows stay in exact order of distance.
    case strict = "strict_order"
    /// Further passes; rows may be slightly out of order, and more are found.
    case relaxed = "relaxed_order"
  }

  /// Settings by name; what is not given is left as the server has it.
  public init(
    efSearch: Int? = nil,
    maxScanPoints: Int? = nil,
    iterativeScan: IterativeScan? = nil,
    maxScanTuples: Int? = nil,
    scanMemoryMultiplier: Int? = nil,
    probes: Int? = nil,
    maxProbes: Int? = nil,
    pqAmplification: Int? = nil
  ) {
    self.efSearch = efSearch
    self.maxScanPoints = maxScanPoints
    self.iterativeScan = iterativeScan
    self.maxScanTuples = maxScanTuples
    self.scanMemoryMultiplier = scanMemoryMultiplier
    self.probes = probes
    self.maxProbes = maxProbes
    self.pqAmplification = pqAmplification
  }

  /// The `SET LOCAL` statements, in a fixed order; they take effect inside a transaction only.
  /// - Throws: `RenderingError` when a number is out of range or the dialect has no such setting.
  public func statements(for dialect: Dialect) throws(RenderingError) -> [Statement] {
    var result: [Statement] = []
    for (key, value) in integers {
      guard let value else { continue }
      let setting = try dialect.settings.setting(key, dialect: dialect)
      try RenderingError.check(value, in: setting.range, setting.name)
      result.append(Statement(trusted: "SET LOCAL \(setting.name) = \(value)"))
    }
    guard let iterativeScan else { return result }
    guard dialect.hasIterativeScan else {
      throw RenderingError(
        .unsupportedFeature,
        "the dialect \(dialect) has no iterative scans; leave iterative_scan out"
      )
    }
    return result
      + dialect.settings.iterativeScan.filter { $0.takes(iterativeScan) }
      .map { Statement(trusted: "SET LOCAL \($0.name) = \(iterativeScan.rawValue)") }
  }

  /// The settings, with those added without which a search would return fewer rows than it asks for.
  func completed(rows: Int, losesRows: Bool, for dialect: Dialect) -> SearchSettings {
    var effective = self
    if let setting = dialect.settings.numbers[.efSearch], let standard = setting.standard,
      effective.efSearch == nil, rows > standard
    {
      effective.efSearch = min(rows, setting.range.upperBound)
    }
    let needsMore = losesRows || rows > (effective.efSearch ?? rows)
    if dialect.hasIterativeScan, effective.iterativeScan == nil, needsMore {
      effective.iterativeScan = .strict
    }
    return effective
  }

  private var integers: [(SettingsVocabulary.Key, Int?)] {
    [
      (.efSearch, efSearch), (.maxScanPoints, maxScanPoints), (.maxScanTuples, maxScanTuples),
      (.scanMemoryMultiplier, scanMemoryMultiplier), (.probes, probes), (.maxProbes, maxProbes),
      (.pqAmplification, pqAmplification),
    ]
  }
}

extension Dialect {
  /// Whether the dialect has words for iterative scans, and the server understands them.
  fileprivate var hasIterativeScan: Bool {
    capabilities.iterativeScan && !settings.iterativeScan.isEmpty
  }
}

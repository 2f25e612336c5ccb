/// The settings of one search, applied with `SET LOCAL` in the transaction of the search.
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

  /// The kind of index that serves the search; its iterative scan alone is turned on. nil: not known.
  public var index: ServingIndex.Kind?

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
    pqAmplification: Int? = nil,
    index: ServingIndex.Kind? = nil
  ) {
    self.efSearch = efSearch
    self.maxScanPoints = maxScanPoints
    self.iterativeScan = iterativeScan
    self.maxScanTuples = maxScanTuples
    self.scanMemoryMultiplier = scanMemoryMultiplier
    self.probes = probes
    self.maxProbes = maxProbes
    self.pqAmplification = pqAmplification
    self.index = index
  }

  /// The `SET LOCAL` statements, in a fixed order; they take effect inside a transaction only.
  /// - Throws: `RenderingError` when a number is out of range or the dialect has no such setting.
  public func statements(for dialect: Dialect) throws(RenderingError) -> [Statement] {
    guard self != SearchSettings() else { return [] }
    var result: [Statement] = []
    for (key, value) in integers {
      guard let value else { continue }
      let setting = try dialect.settings.setting(key, dialect: dialect)
      try RenderingError.check(value, in: setting.range, setting.name)
      result.append(Statement(trusted: "SET LOCAL \(setting.name) = \(value)"))
    }
    guard let iterativeScan else { return result.isEmpty ? [] : dialect.settingsPrelude + result }
    guard dialect.hasIterativeScan else {
      throw RenderingError(
        .unsupportedFeature,
        "the dialect \(dialect) has no iterative scans; leave iterative_scan out"
      )
    }
    result += dialect.settings.iterativeScan.filter { $0.takes(iterativeScan) && $0.serves(index) }
      .map { Statement(trusted: "SET LOCAL \($0.name) = \(iterativeScan.rawValue)") }
    return result.isEmpty ? [] : dialect.settingsPrelude + result
  }

  /// The settings, with those added without which a search would return fewer rows than it asks for.
  ///
  /// - Parameters:
  ///   - rows: how many rows are asked for.
  ///   - losesRows: whether conditions take rows away after the index has found them.
  ///   - index: the index that serves the search; without one a graph is assumed.
  func completed(
    rows: Int,
    losesRows: Bool,
    index: ServingIndex?,
    for dialect: Dialect
  ) -> SearchSettings {
    var effective = self
    effective.index = effective.index ?? index?.kind
    if effective.index == .ivfflat { return effective.completedLists(index, for: dialect) }
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

  /// An inverted-list search ends with the lists that it probes, independent of the limit; an iterative scan goes on. A
  /// server without those probes as many lists as pgvector's documentation advises.
  private func completedLists(_ index: ServingIndex?, for dialect: Dialect) -> SearchSettings {
    var effective = self
    if dialect.hasIterativeScan {
      effective.iterativeScan = effective.iterativeScan ?? .relaxed
    } else if effective.probes == nil, let lists = index?.lists, lists > 0 {
      effective.probes = max(1, Int(Double(lists).squareRoot().rounded(.up)))
    }
    return effective
  }

  /// What a statement needs that holds two searches: the greater of each number.
  func merged(with other: SearchSettings) -> SearchSettings {
    if self == SearchSettings() { return other }
    if other == SearchSettings() { return self }
    func larger(_ left: Int?, _ right: Int?) -> Int? { [left, right].compactMap(\.self).max() }
    let modes = [iterativeScan, other.iterativeScan].compactMap(\.self)
    return SearchSettings(
      efSearch: larger(efSearch, other.efSearch),
      maxScanPoints: larger(maxScanPoints, other.maxScanPoints),
      iterativeScan: modes.contains(.relaxed) ? .relaxed : modes.first,
      maxScanTuples: larger(maxScanTuples, other.maxScanTuples),
      scanMemoryMultiplier: larger(scanMemoryMultiplier, other.scanMemoryMultiplier),
      probes: larger(probes, other.probes),
      maxProbes: larger(maxProbes, other.maxProbes),
      pqAmplification: larger(pqAmplification, other.pqAmplification),
      index: index == other.index ? index : nil
    )
  }

  private var integers: [(SettingsVocabulary.Key, Int?)] {
    [
      (.efSearch, efSearch), (.maxScanPoints, maxScanPoints), (.maxScanTuples, maxScanTuples),
      (.scanMemoryMultiplier, scanMemoryMultiplier), (.probes, probes), (.maxProbes, maxProbes),
      (.pqAmplification, pqAmplification),
    ]
  }
}

/// The index that serves a search, as far as its settings depend on it.
public struct ServingIndex: Sendable, Hashable {
  /// How the index works.
  public enum Kind: String, Sendable, Hashable, CaseIterable {
    /// A graph of pgvector's.
    case hnsw
    /// Inverted lists of pgvector's.
    case ivfflat
    /// AnalyticDB's.
    case ann
  }

  /// How the index works.
  public let kind: Kind
  /// The number of inverted lists, where there are any.
  public let lists: Int?

  /// An index of that kind.
  public init(_ kind: Kind, lists: Int? = nil) {
    self.kind = kind
    self.lists = lists
  }
}

extension Dialect {
  /// What makes the settings behind it reach the nodes with the rows, in the same transaction.
  var settingsPrelude: [Statement] {
    capabilities.citus ? ["SET LOCAL citus.propagate_set_commands = 'local'"] : []
  }

  /// Whether the dialect has words for iterative scans, and the server understands them.
  var hasIterativeScan: Bool {
    capabilities.iterativeScan && !settings.iterativeScan.isEmpty
  }
}

/// The names, ranges and defaults of a dialect's search settings.
public struct SettingsVocabulary: Sendable, Hashable {
  /// A setting with a number.
  public struct Setting: Sendable, Hashable {
    /// The server's name for it.
    public let name: String
    /// What the server takes.
    public let range: ClosedRange<Int>
    /// What the server uses when nobody sets it, where that is documented.
    public let standard: Int?

    /// A setting of a server.
    public init(_ name: String, _ range: ClosedRange<Int>, standard: Int? = nil) {
      self.name = name
      self.range = range
      self.standard = standard
    }
  }

  /// A setting that turns iterative scans on.
  public struct IterativeSetting: Sendable, Hashable {
    /// The server's name for it.
    public let name: String
    /// Whether it knows `strict_order`; IVFFlat does not.
    public let knowsStrictOrder: Bool

    /// A setting of a server.
    public init(_ name: String, knowsStrictOrder: Bool) {
      self.name = name
      self.knowsStrictOrder = knowsStrictOrder
    }

    func takes(_ mode: SearchSettings.IterativeScan) -> Bool {
      mode != .strict || knowsStrictOrder
    }

    func serves(_ index: ServingIndex.Kind?) -> Bool {
      index.map { name.hasPrefix($0.rawValue + ".") } ?? true
    }
  }

  /// The settings of ``SearchSettings`` that hold a number.
  public enum Key: String, Sendable, Hashable, CaseIterable {
    /// ``SearchSettings/efSearch``
    case efSearch = "ef_search"
    /// ``SearchSettings/maxScanPoints``
    case maxScanPoints = "max_scan_points"
    /// ``SearchSettings/maxScanTuples``
    case maxScanTuples = "max_scan_tuples"
    /// ``SearchSettings/scanMemoryMultiplier``
    case scanMemoryMultiplier = "scan_mem_multiplier"
    /// ``SearchSettings/probes``
    case probes
    /// ``SearchSettings/maxProbes``
    case maxProbes = "max_probes"
    /// ``SearchSettings/pqAmplification``
    case pqAmplification = "pq_amp"
  }

  /// The settings with a number that the dialect has.
  public var numbers: [Key: Setting]
  /// The settings that turn iterative scans on.
  public var iterativeScan: [IterativeSetting]

  /// A vocabulary from its parts.
  public init(numbers: [Key: Setting], iterativeScan: [IterativeSetting] = []) {
    self.numbers = numbers
    self.iterativeScan = iterativeScan
  }

  func setting(_ key: Key, dialect: Dialect) throws(RenderingError) -> Setting {
    guard let setting = numbers[key] else {
      let known = numbers.keys.map(\.rawValue).sorted().joined(separator: ", ")
      throw RenderingError(
        .unsupportedFeature,
        "the dialect \(dialect) has no search setting \(key.rawValue); it has \(known)"
      )
    }
    return setting
  }

  /// pgvector 0.8; ranges and defaults from its source (`src/hnsw.c`, `src/ivfflat.c`).
  public static let pgvector = SettingsVocabulary(
    numbers: [
      .efSearch: Setting("hnsw.ef_search", 1...1000, standard: 40),
      .maxScanTuples: Setting("hnsw.max_scan_tuples", 1...Int(Int32.max), standard: 20_000),
      .scanMemoryMultiplier: Setting("hnsw.scan_mem_multiplier", 1...1000, standard: 1),
      .probes: Setting("ivfflat.probes", 1...32_768, standard: 1),
      .maxProbes: Setting("ivfflat.max_probes", 1...32_768, standard: 32_768),
    ],
    iterativeScan: [
      IterativeSetting("hnsw.iterative_scan", knowsStrictOrder: true),
      IterativeSetting("ivfflat.iterative_scan", knowsStrictOrder: false),
    ]
  )

  /// AnalyticDB's FastANN. The vendor publishes no ranges; these keep out what cannot be meant.
  public static let analyticDB = SettingsVocabulary(
    numbers: [
      .efSearch: Setting("fastann.hnsw_ef_search", 1...100_000),
      .maxScanPoints: Setting("fastann.hnsw_max_scan_points", 1...100_000_000),
      .pqAmplification: Setting("fastann.pq_amp", 1...1000),
    ]
  )
}

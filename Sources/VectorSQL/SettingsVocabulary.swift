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

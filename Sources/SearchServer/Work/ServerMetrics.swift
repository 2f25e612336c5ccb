internal import Basics
public import CoreMetrics
internal import FoundationEssentials
internal import Glibc
internal import Synchronization

/// The page's own numbers.
struct ServerMetrics: Sendable {
  let registry: PrometheusRegistry
  private let features: CoreMetrics.Timer
  private let database: CoreMetrics.Timer
  private let thumbnails: [ThumbnailOrigin: Counter]

  /// Where a thumbnail came from.
  enum ThumbnailOrigin: String, CaseIterable {
    /// Made for this request.
    case image
    case memory
    case disk
  }

  init(registry: PrometheusRegistry) {
    self.registry = registry
    features = Timer(label: "adbvec_features_seconds", factory: registry)
    database = Timer(label: "adbvec_database_seconds", factory: registry)
    thumbnails = Dictionary(
      uniqueKeysWithValues: ThumbnailOrigin.allCases.map { origin in
        let dimensions = [("from", origin.rawValue)]
        return (origin, Counter(label: "adbvec_thumbnails_total", dimensions: dimensions, factory: registry))
      }
    )
    for (name, help) in Self.help { registry.describe(name, help) }
  }

  private static let help = [
    "adbvec_http_requests_total": "Requests answered, by route, method and status.",
    "adbvec_http_request_seconds": "From the request's head to the answer's head, by route.",
    "adbvec_features_seconds": "Time of one feature extraction, decoding included.",
    "adbvec_database_seconds": "Time of one search in the database, as its client saw it.",
    "adbvec_thumbnails_total": "Thumbnails answered, made from an image or taken from memory or disk.",
    "adbvec_turned_away_total": "Requests that got 503 because a queue was full, by queue.",
    "adbvec_queue_running": "Pieces of work that run now, by queue.",
    "adbvec_queue_waiting": "Pieces of work that wait now, by queue.",
    "adbvec_connections": "Open connections.",
    "adbvec_connections_evicted_total": "Idle connections closed because there were too many.",
    "process_resident_memory_bytes": "Resident memory size in bytes.",
  ]

  func request(route: String, method: String, status: Int, seconds: Double) {
    let dimensions = [("route", route), ("method", method), ("status", String(status))]
    Counter(label: "adbvec_http_requests_total", dimensions: dimensions, factory: registry).increment()
    Timer(label: "adbvec_http_request_seconds", dimensions: [("route", route)], factory: registry)
      .recordSeconds(seconds)
  }

  func evictedConnection() {
    Counter(label: "adbvec_connections_evicted_total", factory: registry).increment()
  }

  func extracted(milliseconds: Double) { features.recordMilliseconds(milliseconds) }
  func queried(milliseconds: Double) { database.recordMilliseconds(milliseconds) }
  func thumbnail(from origin: ThumbnailOrigin) { thumbnails[origin]?.increment() }

  func turnedAway(from queue: String) {
    Counter(label: "adbvec_turned_away_total", dimensions: [("queue", queue)], factory: registry).increment()
  }

  /// Brings the numbers up to date that are looked up, not counted.
  func sample(queues: [(name: String, queue: AdmissionQueue)], connections: OpenConnections) {
    for (name, queue) in queues {
      let load = queue.load
      gauge("adbvec_queue_running", load.running, [("queue", name)])
      gauge("adbvec_queue_waiting", load.waiting, [("queue", name)])
    }
    gauge("adbvec_connections", connections.count)
    if let pages = Self.residentPages() { gauge("process_resident_memory_bytes", pages * Int(getpagesize())) }
  }

  private func gauge(_ label: String, _ value: Int, _ dimensions: [(String, String)] = []) {
    Meter(label: label, dimensions: dimensions, factory: registry).set(value)
  }

  private static func residentPages() -> Int? {
    guard let text = try? String(contentsOfFile: "/proc/self/statm", encoding: .utf8) else { return nil }
    return text.split(separator: " ").dropFirst().first.flatMap { Int($0) }
  }
}

/// A swift-metrics back end that keeps its numbers in memory and writes them in Prometheus' text format.
///
/// Counters become counters, meters and gauges become gauges, timers become histograms in seconds.
public final class PrometheusRegistry: MetricsFactory {
  /// What tells a series from another.
  struct Key: Hashable {
    let name: String
    let labels: [String]

    init(_ label: String, _ dimensions: [(String, String)]) {
      name = PrometheusText.name(label)
      labels = dimensions.map { "\(PrometheusText.name($0.0))=\"\(Quoting.prometheus($0.1))\"" }.sorted()
    }
  }

  private struct State {
    var counters: [Key: PrometheusCounter] = [:]
    var gauges: [Key: PrometheusGauge] = [:]
    var histograms: [Key: PrometheusHistogram] = [:]
    var help: [String: String] = [:]
  }

  private let state = StateLock(State())

  /// An empty registry.
  public init() {}

  /// Says what a metric means, for the `# HELP` line.
  public func describe(_ label: String, _ help: String) {
    state.withLock { $0.help[PrometheusText.name(label)] = help }
  }

  /// Everything in Prometheus' text exposition format, version 0.0.4.
  public func text() -> String {
    state.withLock { state in
      var text = PrometheusText(help: state.help)
      text.append(state.counters, type: "counter") { [("", "", $0.value)] }
      text.append(state.gauges, type: "gauge") { [("", "", $0.value)] }
      text.append(state.histograms, type: "histogram") { $0.samples }
      return text.rendered
    }
  }

  /// A counter.
  public func makeCounter(label: String, dimensions: [(String, String)]) -> any CounterHandler {
    let key = Key(label, dimensions)
    return state.withLock { $0.counters.existing(key, or: PrometheusCounter()) }
  }

  /// A gauge that follows the last value.
  public func makeRecorder(
    label: String,
    dimensions: [(String, String)],
    aggregate: Bool
  ) -> any RecorderHandler {
    let key = Key(label, dimensions)
    return state.withLock { $0.gauges.existing(key, or: PrometheusGauge()) }
  }

  /// A gauge.
  public func makeMeter(label: String, dimensions: [(String, String)]) -> any MeterHandler {
    let key = Key(label, dimensions)
    return state.withLock { $0.gauges.existing(key, or: PrometheusGauge()) }
  }

  /// A histogram in seconds.
  public func makeTimer(label: String, dimensions: [(String, String)]) -> any TimerHandler {
    let key = Key(label, dimensions)
    return state.withLock { $0.histograms.existing(key, or: PrometheusHistogram()) }
  }

  /// Series are kept until the process ends, as Prometheus expects.
  public func destroyCounter(_ handler: any CounterHandler) {}
  /// Series are kept until the process ends, as Prometheus expects.
  public func destroyRecorder(_ handler: any RecorderHandler) {}
  /// Series are kept until the process ends, as Prometheus expects.
  public func destroyMeter(_ handler: any MeterHandler) {}
  /// Series are kept until the process ends, as Prometheus expects.
  public func destroyTimer(_ handler: any TimerHandler) {}
}

extension Dictionary {
  fileprivate mutating func existing(_ key: Key, or new: @autoclosure () -> Value) -> Value {
    if let value = self[key] { return value }
    let value = new()
    self[key] = value
    return value
  }
}

/// A number that only grows.
final class PrometheusCounter: CounterHandler {
  private let count = Atomic<Int64>(0)

  var value: Double { Double(count.load(ordering: .relaxed)) }

  func increment(by amount: Int64) { count.wrappingAdd(max(0, amount), ordering: .relaxed) }
  func reset() { count.store(0, ordering: .relaxed) }
}

/// A number that goes up and down.
final class PrometheusGauge: RecorderHandler, MeterHandler {
  private let bits = StateLock(0.0)

  var value: Double { bits.withLock { $0 } }

  func record(_ value: Int64) { set(Double(value)) }
  func record(_ value: Double) { set(value) }
  func set(_ value: Int64) { set(Double(value)) }
  func set(_ value: Double) { bits.withLock { $0 = value } }
  func increment(by amount: Double) { bits.withLock { $0 += amount } }
  func decrement(by amount: Double) { bits.withLock { $0 -= amount } }
}

/// How often a time fell below each bound.
final class PrometheusHistogram: TimerHandler {
  static let bounds = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10]

  private struct Counts {
    var buckets = [Int](repeating: 0, count: PrometheusHistogram.bounds.count)
    var count = 0
    var seconds = 0.0
  }

  private let counts = StateLock(Counts())

  func recordNanoseconds(_ duration: Int64) {
    let seconds = Double(duration) / 1e9
    counts.withLock { counts in
      counts.count += 1
      counts.seconds += seconds
      if let index = Self.bounds.firstIndex(where: { seconds <= $0 }) { counts.buckets[index] += 1 }
    }
  }

  /// The series of a histogram: suffix, extra label, value.
  var samples: [(String, String, Double)] {
    let counts = counts.withLock { $0 }
    var total = 0
    var samples = zip(Self.bounds, counts.buckets).map { bound, count in
      total += count
      return ("_bucket", "le=\"\(PrometheusText.number(bound))\"", Double(total))
    }
    samples.append(("_bucket", "le=\"+Inf\"", Double(counts.count)))
    samples.append(("_sum", "", counts.seconds))
    samples.append(("_count", "", Double(counts.count)))
    return samples
  }
}

/// Prometheus' text exposition format, version 0.0.4.
struct PrometheusText {
  static let contentType = "text/plain; version=0.0.4; charset=utf-8"

  private let help: [String: String]
  private(set) var rendered = ""

  init(help: [String: String]) {
    self.help = help
  }

  /// Appends every series of one type; all series of a name stand together, as the format demands.
  mutating func append<Series>(
    _ series: [PrometheusRegistry.Key: Series],
    type: String,
    samples: (Series) -> [(suffix: String, label: String, value: Double)]
  ) {
    let names = Dictionary(grouping: series) { $0.key.name }
    for (name, members) in names.sorted(by: { $0.key < $1.key }) {
      if let line = help[name] { rendered += "# HELP \(name) \(Self.escapedHelp(line))\n" }
      rendered += "# TYPE \(name) \(type)\n"
      for (key, member) in members.sorted(by: { $0.key.labels.lexicographicallyPrecedes($1.key.labels) }) {
        for sample in samples(member) {
          let labels = (key.labels + [sample.label].filter { !$0.isEmpty }).joined(separator: ",")
          let block = labels.isEmpty ? "" : "{\(labels)}"
          rendered += "\(name)\(sample.suffix)\(block) \(Self.number(sample.value))\n"
        }
      }
    }
  }

  /// Letters, digits, `_` and `:`; never a digit first.
  static func name(_ label: String) -> String {
    let name = String(
      label.map { character in
        character.isASCII && (character.isLetter || character.isNumber) || character == ":" ? character : "_"
      }
    )
    return name.first?.isNumber == true ? "_" + name : name
  }

  private static func escapedHelp(_ text: String) -> String {
    Quoting.replacing(text) { $0 == "\\" ? "\\\\" : $0 == "\n" ? "\\n" : nil }
  }

  static func number(_ value: Double) -> String {
    value == value.rounded() && abs(value) < 1e15 ? String(Int64(value)) : String(value)
  }
}

public import CoreMetrics
internal import Synchronization

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
      labels = dimensions.map { "\(PrometheusText.name($0.0))=\"\(PrometheusText.escaped($0.1))\"" }.sorted()
    }
  }

  private struct State {
    var counters: [Key: PrometheusCounter] = [:]
    var gauges: [Key: PrometheusGauge] = [:]
    var histograms: [Key: PrometheusHistogram] = [:]
    var help: [String: String] = [:]
  }

  private let state = Mutex(State())

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

internal import CoreMetrics
internal import Synchronization

/// A number that only grows.
final class PrometheusCounter: CounterHandler {
  private let count = Atomic<Int64>(0)

  var value: Double { Double(count.load(ordering: .relaxed)) }

  func increment(by amount: Int64) { count.wrappingAdd(max(0, amount), ordering: .relaxed) }
  func reset() { count.store(0, ordering: .relaxed) }
}

/// A number that goes up and down.
final class PrometheusGauge: RecorderHandler, MeterHandler {
  private let bits = Mutex(0.0)

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

  private let counts = Mutex(Counts())

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

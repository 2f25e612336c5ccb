internal import CoreMetrics
internal import FoundationEssentials
internal import Glibc

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

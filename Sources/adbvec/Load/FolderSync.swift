import ArgumentParser
import Basics
import CommandSupport
import FoundationEssentials
import Glibc
import ImageCodecs
import ImageSearch
import ImageSources
import Inference
import Ingestion
import PostgresClient
import VectorSQL

/// A folder that is brought up to date, once or again and again: the model is loaded when the first image needs it.
final class FolderSync: Sendable {
  let source: String
  let images: ImageOptionsGroup
  let options: LoadOptions
  let settings: Settings
  let features: FeatureOptions
  /// Warnings of the last listing, which a watch does not repeat.
  private let told = StateLock([String]())

  init(
    source: String,
    images: ImageOptionsGroup,
    options: LoadOptions,
    settings: Settings,
    features: FeatureOptions
  ) {
    (self.source, self.images, self.options) = (source, images, options)
    (self.settings, self.features) = (settings, features)
  }

  /// Lists the folder and does what is to be done.
  func once(
    onImage: (@Sendable (EmbeddingProgress) -> Void)? = nil,
    _ onEvent: @escaping @Sendable (LoadEvent) -> Void
  ) async throws -> LoadReport {
    let server = try settings.connectionSettings()
    let target = try settings.loadTarget()
    let connection = try await PostgresConnection.connect(server)
    let recorded: RecordedRecipe?
    do {
      let store = try await RecipeStore(table: target.table, column: target.vectorColumn, on: connection)
      recorded = try await features.recipe(in: store, connection)
      await connection.close()
    } catch {
      await connection.close()
      throw error
    }
    let ways = features.decoding
    let decoding = recorded.map { ways.options(completedBy: $0.recipe) } ?? ways.options
    let collection = try collection(decoding)
    let warnings = told.withLock { told in
      defer { told = collection.warnings }
      return collection.warnings.filter { !told.contains($0) }
    }
    warnings.forEach { onEvent(.warning($0)) }
    let model = LazyFeatures { [features, settings] in try features.prepare(settings, for: recorded) }
    // Options that contradict the recipe are refused also when there is nothing to do.
    if features.isGiven { _ = try model.value() }
    let batches = ImageBatchSource(
      collection,
      .init(workers: images.reading.workers, ids: images.ids ?? .position, onImage: onImage),
      recipe: { try model.value().recipe },
      coverage: { try model.value().model.coverage },
      makeExtractor: {
        let extractor = try model.value().model.makeExtractor()
        return { try extractor.features(of: $0) }
      }
    )
    return try await Loader(settings: server, target: target, options: options).run(batches) { onEvent($0) }
  }

  /// The images that there are now; none is not an error.
  private func collection(_ options: Image.DecodingOptions) throws -> any ImageCollection {
    guard isManifest else {
      let labels = try images.reading.labels.map(LabelFile.init)
      return try FolderCollection(path: source, labels: labels, options: options, allowsNone: true)
    }
    guard images.reading.labels == nil else {
      throw ValidationError("\(source) names the classes itself; leave --classes out")
    }
    return try ManifestCollection(path: source, options: options, allowsNone: true)
  }

  /// Whether the images are those that a file lists.
  private var isManifest: Bool { ManifestCollection.isManifest(source) }

  /// The folder in which something changes when the images do.
  var folder: String {
    guard isManifest else { return source }
    let folder = URL(fileURLWithPath: source).deletingLastPathComponent().path
    return folder.isEmpty ? "/" : folder
  }
}

/// A model that is loaded at its first use.
private final class LazyFeatures: Sendable {
  private let make: @Sendable () throws -> PreparedFeatures
  private let made = StateLock(PreparedFeatures?.none)

  init(_ make: @escaping @Sendable () throws -> PreparedFeatures) {
    self.make = make
  }

  func value() throws -> PreparedFeatures {
    try made.withLock { made in
      if let made { return made }
      let prepared = try make()
      made = prepared
      return prepared
    }
  }
}

/// What a watch has done so far, as Prometheus text for node_exporter's textfile collector.
struct SyncMetrics {
  private let source: String
  private var totals: [(change: String, count: Int)] = []
  private var states: [(state: String, count: Int)] = []
  private var looks = 0
  private var failures = 0
  private var lastSuccess: (at: Int, seconds: Double)?

  init(source: String) { self.source = source }

  /// Takes in a look that succeeded.
  mutating func add(_ report: LoadReport) {
    guard let changes = report.changes else { return }
    let all = [
      ("added", changes.added), ("changed", changes.changed), ("moved", changes.moved),
      ("touched", changes.touched),
      ("deleted", changes.deleted), ("flagged", changes.flagged), ("embedded", changes.embedded),
    ]
    totals = all.enumerated().map { ($1.0, (totals.isEmpty ? 0 : totals[$0].count) + $1.1) }
    let rows = changes.added + changes.changed + changes.moved + changes.touched + changes.unchanged
    states = [
      ("current", rows), ("unreadable", changes.unreadable), ("missing", changes.missing + changes.heldBack),
    ]
    looks += 1
    lastSuccess = (time(nil), report.duration / .seconds(1))
  }

  /// Takes in a look that failed.
  mutating func addFailure() {
    looks += 1
    failures += 1
  }

  /// Writes the file, in one step for whoever reads it; a failure is told and stops nothing.
  func write(to path: String?) {
    guard let path else { return }
    do {
      try AtomicFile.write(Array(text.utf8), to: path)
    } catch {
      Terminal.warning("\(error)")
    }
  }

  private var text: String {
    let escapes: [Unicode.Scalar: String] = ["\\": "\\\\", "\"": "\\\"", "\n": "\\n"]
    let escaped = source.unicodeScalars.map { escapes[$0] ?? String($0) }.joined()
    let label = "source=\"\(escaped)\""
    var lines: [String] = []
    func metric(_ name: String, _ type: String, _ help: String, _ samples: [(labels: String, value: String)])
    {
      lines += ["# HELP adbvec_sync_\(name) \(help)", "# TYPE adbvec_sync_\(name) \(type)"]
      lines += samples.map { "adbvec_sync_\(name){\(label)\($0.labels)} \($0.value)" }
    }
    metric("looks_total", "counter", "Looks at the images.", [("", "\(looks)")])
    metric("failures_total", "counter", "Looks that failed.", [("", "\(failures)")])
    metric(
      "images_total",
      "counter",
      "Images with which something was done, by what it was.",
      totals.map { (",change=\"\($0.change)\"", "\($0.count)") }
    )
    metric(
      "images",
      "gauge",
      "Images at the last look, by their state.",
      states.map { (",state=\"\($0.state)\"", "\($0.count)") }
    )
    if let lastSuccess {
      metric(
        "last_success_timestamp_seconds",
        "gauge",
        "When the last look that succeeded ended, in seconds since 1970.",
        [("", "\(lastSuccess.at)")]
      )
      metric(
        "last_duration_seconds",
        "gauge",
        "How long that look took.",
        [("", String(printf: "%.3f", lastSuccess.seconds))]
      )
    }
    return lines.joined(separator: "\n") + "\n"
  }
}

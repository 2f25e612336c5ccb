internal import Basics
internal import FoundationEssentials
package import ImageCodecs
package import ImageSearch
internal import ImageSources
internal import Inference
package import PostgresClient

/// How the vectors of a table are made: what was chosen, completed by what the table records.
package struct TableFeatures: Sendable {
  /// Whether anything was chosen: what contradicts the table's recipe is then refused also when there is nothing to do.
  let isGiven: Bool
  /// The recipe that new vectors follow.
  let recipe: @Sendable (RecipeStore, PostgresConnection) async throws -> RecordedRecipe?
  let decoding: @Sendable (RecordedRecipe?) -> Image.DecodingOptions
  /// Loads the model.
  let prepare: @Sendable (RecordedRecipe?) throws -> PreparedFeatures

  package init(
    isGiven: Bool,
    recipe: @escaping @Sendable (RecipeStore, PostgresConnection) async throws -> RecordedRecipe?,
    decoding: @escaping @Sendable (RecordedRecipe?) -> Image.DecodingOptions,
    prepare: @escaping @Sendable (RecordedRecipe?) throws -> PreparedFeatures
  ) {
    self.isGiven = isGiven
    self.recipe = recipe
    self.decoding = decoding
    self.prepare = prepare
  }
}

/// A folder, or a list of images, that a table is brought up to date with, once or again and again: the model is loaded
/// when the first image needs it.
package final class FolderSync: Sendable {
  private let path: String
  private let labels: String?
  private let reading: ImageBatchSource.Options
  private let features: TableFeatures
  private let makeLoader: @Sendable () throws -> Loader
  /// Warnings of the last listing, which a watch does not repeat.
  private let told = StateLock([String]())

  /// - Parameters:
  ///   - path: the folder, or the file that lists the images.
  ///   - labels: a file with the classes of a folder's images.
  ///   - makeLoader: asked at each pass: a server that was started again may be reached in another way.
  package init(
    path: String,
    labels: String?,
    reading: ImageBatchSource.Options,
    features: TableFeatures,
    makeLoader: @escaping @Sendable () throws -> Loader
  ) {
    self.path = path
    self.labels = labels
    self.reading = reading
    self.features = features
    self.makeLoader = makeLoader
  }

  /// Lists the images and does what is to be done.
  package func once(_ onEvent: @escaping @Sendable (LoadEvent) -> Void) async throws -> LoadReport {
    let loader = try makeLoader()
    let recorded = try await recipe(loader)
    let collection = try collection(features.decoding(recorded))
    let warnings = told.withLock { told in
      defer { told = collection.warnings }
      return collection.warnings.filter { !told.contains($0) }
    }
    warnings.forEach { onEvent(.warning($0)) }
    let model = LazyFeatures { [features] in try features.prepare(recorded) }
    if features.isGiven { _ = try model.value() }
    let batches = ImageBatchSource(
      collection,
      reading,
      recipe: { try model.value().recipe },
      coverage: { try model.value().model.coverage },
      makeExtractor: {
        let extractor = try model.value().model.makeExtractor()
        return { try extractor.features(of: $0) }
      }
    )
    return try await loader.run(batches, onEvent: onEvent)
  }

  private func recipe(_ loader: Loader) async throws -> RecordedRecipe? {
    let connection = try await PostgresConnection.connect(loader.settings)
    do {
      let (table, column) = (loader.target.table, loader.target.vectorColumn)
      let store = try await RecipeStore(table: table, column: column, on: connection)
      let recorded = try await features.recipe(store, connection)
      await connection.close()
      return recorded
    } catch {
      await connection.close()
      throw error
    }
  }

  /// The images that there are now; none is not an error.
  private func collection(_ options: Image.DecodingOptions) throws -> any ImageCollection {
    guard isManifest else {
      let labels = try labels.map(LabelFile.init)
      return try FolderCollection(path: path, labels: labels, options: options, allowsNone: true)
    }
    guard labels == nil else {
      throw CollectionError(
        .labels,
        file: path,
        "it names the classes itself; leave the file with classes out"
      )
    }
    return try ManifestCollection(path: path, options: options, allowsNone: true)
  }

  /// Whether the images are those that a file lists.
  private var isManifest: Bool { ManifestCollection.isManifest(path) }

  /// The folder in which something changes when the images do.
  var folder: String {
    guard isManifest else { return path }
    let folder = URL(fileURLWithPath: path).deletingLastPathComponent().path
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

extension FolderSync {
  /// What a watch tells.
  package enum WatchEvent: Sendable {
    /// Not every change is seen at once, and why.
    case limited(String)
    /// The table is up to date.
    case updated(LoadReport)
    /// A look failed; the next one is in `pause` seconds.
    case failed(any Error, pause: Int)
    /// More changed at once than the system can tell.
    case overflowed
  }

  /// Follows the images until the task is cancelled. What may pass is waited for: a database that restarts, a folder that
  /// is not mounted.
  ///
  /// - Parameter interval: the seconds after which they are looked at in any case.
  package func follow(
    every interval: Int,
    onEvent: @escaping @Sendable (LoadEvent) -> Void,
    onWatch: (WatchEvent) throws -> Void
  ) async throws {
    let folders = FolderWatch(path: folder)
    var (limitation, retry) = (String?.none, WatchRetry())
    while true {
      // Watched before the look, so that no change between the two is missed.
      await folders.refresh()
      let limit = await folders.limitation
      if let limit, limit != limitation { try onWatch(.limited(limit)) }
      limitation = limit
      do {
        try onWatch(.updated(try await once(onEvent)))
        retry = WatchRetry()
      } catch {
        guard let pause = retry.pause(after: error) else { throw error }
        try onWatch(.failed(error, pause: pause))
        try await Task.sleep(for: .seconds(pause))
        continue
      }
      if try await folders.next(within: .seconds(interval)) == .overflow { try onWatch(.overflowed) }
    }
  }
}

/// How long a watch waits after looks that failed, one after another.
struct WatchRetry {
  private var pause = 1

  /// The seconds until the next look: from one second, doubled each time, to a minute.
  /// - Returns: nil for an error that does not pass.
  mutating func pause(after error: any Error) -> Int? {
    guard Self.mayPass(error) else { return nil }
    defer { pause = min(pause * 2, 60) }
    return pause
  }

  private static func mayPass(_ error: any Error) -> Bool {
    switch error {
    case let error as PostgresError: error.isConnectionProblem && error.code != .libraryMissing
    case let error as LoadInterruption: mayPass(error.cause)
    case let error as LoadError: error.code == .locked
    // A list that is being written may be cut short.
    case let error as CollectionError: [.unreadable, .damaged].contains(error.code)
    default: false
    }
  }
}

/// What a watch has done so far, as Prometheus text for node_exporter's textfile collector.
package struct SyncMetrics: Sendable {
  private let source: String
  private var totals: [(change: String, count: Int)] = []
  private var states: [(state: String, count: Int)] = []
  private var looks = 0
  private var failures = 0
  private var lastSuccess: (at: Int, seconds: Double)?

  package init(source: String) { self.source = source }

  /// Takes in a look that succeeded.
  /// - Parameter time: when it ended, in seconds since 1970.
  package mutating func add(_ report: LoadReport, at time: Int) {
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
    lastSuccess = (time, report.duration / .seconds(1))
  }

  /// Takes in a look that failed.
  package mutating func addFailure() {
    looks += 1
    failures += 1
  }

  /// The content of the collector's file.
  package var text: String {
    let label = "source=\"\(Quoting.prometheus(source))\""
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

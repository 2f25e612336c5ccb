internal import ImageSources
internal import ImageFeatures
public import PostgresClient
internal import Synchronization

/// Draws vectors from a table: every row passes by once, and memory holds the sample only.
public struct TableSample: Sendable {
  /// How to reach the server.
  public var settings: ConnectionSettings
  /// The table and its columns.
  public var target: LoadTarget

  /// A sample of a table.
  public init(settings: ConnectionSettings, target: LoadTarget) {
    self.settings = settings
    self.target = target
  }

  /// Draws rows at random, the same for the same rows and seed; all of them when there are no more than asked for.
  ///
  /// - Throws: as `Unloader.run`; `LoadError` with code `features` when vectors differ in length.
  public func draw(_ count: Int, seed: UInt64) async throws -> CollectedVectors {
    let kept = KeptRows()
    _ = try await Unloader(settings: settings, target: target).run {
      ReservoirWriter(capacity: count, seed: seed, kept: kept)
    }
    return kept.rows.withLock { $0 }
  }
}

/// Where a writer leaves what it kept.
private final class KeptRows: Sendable {
  let rows = Mutex(CollectedVectors())
}

/// Keeps a uniform sample of the rows written to it (Vitter's algorithm R, 1985).
private final class ReservoirWriter: FeatureWriter {
  private let capacity: Int
  private var generator: SeededGenerator
  private let kept: KeptRows
  private var rows = CollectedVectors()
  private var seen = 0

  init(capacity: Int, seed: UInt64, kept: KeptRows) {
    self.capacity = capacity
    self.kept = kept
    generator = SeededGenerator(seed: seed)
  }

  func write(id: Int64, label: String?, vector: [Float]) throws {
    seen += 1
    if rows.count < capacity {
      try rows.append(id: id, label: label, vector: vector)
    } else {
      let slot = Int.random(in: 0..<seen, using: &generator)
      if slot < capacity { try rows.replace(slot, id: id, label: label, vector: vector) }
    }
  }

  func finish() throws {
    kept.rows.withLock { $0 = rows }
  }
}

internal import Basics
public import ImageCodecs
public import ImageSources
public import MetricLearning

/// The vectors of a source in memory with the class of each, to learn from or to measure with.
public struct CollectedVectors: Sendable, Hashable {
  /// The length of every vector.
  public private(set) var dimension = 0
  /// The vectors, one behind the other.
  public private(set) var values: [Float] = []
  /// The class of each vector; nil where the source has none.
  public private(set) var labels: [String?] = []
  /// The ids, which are an image's position in its collection.
  public private(set) var ids: [Int64] = []
  /// The images that gave no vector, with the reasons.
  public private(set) var unreadable: [UnreadableImage] = []

  /// No vectors yet.
  public init() {}

  /// The number of vectors.
  public var count: Int { ids.count }

  /// Takes a vector.
  ///
  /// - Throws: `LoadError` with code `features` when its length differs from the others'.
  public mutating func append(id: Int64, label: String?, vector: some Collection<Float>) throws {
    if ids.isEmpty { dimension = vector.count }
    guard vector.count == dimension else {
      throw LoadError(
        .features,
        "row \(id) has \(vector.count) numbers where the others have \(dimension)"
      )
    }
    values.append(contentsOf: vector)
    labels.append(label)
    ids.append(id)
  }

  /// Replaces a vector, for samples that are drawn while rows pass by.
  mutating func replace(_ row: Int, id: Int64, label: String?, vector: [Float]) throws {
    guard vector.count == dimension else {
      throw LoadError(
        .features,
        "row \(id) has \(vector.count) numbers where the others have \(dimension)"
      )
    }
    values.replaceSubrange(row * dimension..<(row + 1) * dimension, with: vector)
    labels[row] = label
    ids[row] = id
  }

  /// Takes every vector of another source of the same length.
  ///
  /// - Throws: `LoadError` with code `features`.
  public mutating func append(_ other: CollectedVectors) throws {
    for row in 0..<other.count {
      let vector = other.values[row * other.dimension..<(row + 1) * other.dimension]
      try append(id: other.ids[row], label: other.labels[row], vector: vector)
    }
    unreadable += other.unreadable
  }

  /// Computes all vectors of a source.
  ///
  /// - Parameter progress: told how many are done, now and then.
  /// - Throws: what the source throws.
  public static func reading(
    _ source: some BatchSource,
    progress: @Sendable (Int) -> Void = { _ in }
  ) async throws -> CollectedVectors {
    var all = CollectedVectors()
    let expected = try await source.expectedCount() ?? 0
    // Few rows at a time, so that progress is told as images are embedded.
    while let batch = try await source.next(rows: 8, skipping: DoneRanges()) {
      // Growing would copy them, and for a moment hold them twice.
      if all.ids.isEmpty { all.reserve(expected, dimension: batch.rows.dimension) }
      for row in 0..<batch.rows.count {
        try batch.rows.withVector(row) {
          try all.append(
            id: batch.rows.ids[row].number ?? Int64(all.count),
            label: batch.rows.labels[row],
            vector: $0
          )
        }
      }
      all.unreadable += batch.unreadable
      progress(all.count)
    }
    return all
  }

  /// Makes room for as many rows as a source speaks of, up to a gibibyte: a damaged file may speak of any number.
  private mutating func reserve(_ rows: Int, dimension: Int) {
    values.reserveCapacity(max(0, min(rows, (1 << 28) / max(1, dimension))) * dimension)
  }

  /// The vectors with their classes as numbers, for learning; one class for all when labels do not matter.
  ///
  /// - Parameter supervised: leaves out vectors without a class.
  /// - Throws: `LoadError` with code `features` when nothing is left.
  public func labelled(supervised: Bool) throws -> LabelledVectors {
    let rows = (0..<count).filter { !supervised || labels[$0] != nil }
    guard !rows.isEmpty else {
      throw LoadError(
        .features,
        count == 0 ? "there is no vector to learn from" : "no vector has a class to learn from"
      )
    }
    var numbers = ClassNumbers()
    return try LabelledVectors(
      dimensions: dimension,
      values: rows.flatMap { values[$0 * dimension..<($0 + 1) * dimension] },
      labels: rows.map { supervised ? numbers[labels[$0]] : 0 }
    )
  }
}

/// Classes by name as numbers, counted as they come.
struct ClassNumbers {
  private var known: [String: Int] = [:]

  /// The number of a name; those without a name are all different.
  subscript(name: String?) -> Int {
    mutating get {
      guard let name else {
        unnamed -= 1
        return unnamed
      }
      if let number = known[name] { return number }
      known[name] = known.count
      return known.count - 1
    }
  }

  private var unnamed = 0
}

/// Some images of a collection, drawn at random but always the same for a seed; they keep their order and ids.
public struct ImageSample: ImageCollection {
  private var collection: any ImageCollection
  private let positions: [Int]

  /// The collection's name.
  public var name: String { collection.name }
  /// How many images were drawn.
  public var count: Int { positions.count }

  /// Draws from a collection; all of it when it has no more than asked for.
  public init(of collection: any ImageCollection, count: Int, seed: UInt64) {
    self.collection = collection
    var generator = SeededGenerator(seed: seed)
    positions =
      collection.count <= count
      ? Array(0..<collection.count)
      : (0..<collection.count).shuffled(using: &generator).prefix(count).sorted()
  }

  /// What is known of a drawn image; its id is the collection's.
  public func entry(at position: Int) throws -> ImageEntry { try collection.entry(at: positions[position]) }

  /// The drawn image's coarser class.
  public func coarseLabel(at position: Int) throws -> String? {
    try collection.coarseLabel(at: positions[position])
  }

  /// Reads and decodes a drawn image.
  public func image(at position: Int) throws -> Image { try collection.image(at: positions[position]) }

  /// The memory that a drawn image's header speaks of.
  public func decodingBytes(at position: Int) -> Int { collection.decodingBytes(at: positions[position]) }

  /// The same images, decoded for a resize.
  public func covering(_ coverage: Image.DecodingOptions.Coverage) -> any ImageCollection {
    var covering = self
    covering.collection = collection.covering(coverage)
    return covering
  }

  /// The whole collection's.
  public func fingerprint() throws -> SourceFingerprint { try collection.fingerprint() }
}

public import ImageSources
public import Inference
public import MetricLearning

/// A labelled collection to search in and images to search with: what settings are compared on.
///
/// Queries are another labelled collection; without one every image searches among all others.
public struct RetrievalTask: Sendable {
  private let collection: any ImageCollection
  private let queries: (any ImageCollection)?
  private let workers: Int

  /// A task.
  ///
  /// - Parameter workers: how many images are worked on at once.
  /// - Throws: `LoadError` with code `features` when no image has a class.
  public init(
    collection: any ImageCollection,
    queries: (any ImageCollection)?,
    workers: Int
  ) throws {
    self.collection = collection
    self.queries = queries
    self.workers = workers
    for images in [collection, queries].compactMap({ $0 }) {
      guard try (0..<images.count).contains(where: { try images.entry(at: $0).label != nil }) else {
        throw LoadError(
          .features,
          "\(images.name): no image has a class; retrieval is measured by classes (sub-folders, or --classes)"
        )
      }
    }
  }

  /// The vectors of both sides, before any projection.
  public struct Vectors: Sendable {
    /// What is searched in.
    public let collection: CollectedVectors
    /// What is searched with; nil for the collection itself.
    public let queries: CollectedVectors?

    /// The images of both sides that gave no vector.
    public var unreadable: [UnreadableImage] { collection.unreadable + (queries?.unreadable ?? []) }

    /// The vectors of both sides.
    public init(collection: CollectedVectors, queries: CollectedVectors?) {
      self.collection = collection
      self.queries = queries
    }
  }

  /// Computes the vectors of both sides.
  ///
  /// - Parameter progress: told how many images are done.
  /// - Throws: what the model and the collections throw.
  public func vectors(
    of model: FeatureModel,
    progress: @escaping @Sendable (Int) -> Void = { _ in }
  ) async throws -> Vectors {
    let found = try await CollectedVectors.reading(source(collection, model), progress: progress)
    guard let queries else { return Vectors(collection: found, queries: nil) }
    let start = found.count
    let asked = try await CollectedVectors.reading(source(queries, model)) { progress(start + $0) }
    return Vectors(collection: found, queries: asked)
  }

  private func source(_ images: any ImageCollection, _ model: FeatureModel) -> ImageBatchSource {
    ImageBatchSource(images, .init(workers: workers), model: model)
  }

  /// Measures a setting.
  ///
  /// - Parameter ks: the k's of recall@k.
  /// - Throws: `ProjectionError` with code `shape`; `LoadError` with code `features` when no query has anything to find;
  ///   what the collections throw.
  public func measure(
    _ vectors: Vectors,
    projection: Projection?,
    metric: RankingMetric,
    recallAt ks: [Int]
  ) throws -> RetrievalResult {
    var fine = ClassNumbers()
    let (base, asked) = try sides(vectors, projection) { images, rows in
      rows.labels.map { fine[$0] }
    }
    let quality = try base.retrievalQuality(of: asked, metric: metric, recallAt: ks)
    guard quality.queries > 0 else {
      throw LoadError(
        .features,
        "no query has an image of its class to find in \(collection.name); two images of a class are the least"
      )
    }
    var coarse: RetrievalQuality?
    if try hasCoarseLabels {
      var numbers = ClassNumbers()
      let (base, asked) = try sides(vectors, projection) { images, rows in
        // A sample's ids are those of the collection that it was drawn from.
        let labels = try Dictionary(
          uniqueKeysWithValues: (0..<images.count).map {
            (Int64(try images.entry(at: $0).id), try images.coarseLabel(at: $0))
          }
        )
        return rows.ids.map { numbers[labels[$0] ?? nil] }
      }
      coarse = try base.retrievalQuality(of: asked, metric: metric, recallAt: ks)
    }
    return RetrievalResult(dimension: base.dimensions, fine: quality, coarse: coarse)
  }

  private var hasCoarseLabels: Bool {
    get throws {
      try [collection, queries ?? collection].allSatisfy {
        $0.count > 0 ? try $0.coarseLabel(at: 0) != nil : false
      }
    }
  }

  private func sides(
    _ vectors: Vectors,
    _ projection: Projection?,
    _ classes: (any ImageCollection, CollectedVectors) throws -> [Int]
  ) throws -> (LabelledVectors, LabelledVectors?) {
    func side(_ images: any ImageCollection, _ rows: CollectedVectors) throws -> LabelledVectors {
      let labelled = try LabelledVectors(
        dimensions: max(rows.dimension, 1),
        values: rows.values,
        labels: classes(images, rows)
      )
      return try projection.map { try labelled.projected(by: $0) } ?? labelled
    }
    let base = try side(collection, vectors.collection)
    return (base, try queries.flatMap { other in try vectors.queries.map { try side(other, $0) } })
  }
}

/// How well one setting retrieves.
public struct RetrievalResult: Sendable, Hashable {
  /// The numbers in a vector.
  public let dimension: Int
  /// By the images' classes.
  public let fine: RetrievalQuality
  /// By the classes that these belong to; nil where the collection knows none.
  public let coarse: RetrievalQuality?
}

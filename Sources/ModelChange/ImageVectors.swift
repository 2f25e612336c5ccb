internal import Basics
public import ImageCodecs
internal import ImageSources
public import Inference
internal import MetricLearning
internal import Synchronization

/// A model, and how images are decoded for it.
public struct ChangeModel: Sendable {
  /// The model.
  public let model: FeatureModel
  /// How images are decoded.
  public let decoding: Image.DecodingOptions

  /// A model with its decoding.
  public init(model: FeatureModel, decoding: Image.DecodingOptions) {
    self.model = model
    self.decoding = decoding
  }
}

/// Makes vectors of the images that rows name, each image on a thread of its own.
final class ImageVectors: VectorMaker {
  let readsVectors = false
  private let threads: [EmbeddingThread]
  private let next = Atomic(0)

  init(_ model: ChangeModel, workers: Int) {
    let files = RowImages(model.decoding)
    threads = (0..<max(1, workers)).map { _ in EmbeddingThread(model.model, files) }
  }

  func vectors(of rows: [(source: String?, vector: [Float]?)]) async throws -> [Result<[Float], ImageMissing>]
  {
    try await withThrowingTaskGroup(of: (Int, Result<[Float], ImageMissing>).self) { group in
      for (position, row) in rows.enumerated() {
        let thread = threads[next.add(1, ordering: .relaxed).oldValue % threads.count]
        let source = row.source
        group.addTask { (position, try await thread.vector(of: source)) }
      }
      var made = [Result<[Float], ImageMissing>](repeating: .failure(ImageMissing("")), count: rows.count)
      for try await (position, result) in group { made[position] = result }
      return made
    }
  }
}

/// One thread with an extractor.
private actor EmbeddingThread {
  private let model: FeatureModel
  private let images: RowImages
  private var extractor: FeatureExtractor?
  private nonisolated let executor = ThreadExecutor()

  init(_ model: FeatureModel, _ images: RowImages) {
    self.model = model
    self.images = images
  }

  nonisolated var unownedExecutor: UnownedSerialExecutor { executor.asUnownedSerialExecutor() }

  func vector(of source: String?) throws -> Result<[Float], ImageMissing> {
    try Task.checkCancellation()
    let extractor = try self.extractor ?? model.makeExtractor()
    self.extractor = extractor
    do {
      return .success(try extractor.features(of: try images.image(source: source)))
    } catch let error as RowImageError {
      return .failure(ImageMissing(error.description))
    } catch let error as ImageError {
      return .failure(ImageMissing(error.description))
    } catch let error as CollectionError {
      return .failure(ImageMissing(error.description))
    }
  }
}

/// Makes vectors of other vectors, by a projection.
struct ProjectedVectors: VectorMaker {
  let projection: Projection
  var readsVectors: Bool { true }

  func vectors(of rows: [(source: String?, vector: [Float]?)]) async throws -> [Result<[Float], ImageMissing>]
  {
    try rows.map { row in
      guard let vector = row.vector else { return .failure(ImageMissing("the row has no vector")) }
      return .success(try projection.apply(to: vector))
    }
  }
}

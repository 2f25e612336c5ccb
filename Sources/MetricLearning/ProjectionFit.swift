internal import Basics

/// A way to learn a projection, with its settings: what `adbvec projection fit` asks for.
public struct ProjectionFit: Sendable, Hashable {
  /// The ways there are.
  public enum Method: String, Sendable, Hashable, CaseIterable {
    /// Principal components.
    case pca
    /// Principal components scaled to equal variance.
    case pcaWhitening = "pca-whitening"
    /// Fisher's discriminant after whitening inside the classes.
    case discriminant
    /// A softmax loss over one learned proxy a class.
    case proxies

    /// Whether it learns from labels.
    public var isSupervised: Bool { self == .discriminant || self == .proxies }
  }

  /// The way.
  public var method: Method
  /// The dimensions to keep.
  public var outputs: Int
  /// Whether vectors are scaled to length 1 first.
  public var normalisesInput = true
  /// How far a supervised way draws the covariance towards a sphere.
  public var shrinkage = 0.7
  /// How often `proxies` sees every vector.
  public var epochs = 20
  /// Vectors in a mini-batch of `proxies`.
  public var batch = 128
  /// The step of `proxies`.
  public var learningRate: Float = 0.005
  /// What `proxies` draws its batches from.
  public var seed: UInt64 = 1

  /// A way with its usual settings.
  public init(_ method: Method, outputs: Int) {
    self.method = method
    self.outputs = outputs
  }

  /// Learns from vectors; labels count for the supervised ways only.
  ///
  /// - Parameter progress: Told the mean loss after each epoch of `proxies`.
  /// - Throws: `ProjectionError` with code `shape`, `samples` or `numerical`.
  public func fit(
    _ samples: LabelledVectors,
    progress: (_ epoch: Int, _ loss: Float) -> Void = { _, _ in }
  ) throws -> Projection {
    switch method {
    case .pca, .pcaWhitening:
      return try .principalComponents(
        of: samples,
        outputs: outputs,
        whitens: method == .pcaWhitening,
        normalisesInput: normalisesInput
      )
    case .discriminant:
      return try .discriminant(
        of: samples,
        outputs: outputs,
        shrinkage: shrinkage,
        normalisesInput: normalisesInput
      )
    case .proxies:
      var learning = ProxyLearning(outputs: outputs)
      learning.epochs = epochs
      learning.batch = batch
      learning.learningRate = learningRate
      learning.shrinkage = shrinkage
      learning.normalisesInput = normalisesInput
      learning.seed = seed
      return try learning.fit(samples, progress: progress)
    }
  }
}

extension Projection {
  /// Fits a principal component analysis.
  ///
  /// - Parameters:
  ///   - samples: The vectors; labels do not matter.
  ///   - outputs: The dimensions to keep.
  ///   - whitens: Whether components are scaled to equal variance (PCA-whitening).
  ///   - normalisesInput: Whether vectors are scaled to length 1 first.
  ///   - normalisesOutput: Whether results are.
  /// - Throws: `ProjectionError` with code `shape`, `samples` or `numerical`; `samples` also when whitening asks for more
  ///   directions than the samples vary in.
  public static func principalComponents(
    of samples: LabelledVectors,
    outputs: Int,
    whitens: Bool = false,
    normalisesInput: Bool = true,
    normalisesOutput: Bool = true
  ) throws -> Projection {
    try checkOutputs(outputs, samples.dimensions)
    let prepared = try PreparedSamples(samples, normalised: normalisesInput)
    let covariance = try SymmetricMatrix.meanOuterProduct(prepared.rows, order: prepared.dimensions)
    let (values, vectors) = try covariance.eigenvectors()
    if whitens { try checkVariance(values, outputs) }
    var matrix: [Float] = []
    matrix.reserveCapacity(outputs * prepared.dimensions)
    for output in 0..<outputs {
      let scale = whitens ? 1 / values[output].squareRoot() : 1
      let row = vectors[output * prepared.dimensions..<(output + 1) * prepared.dimensions]
      matrix.append(contentsOf: row.map { Float($0 * scale) })
    }
    return try Projection(
      matrix: matrix,
      mean: prepared.mean,
      normalisesInput: normalisesInput,
      normalisesOutput: normalisesOutput,
      provenance: ["method": whitens ? "pca-whitening" : "pca", "samples": String(prepared.count)]
    )
  }

  /// A direction that the samples do not vary in is rounding alone; scaled to equal variance it would drown the others.
  private static func checkVariance(_ values: [Double], _ outputs: Int) throws {
    let floor = max(values[0], .leastNormalMagnitude) * smallestVariance
    let usable = values.prefix { $0 > floor }.count
    guard outputs <= usable else {
      throw ProjectionError(
        .samples,
        "the samples vary in \(usable) directions only, and whitening keeps \(outputs); keep \(usable) or fewer, or learn "
          + "from more samples"
      )
    }
  }

  /// As a share of the largest variance.
  private static let smallestVariance = 1e-6

  static func checkOutputs(_ outputs: Int, _ dimensions: Int) throws {
    guard (1...dimensions).contains(outputs) else {
      throw ProjectionError(
        .shape,
        "vectors of \(dimensions) values cannot be projected to \(outputs) dimensions"
      )
    }
  }
}

extension Projection {
  /// Fits a linear discriminant projection to labelled vectors.
  ///  The covariance inside the classes, shrunk towards a sphere, is whitened; then the directions are kept
  /// in which the class means vary most (Fisher's discriminant; with pairs as classes, the discriminative
  /// whitening of Mikolajczyk and Matas, 2007). Means of n classes vary in n - 1 directions; further outputs
  /// take those in which the whitened vectors vary most.
  ///
  /// - Parameters:
  ///   - samples: The vectors with their classes.
  ///   - outputs: The dimensions to keep.
  ///   - shrinkage: How far the covariance is drawn towards a sphere, from 0 to 1; more when there are few
  ///     vectors.
  ///   - normalisesInput: Whether vectors are scaled to length 1 first.
  /// - Throws: `ProjectionError` with code `shape`, `samples` or `numerical`.
  public static func discriminant(
    of samples: LabelledVectors,
    outputs: Int,
    shrinkage: Double = 0.7,
    normalisesInput: Bool = true
  ) throws -> Projection {
    try checkOutputs(outputs, samples.dimensions)
    guard shrinkage >= 0, shrinkage <= 1 else {
      throw ProjectionError(.shape, "the shrinkage \(shrinkage) is not between 0 and 1")
    }
    let prepared = try PreparedSamples(samples, normalised: normalisesInput)
    let (means, counts, deviations) = prepared.byClass()
    guard means.count >= 2, counts.contains(where: { $0 >= 2 }) else {
      throw ProjectionError(
        .samples,
        "a supervised projection needs two classes, and one with two vectors or more"
      )
    }
    let order = prepared.dimensions
    let whitening = try whiteningMatrix(deviations, order: order, shrinkage: shrinkage)
    let spread = try spread(prepared, means, counts, whitening)
    let rotation = try spread.eigenvectors().vectors
    let matrix = SymmetricMatrix.product(
      Array(rotation.prefix(outputs * order)),
      whitening,
      rows: outputs,
      inner: order,
      columns: order
    )
    return try Projection(
      matrix: matrix.map(Float.init),
      mean: prepared.mean,
      normalisesInput: normalisesInput,
      normalisesOutput: true,
      provenance: [
        "method": "discriminant", "samples": String(prepared.count), "classes": String(means.count),
        "shrinkage": String(shrinkage),
      ]
    )
  }

  /// The inverse square root of the shrunk covariance.
  private static func whiteningMatrix(
    _ deviations: [Float],
    order: Int,
    shrinkage: Double
  ) throws -> [Double] {
    let within = try SymmetricMatrix.meanOuterProduct(deviations, order: order).shrunk(by: shrinkage)
    let (values, vectors) = try within.eigenvectors()
    let floor = max(values[0], .leastNormalMagnitude) * 1e-9
    var scaled = vectors
    for row in 0..<order {
      let scale = 1 / max(values[row], floor).squareRoot()
      for index in row * order..<(row + 1) * order { scaled[index] *= scale }
    }
    let transposed = (0..<order * order).map { vectors[$0 % order * order + $0 / order] }
    return SymmetricMatrix.product(transposed, scaled, rows: order, inner: order, columns: order)
  }

  /// The covariance of the whitened class means, and for the directions that these leave open a thousandth of
  /// the vectors' own.
  private static func spread(
    _ samples: PreparedSamples,
    _ means: [[Double]],
    _ counts: [Int],
    _ whitening: [Double]
  ) throws -> SymmetricMatrix {
    let order = samples.dimensions
    func whitened(_ rows: [Double]) -> [Double] {
      SymmetricMatrix.product(rows, whitening, rows: rows.count / order, inner: order, columns: order)
    }
    let white = whitened(means.flatMap { $0 })
    let total = Double(counts.reduce(0, +))
    let weights = counts.map { (Double($0 * counts.count) / total).squareRoot() }
    let weighted = white.indices.map { Float(white[$0] * weights[$0 / order]) }
    let between = try SymmetricMatrix.meanOuterProduct(weighted, order: order)
    let all = whitened(samples.rows.map(Double.init)).map(Float.init)
    return try between.adding(SymmetricMatrix.meanOuterProduct(all, order: order), times: 1e-3)
  }
}

/// What a way of learning does to retrieval, measured before the projection is learned from everything: among classes that
/// it did not see, and among other vectors of classes that it saw.
///
/// Figures on the vectors that a projection was learned from say little: a supervised projection can double them and still
/// make the search worse for every class that was not there.
public struct ProjectionTrial: Sendable, Hashable {
  /// Retrieval by the cosine, without and with the projection.
  public struct Comparison: Sendable, Hashable {
    /// How many classes were searched among.
    public let classes: Int
    /// The vectors as they are.
    public let before: RetrievalQuality
    /// The projected vectors.
    public let after: RetrievalQuality

    /// Whether the projected vectors retrieve worse by more than chance explains: mean average precision by more than 0.01
    /// and a standard error, or precision at 1 by more than 0.01 and two standard errors.
    public var isHarmed: Bool {
      func error(_ share: Double) -> Double {
        (share * (1 - share) / Double(max(before.queries, 1))).squareRoot()
      }
      let (precision, mean) = (before.precisionAt1, before.meanAveragePrecision)
      return after.meanAveragePrecision < mean - max(error(mean), 0.01)
        || after.precisionAt1 < precision - max(2 * error(precision), 0.01)
    }
  }

  /// Among the classes that were held out: every vector is searched for among the others.
  public let unseen: Comparison
  /// Among the classes that were learned from: held-out vectors are searched for among those learned from.
  public let seen: Comparison
}

extension ProjectionFit {
  /// The most vectors that figures are computed from.
  private static let mostMeasured = 4000

  /// Learns from three fifths of the classes, four fifths of the vectors of each, and measures on the rest.
  ///
  /// - Returns: nil where fewer than five classes have three vectors.
  /// - Throws: `ProjectionError`.
  public func trial(_ samples: LabelledVectors) throws -> ProjectionTrial? {
    var members: [Int: [Int]] = [:]
    for (row, label) in samples.labels.enumerated() { members[label, default: []].append(row) }
    var classes = members.filter { $0.value.count >= 3 }.keys.sorted()
    guard classes.count >= 5 else { return nil }
    var generator = SeededGenerator(seed: seed)
    classes.shuffle(using: &generator)
    let learnedClasses = classes.prefix(classes.count * 3 / 5)
    var (learned, asked, unseen): ([Int], [Int], [Int]) = ([], [], [])
    for label in learnedClasses {
      var rows = members[label] ?? []
      rows.shuffle(using: &generator)
      let heldOut = max(1, rows.count / 5)
      asked += rows.prefix(heldOut)
      learned += rows.dropFirst(heldOut)
    }
    for label in classes.dropFirst(learnedClasses.count) { unseen += members[label] ?? [] }
    if unseen.count > Self.mostMeasured {
      unseen = Array(unseen.shuffled(using: &generator).prefix(Self.mostMeasured)).sorted()
    }
    asked = Array(asked.shuffled(using: &generator).prefix(Self.mostMeasured)).sorted()
    let base = samples.rows(learned.sorted())
    var way = self
    way.outputs = min(outputs, samples.dimensions)
    let projection = try way.fit(base)
    let (queries, others) = (samples.rows(asked), samples.rows(unseen))
    let (projectedBase, projectedOthers) = (
      try base.projected(by: projection), try others.projected(by: projection)
    )
    return ProjectionTrial(
      unseen: ProjectionTrial.Comparison(
        classes: classes.count - learnedClasses.count,
        before: try others.retrievalQuality(),
        after: try projectedOthers.retrievalQuality()
      ),
      seen: ProjectionTrial.Comparison(
        classes: learnedClasses.count,
        before: try base.retrievalQuality(of: queries),
        after: try projectedBase.retrievalQuality(of: queries.projected(by: projection))
      )
    )
  }
}

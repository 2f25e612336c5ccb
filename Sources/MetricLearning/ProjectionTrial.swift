internal import Basics

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

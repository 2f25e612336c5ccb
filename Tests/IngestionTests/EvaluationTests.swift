import ImageCodecs
import ImageSources
import Inference
import MetricLearning
import Testing

@testable import Ingestion

/// Comparing settings on labelled images, without a network.
struct EvaluationTests {
  /// Images of one colour each; the class is what is given, the coarser class whether it starts with "a".
  private struct Colours: ImageCollection {
    let name = "colours"
    let labels: [String?]
    var count: Int { labels.count }

    func entry(at position: Int) throws -> ImageEntry {
      ImageEntry(id: position, label: labels[position], name: "\(position)", place: .file("\(position)"))
    }

    func coarseLabel(at position: Int) throws -> String? {
      labels[position].map { String($0.hasPrefix("a")) }
    }

    func image(at position: Int) throws -> Image {
      try Image(width: 1, height: 1, rgb: [UInt8(position), 0, 0])
    }

    func fingerprint() throws -> SourceFingerprint { SourceFingerprint("colours") }
  }

  @Test func classesAreFineAndCoarse() throws {
    let task = try RetrievalTask(
      collection: Colours(labels: ["ant", "ape", "bee", "bat"]),
      queries: Colours(labels: ["ape", "bee"]),
      workers: 1
    )
    var (collection, queries) = (CollectedVectors(), CollectedVectors())
    for (id, label, place) in [(0, "ant", 0), (1, "ape", 2), (2, "bee", 10), (3, "bat", 9)] {
      try collection.append(id: Int64(id), label: label, vector: [Float(place)])
    }
    for (id, label, place) in [(0, "ape", 0.5), (1, "bee", 9.1)] {
      try queries.append(id: Int64(id), label: label, vector: [Float(place)])
    }
    let result = try task.measure(
      .init(collection: collection, queries: queries),
      projection: nil,
      metric: .l2,
      recallAt: [1, 2]
    )
    // The nearest of "ape" is the ant, the nearest of "bee" the bat: wrong finely, right coarsely.
    #expect(result.fine.precisionAt1 == 0 && result.fine.recallAt == [1: 0, 2: 1])
    #expect(result.coarse?.precisionAt1 == 1)
    #expect(result.dimension == 1)
  }

  /// Where every class has one image there is nothing to find, and no share of it either.
  @Test func nothingToFindIsAnError() throws {
    let task = try RetrievalTask(collection: Colours(labels: ["ant", "bee"]), queries: nil, workers: 1)
    var rows = CollectedVectors()
    for (id, label) in ["ant", "bee"].enumerated() {
      try rows.append(id: Int64(id), label: label, vector: [Float(id)])
    }
    let error = #expect(throws: LoadError.self) {
      try task.measure(.init(collection: rows, queries: nil), projection: nil, metric: .l2, recallAt: [1])
    }
    #expect(
      error?.description
        == "no query has an image of its class to find in colours; two images of a class are the least"
    )
  }

  /// Ids of a sample are not its positions.
  @Test func aSampleIsMeasuredByItsOwnClasses() throws {
    let all = Colours(labels: (0..<30).map { $0 < 15 ? "ant" : "bee" })
    let sample = ImageSample(of: all, count: 12, seed: 1)
    let task = try RetrievalTask(collection: sample, queries: nil, workers: 1)
    var rows = CollectedVectors()
    for position in 0..<sample.count {
      let entry = try sample.entry(at: position)
      try rows.append(id: Int64(entry.id), label: entry.label, vector: [entry.label == "ant" ? 0 : 1])
    }
    let result = try task.measure(
      .init(collection: rows, queries: nil),
      projection: nil,
      metric: .l2,
      recallAt: [1]
    )
    #expect(result.fine.precisionAt1 == 1 && result.coarse?.precisionAt1 == 1)
  }

  @Test func aProjectionChangesWhatIsNear() throws {
    let task = try RetrievalTask(
      collection: Colours(labels: ["a", "a", "b", "b"]),
      queries: nil,
      workers: 1
    )
    var rows = CollectedVectors()
    for (id, label, vector) in [(0, "a", [0, 0]), (1, "a", [0, 9]), (2, "b", [1, 0]), (3, "b", [1, 9])] {
      try rows.append(id: Int64(id), label: label, vector: vector.map(Float.init))
    }
    let both = RetrievalTask.Vectors(collection: rows, queries: nil)
    let first = try Projection(
      matrix: [1, 0],
      mean: [0, 0],
      normalisesInput: false,
      normalisesOutput: false
    )
    func precision(_ projection: Projection?) throws -> Double {
      try task.measure(both, projection: projection, metric: .l2, recallAt: [1]).fine.precisionAt1
    }
    #expect(try precision(nil) == 0)
    #expect(try precision(first) == 1)
  }

  @Test func aCollectionWithoutClassesIsRefused() {
    let error = #expect(throws: LoadError.self) {
      try RetrievalTask(collection: Colours(labels: [nil, nil]), queries: nil, workers: 1)
    }
    #expect(error?.description.contains("no image has a class") == true)
  }

  @Test func settingsChangeWhatTheyName() throws {
    let shared = EvaluationSetting(
      name: "all",
      weights: "w.pth",
      feature: .pooled,
      projection: "p.safetensors"
    )
    let setting = try shared.changed(by: "feature=rmac:2 mirror=yes scales=0.7,1 metric=l2 normalise=yes")
    #expect(setting.feature == .rmac(levels: 2) && setting.metric == .l2 && setting.normalised)
    #expect(try setting.augmentation == TestTimeAugmentation(scales: [0.7, 1], mirror: .averaged))
    #expect(setting.weights == "w.pth" && setting.projection == nil, "it was fitted for another feature")
    #expect(try shared.changed(by: "metric=l2 name=far").projection == "p.safetensors")
    #expect(try shared.changed(by: "metric=l2 name=far").name == "far")
    #expect(try shared.changed(by: "model=resnet18").weights == nil)
    #expect(try shared.changed(by: "projection=none").projection == nil)
    #expect(shared.sharesVectors(with: try shared.changed(by: "metric=l2 projection=q")))
    #expect(!shared.sharesVectors(with: setting))
  }

  @Test(arguments: ["", "feature", "colour=red", "metric=ip", "metric=l2 metric=l2", "normalise=maybe"])
  func settingsThatMeanNothingAreRefused(text: String) {
    #expect(throws: LoadError.self) { try EvaluationSetting(name: "").changed(by: text) }
  }

  @Test func aComparisonIsATableForPrograms() throws {
    var quality = try LabelledVectors(vectors: [[0], [1]], labels: [0, 0]).retrievalQuality(recallAt: [5])
    let rows = [("one, two", 0.25), ("best", 0.5), ("third", 0.5)].map { name, value in
      quality.meanAveragePrecision = value
      return RetrievalComparison.Row(
        setting: EvaluationSetting(name: name),
        result: RetrievalResult(dimension: 3, fine: quality, coarse: nil)
      )
    }
    let comparison = RetrievalComparison(rows: rows, recallAt: [5])
    #expect(
      comparison.csv == """
        setting,dimension,metric,precisionAt1,precisionAt10,meanAveragePrecision,recallAt5
        "one, two",3,cosine,1.0,1.0,0.25,1.0
        best,3,cosine,1.0,1.0,0.5,1.0
        third,3,cosine,1.0,1.0,0.5,1.0

        """
    )
    #expect(comparison.best?.setting.name == "best")
  }

  @Test func aSampleIsTheSameForASeed() throws {
    let all = Colours(labels: (0..<50).map { "c\($0)" })
    let sample = ImageSample(of: all, count: 10, seed: 3)
    let ids = try (0..<sample.count).map { try sample.entry(at: $0).id }
    #expect(ids.count == 10 && ids == ids.sorted() && Set(ids).count == 10)
    #expect(try sample.image(at: 4).rgb[0] == UInt8(ids[4]))
    let again = ImageSample(of: all, count: 10, seed: 3)
    #expect(try (0..<10).map { try again.entry(at: $0).id } == ids)
    let other = ImageSample(of: all, count: 10, seed: 4)
    #expect(try (0..<10).map { try other.entry(at: $0).id } != ids)
    #expect(ImageSample(of: all, count: 99, seed: 1).count == 50)
  }

  @Test func vectorsWithoutAClassTeachNothing() throws {
    var rows = CollectedVectors()
    try rows.append(id: 0, label: "x", vector: [1, 2])
    try rows.append(id: 1, label: nil, vector: [3, 4])
    try rows.append(id: 2, label: "x", vector: [5, 6])
    #expect(
      try rows.labelled(supervised: true) == LabelledVectors(vectors: [[1, 2], [5, 6]], labels: [0, 0])
    )
    #expect(try rows.labelled(supervised: false).count == 3)
    #expect(throws: LoadError.self) { try rows.append(id: 3, label: nil, vector: [1]) }
    #expect(throws: LoadError.self) { try CollectedVectors().labelled(supervised: false) }
  }
}

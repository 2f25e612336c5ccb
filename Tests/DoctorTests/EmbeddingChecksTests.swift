import Testing
import VectorSQL

@testable import Doctor
@testable import ImageSearch
@testable import PostgresClient

/// What is said of vectors taken at random.
@Suite struct EmbeddingChecksTests {
  private func finding(
    _ sample: Facts.VectorSample?,
    recipe: Recipe = Recipe([.weights: "1a"]),
    table: QualifiedName? = nil
  ) throws -> Finding {
    var facts = Facts(server: ServerCapabilities(serverVersion: 180_000, versionText: ""), database: "d")
    facts.sample = sample
    facts.recipe = RecordedRecipe(recipe: recipe, table: "t")
    var images = ImageTable()
    if let table { images.name = table }
    let expectations = Expectations(table: images, dialect: .pgvector)
    return try #require(Doctor.judge(facts, expectations).first { $0.check == "embeddings" })
  }

  private func sample(_ sources: [String], compared: Int) -> Facts.VectorSample {
    var sample = Facts.VectorSample()
    sample.lengths = Array(repeating: 1, count: 100)
    sample.compared = compared
    sample.mismatches = sources.enumerated().map { .init(id: "\($0)", source: $1) }
    return sample
  }

  /// Sums of twelve numbers are all but normally distributed.
  private func lengths(_ count: Int, around centre: Double, spread: Double) -> [Double] {
    (0..<count).map { _ in
      let deviation = (0..<12).reduce(-6) { sum, _ in sum + Double.random(in: 0...1) }
      return centre * (1 + spread * deviation)
    }
  }

  @Test func rowsOfAnotherRecipeAreCountedAndTheirImagesEmbeddedAgain() throws {
    let found = try finding(
      sample(["/data/my pictures/a/1.png", "/data/my pictures/b/2.png"], compared: 150)
    )
    #expect(found.severity == .wrong)
    #expect(
      found.message
        == "2 of 150 images embedded again give another vector than their rows have (ids 0, 1): these rows were made by "
        + "another recipe, or their images have changed since"
    )
    #expect(found.fix == "adbvec embed-load '/data/my pictures' --restart --on-conflict update")
  }

  @Test func recordsAreEmbeddedAgainFromTheirFile() throws {
    let found = try finding(sample(["/x/train.bin#3", "/x/train.bin#9"], compared: 20), table: "other")
    #expect(
      found.fix == "adbvec embed-load '/x/train.bin' --table '\"other\"' --restart --on-conflict update"
    )
    let several = try finding(sample(["/x/train.bin#3", "/x/test.bin#9"], compared: 20))
    #expect(several.fix == "adbvec embed-load '/x' --restart --on-conflict update")
    let far = try finding(sample(["/x/train.bin#3", "/y/test.bin#9"], compared: 20))
    #expect(far.fix?.contains("adbvec embed-load FOLDER") == true)
  }

  @Test func aRecipeThatNoRowFitsIsNamed() throws {
    let found = try finding(sample(["/x/1.png", "/x/2.png"], compared: 2))
    #expect(
      found.message == "none of 2 images embedded again by the recorded recipe gives the vector of its row"
    )
  }

  @Test func vectorsOfLengthOneAreCounted() throws {
    var sample = sample([], compared: 0)
    sample.lengths[7] = 1.5
    let found = try finding(sample, recipe: Recipe([.normalise: "yes"]))
    #expect(found.severity == .wrong && found.message.hasPrefix("1 of 100 rows looked at"))
    #expect(found.fix?.contains("NOT BETWEEN 0.99 AND 1.01;") == true)
    #expect(try finding(sample).severity == .skipped)
  }

  @Test func imagesThatGiveTheirVectorsAreSaid() throws {
    #expect(
      try finding(sample([], compared: 150)).message
        == "150 images embedded again give the vectors of their rows"
    )
    #expect(try finding(sample([], compared: 90)).message.hasSuffix("give the vectors of their rows"))
    #expect(
      try finding(sample([], compared: 40)).message
        == "40 images embedded again give the vectors of their rows; of 5 % foreign rows they would find one with a probability "
        + "of 0.871"
    )
    #expect(try finding(nil).severity == .skipped)
  }

  /// A gap is found at 5 % of foreign rows, on either side, and none in one group of vectors.
  @Test(arguments: [0.001, 0.05, 0.15])
  func twoGroupsOfLengthsAreTold(spread: Double) throws {
    for _ in 0..<100 {
      let count = [200, 300, 1000].randomElement() ?? 200
      let own = lengths(count * 19 / 20, around: 40, spread: spread)
      #expect(Mixture(lengths(count, around: 40, spread: spread)) == nil)
      let small = try #require(Mixture(own + lengths(count / 20, around: 4, spread: 0.05)))
      #expect(small.below == count / 20 && small.middle > small.end && small.middle < small.start)
      #expect(Mixture(own + lengths(count / 20, around: 400, spread: 0.05))?.below == own.count)
    }
  }

  @Test func theSmallerGroupIsAskedFor() throws {
    var sample = Facts.VectorSample()
    sample.lengths = lengths(950, around: 40, spread: 0.1) + lengths(50, around: 400, spread: 0.1)
    let found = try finding(sample)
    #expect(found.severity == .warning && found.message.contains("950 of 1000 rows looked at"))
    #expect(found.fix?.contains("AS real[])) AS x) >= ") == true)
  }
}

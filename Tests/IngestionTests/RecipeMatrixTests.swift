import ImageCodecs
import ImageSearch
import Testing

@testable import Inference
@testable import Ingestion

/// Vectors of one length that different networks, features or projections made are never taken for each other's.
///
/// Loads and syncs ask `Recipe.check` in `LoadSession`; search, serve, sql query and sync ask it where they load a model.
struct RecipeMatrixTests {
  /// A feature of a network, as every way in records it, and the length of its vectors.
  private struct Made {
    let recipe: Recipe
    let dimension: Int
  }

  private static func features(of architecture: Architecture) throws -> [(FeatureKind, Int)] {
    let graph = architecture.graph
    let shapes = try graph.shapes(inputSize: architecture.inputSize)
    let (classes, channels) = (shapes[graph.outputs.logits].channels, shapes[graph.outputs.map].channels)
    var features: [(FeatureKind, Int)] = [
      (.logits, classes), (.probabilities, classes), (.pooled, channels), (.gem(p: 3), channels),
      (.gem(p: 2), channels), (.rmac(levels: 3), channels), (.rmac(levels: 2), channels),
    ]
    if let token = graph.outputs.classToken { features.append((.cls, shapes[token].channels)) }
    let names = Set(graph.nodes.dropFirst().map(\.name)).subtracting([""])
    for name in names.sorted() {
      guard let node = graph.nodes.lastIndex(where: { $0.name == name }) else { continue }
      features.append((.layer(name), shapes[node].count))
    }
    return features
  }

  private static func made(_ architecture: Architecture, projections: [String?]) throws -> [Made] {
    try features(of: architecture).flatMap { feature, dimension in
      projections.map { projection in
        let recipe = Recipe(
          architecture: architecture,
          // Published weights differ from network to network; timm's names have weights of their own too.
          weights: "sha256-of-\(architecture.name)",
          feature: feature,
          preprocessing: architecture.preprocessing,
          projection: projection,
          decoding: Image.DecodingOptions()
        )
        return Made(recipe: recipe, dimension: projection == nil ? dimension : 64)
      }
    }
  }

  private func expectRefusals(_ all: [Made]) -> Int {
    var pairs = 0
    for (_, group) in Dictionary(grouping: all, by: \.dimension) {
      for (first, recorded) in group.enumerated() {
        #expect(throws: Never.self) { try recorded.recipe.check(recorded.recipe, table: "t") }
        for (second, given) in group.enumerated() where first != second {
          if (try? recorded.recipe.check(given.recipe, table: "t")) != nil {
            Issue.record("\(given.recipe.json) is taken for \(recorded.recipe.json)")
          }
          pairs += 1
        }
      }
    }
    return pairs
  }

  @Test func vectorsOfEqualLengthOfDifferentFeaturesAreRefused() throws {
    let all = try Architecture.all.flatMap { try Self.made($0, projections: [nil]) }
    #expect(all.count > 1_000)
    #expect(expectRefusals(all) > 10_000)
  }

  /// A projection makes every feature's vectors as long as any other's.
  @Test func projectionsToOneLengthDoNotMix() throws {
    let all = try Architecture.all.flatMap { architecture in
      try Self.made(architecture, projections: ["1a2b3c4d", "5e6f7a8b"]).filter {
        $0.recipe[.feature]?.hasPrefix("layer:") == false
      }
    }
    #expect(expectRefusals(all) > 100_000)
  }

  @Test func aRefusalNamesBothRecipesAndTheOptionThatFits() throws {
    let all = try Self.made(.squeezeNet1_1, projections: [nil])
    let pooled = try #require(all.first { $0.recipe[.feature] == "pooled" })
    let gem = try #require(all.first { $0.recipe[.feature] == "gem:3.0" })
    let error = #expect(throws: RecipeMismatch.self) { try pooled.recipe.check(gem.recipe, table: "t") }
    let lines = error?.description.split(separator: "\n").map(String.init) ?? []
    #expect(lines.contains("  feature  pooled  gem:3.0") && lines.last == "Fix: use --feature pooled")
  }
}

/// What options leave open is taken from what is recorded of a table.
struct FeatureChoiceTests {
  private let recipe = Recipe([
    .architecture: "squeezenet1_1", .weights: "1a", .feature: "pooled", .scales: "0.7,1", .mirror: "yes",
    .normalise: "yes", .projection: "2b", .mean: "0.5,0.5,0.25", .deviation: "1,2,0.5",
    .interpolation: "bicubic", .resize: "235", .crop: "224", .weightsFile: "/nowhere/w.pth",
    .projectionFile: "/nowhere/p.safetensors",
  ])

  private var usual: FeatureChoice {
    FeatureChoice(feature: .logits, normalised: false, augmentation: .one)
  }

  @Test func takesWhatNobodyChoseFromTheRecipe() throws {
    let choice = try usual.completed(by: recipe, keeping: [])
    #expect(choice.feature == .pooled && choice.normalised && choice.model == "squeezenet1_1")
    #expect(choice.augmentation == (try TestTimeAugmentation(scales: [0.7, 1], mirror: .averaged)))
    let preprocessing = PreprocessingChanges(
      mean: [0.5, 0.5, 0.25],
      deviation: [1, 2, 0.5],
      interpolation: .bicubic,
      resize: 235,
      crop: 224
    )
    #expect(choice.preprocessing == preprocessing)
  }

  @Test func keepsWhatSomebodyChose() throws {
    var given = usual
    (given.model, given.weights, given.projection) = ("resnet18", "/w", "/p")
    let choice = try given.completed(by: recipe, keeping: [.feature, .normalise, .scales, .mirror])
    var expected = given
    expected.preprocessing = choice.preprocessing
    #expect(choice == expected)
    let mirrored = try usual.completed(by: recipe, keeping: [.scales])
    #expect(mirrored.augmentation == (try TestTimeAugmentation(scales: [1], mirror: .averaged)))
    let scaled = try usual.completed(by: recipe, keeping: [.mirror])
    #expect(scaled.augmentation == (try TestTimeAugmentation(scales: [0.7, 1], mirror: .none)))
  }

  /// Weights of the recipe are not taken for another model's.
  @Test func takesRecordedFilesThatCanBeRead() throws {
    var recipe = recipe
    let missing = try usual.completed(by: recipe, keeping: [])
    #expect(missing.weights == nil && missing.projection == nil)
    #expect(missing.missingProjection(of: recipe) == "2b")
    (recipe[.weightsFile], recipe[.projectionFile]) = ("/dev/null", "/dev/zero")
    let found = try usual.completed(by: recipe, keeping: [])
    #expect(found.weights == "/dev/null" && found.projection == "/dev/zero")
    #expect(found.missingProjection(of: recipe) == nil)
    var other = usual
    other.model = "resnet18"
    #expect(try other.completed(by: recipe, keeping: []).weights == nil)
    recipe[.projection] = "none"
    let plain = try usual.completed(by: recipe, keeping: [])
    #expect(plain.projection == nil && plain.missingProjection(of: recipe) == nil)
  }

  @Test func numbersAreReadAsTheyAreWritten() {
    for numbers: [Float] in [[0.5, 1, -0.25], [0.485, 0.456, 0.406], [1e-20]] {
      #expect(Recipe.numbers(Recipe.list(numbers)) == numbers)
    }
    #expect(Recipe.numbers("0.5, 1") == [0.5, 1])
    for text in ["", "1,", "1,a", "nan", "inf", "1;2"] { #expect(Recipe.numbers(text) == nil, "\(text)") }
  }
}
